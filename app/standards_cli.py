"""The commands on standards: look, write a file to edit, check it, use it, go back to the defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from . import console
from .commands import DEMO, Command, Group, JsonOption, WorkspaceOption, reply, tell

standards_app = typer.Typer(
    cls=Group,
    help="服务标准: 查看每个数值的来源与可信度, 导出修改、检查、启用、恢复默认。",
    no_args_is_help=True,
)

FileArgument = Annotated[
    Path, typer.Argument(help="本单位的标准文件 (YAML), 由 boai standards export 写出后修改")
]

_NONE = "没有"


@standards_app.command("show", cls=Command)
def standards_show(
    kind: Annotated[
        str | None, typer.Argument(help="图层: aed、home、warehouse、team、training 或中文名; 不填则全部")
    ] = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """现行标准: 每个数值、来源、可信度(A 原文 B 二手 C 假设), 与默认不同的标明; 行政配置要求; 参考值。"""
    from . import standards as answers

    found = answers.show(root, kind)
    if as_json:
        console.print_json(found)
        return
    tell(_whose(found))
    headers = {
        "layer": "图层", "item": "项目", "value": "值", "source": "来源", "confidence": "可信度",
        "note": "备注", "changed": "与默认不同",
    }  # fmt: skip
    console.print_table("服务标准", found["rows"], headers)
    _tell_dropped(found["dropped"])
    headers = {
        "layer": "图层", "text": "要求", "unit": "单位", "minimum": "至少", "levels": "级别",
        "source": "来源", "confidence": "可信度", "note": "备注", "changed": "与默认不同",
    }  # fmt: skip
    if found["rules"]:
        console.print_table("行政配置要求", found["rules"], headers)
    headers = {
        "layer": "图层", "topic_text": "类别", "name": "名称", "value_text": "值", "source": "来源",
        "confidence": "可信度", "note": "备注",
    }  # fmt: skip
    if found["references"]:
        console.print_table("参考值 (不参与计算)", found["references"], headers)


def _whose(found: Mapping[str, Any]) -> str:
    if found["file"]:
        return f"本单位的标准: {found['file']}"
    if found["is_workspace"]:
        return f"默认标准: 工作区 {found['workspace']} 没有自己的标准文件"
    return f"默认标准: {found['workspace']} 不是工作区"


def _tell_dropped(rows: Sequence[Mapping[str, Any]]) -> None:
    """Say which values of the default hold no more."""
    tell(*(f"{row['layer']}: 不用默认的{row['item']} {row['default']}" for row in rows))


@standards_app.command("export", cls=Command)
def standards_export(
    to: Annotated[Path, typer.Argument(help="写到哪个文件, 如 my.yaml")],
    defaults: Annotated[bool, typer.Option("--defaults", help="写默认标准, 不是工作区现行的")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="替换那里已有的文件")] = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """写出一份可修改的标准文件: 全部数值, 旁边注明含义、单位和来源。"""
    from . import standards as answers

    found = answers.export(root, to, defaults=defaults, overwrite=overwrite)
    what = "默认标准" if found["defaults"] else "现行标准"
    line = f"已写出{what}: {found['file']}; 改好后运行 boai standards check {found['file']}"
    reply(found, [line], as_json=as_json)


@standards_app.command("check", cls=Command)
def standards_check(file: FileArgument, as_json: JsonOption = False) -> None:
    """检查标准文件: 一次列出全部问题; 没有问题的, 列出与默认的不同。"""
    from . import standards as answers

    found = answers.check(file)
    if as_json:
        console.print_json(found)
        return
    _tell_differences(found["differences"])
    tell(f"没有问题, 可以启用: boai standards use {found['file']}")


@standards_app.command("use", cls=Command)
def standards_use(file: FileArgument, root: WorkspaceOption = DEMO, as_json: JsonOption = False) -> None:
    """检查标准文件, 然后让工作区改用它; 原来的另存, 以后的结果都按新标准计算。"""
    from . import standards as answers

    found = answers.use(root, file)
    if as_json:
        console.print_json(found)
        return
    _tell_differences(found["differences"])
    if found["kept"]:
        tell(f"原来的标准另存为 {found['kept']}")
    tell(f"已启用: {found['file']}; 以后的结果都按它计算。")


@standards_app.command("reset", cls=Command)
def standards_reset(root: WorkspaceOption = DEMO, as_json: JsonOption = False) -> None:
    """恢复默认标准; 本单位的标准文件另存, 不删除。"""
    from . import standards as answers

    found = answers.reset(root)
    done = f"已恢复默认标准; 本单位的标准另存为 {found['kept']}"
    reply(found, [done if found["kept"] else "工作区用的就是默认标准。"], as_json=as_json)


def _tell_differences(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        tell("与默认标准完全相同。")
        return
    headers = {
        "layer": "图层", "item": "项目", "value": "值", "default": "默认", "source": "来源",
        "confidence": "可信度",
    }  # fmt: skip
    shown = [{**row, "value": row["value"] or _NONE, "default": row["default"] or _NONE} for row in rows]
    console.print_table("与默认标准的不同", shown, headers)
