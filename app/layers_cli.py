"""The commands on layers: check and import files, export, templates, history, undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from ..geodata.errors import InputError, Problem
from . import console
from .commands import DEMO, Command, Group, JsonOption, WorkspaceOption, reply, say, tell

layers_app = typer.Typer(
    cls=Group, help="图层: 检查、导入、导出、模板、历史与撤销。", invoke_without_command=True
)

KindArgument = Annotated[
    str, typer.Argument(help="资源类型的代码或中文名, 如 aed、备灾仓库; 全部类型见 boai layers types")
]
FileArgument = Annotated[
    Path,
    typer.Argument(help="xlsx、xls、csv、gpkg、geojson、shp、kml、gpx 文件, 或装着它们的文件夹、zip"),
]
AsOption = Annotated[str, typer.Option("--as", help="按哪种资源读, 如 aed、warehouse、备灾仓库")]
CrsOption = Annotated[
    str,
    typer.Option(
        "--crs", help="文件的坐标系: WGS84、GCJ-02(高德)、BD-09(百度)、CGCS2000、EPSG:4548 …; 不填则检验"
    ),
]
ConfirmOption = Annotated[bool, typer.Option("--confirm", help="坐标系存疑时仍按 --crs (或最可能的) 采用")]
MappingOption = Annotated[Path | None, typer.Option("--mapping", help="用这份表头对应 (YAML)")]
SaveMappingOption = Annotated[Path | None, typer.Option("--save-mapping", help="把这次的表头对应存为 YAML")]
SheetOption = Annotated[str | None, typer.Option("--sheet", help="只读这个工作表或图层")]
ReportOption = Annotated[Path | None, typer.Option("--report", help="把问题写成 Excel 报告, 有问题的行标色")]
TypesOption = Annotated[Path | None, typer.Option("--types", help="本单位增加的资源类型 (YAML)")]
RegistryOption = Annotated[
    str | None,
    typer.Option(
        "--registry",
        envvar="BOAI_REGISTRY",
        help="登记库: 一个 .gpkg 文件或 postgresql://…; 不填则用工作区的 layers.gpkg",
    ),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="要写出的文件已存在时覆盖它")]
WhoOption = Annotated[str | None, typer.Option("--who", help="经办人; 不填则用本机登录名")]
WhyOption = Annotated[str, typer.Option("--why", help="事由, 记入历史")]

_SHOWN = 30
_SEVERITY = {"error": "错误", "warning": "警告", "note": "说明"}
_STATUS = {
    "none": "没有坐标", "stated": "已注明", "tested": "检验得出", "confirmed": "人工确认", "doubtful": "存疑",
    "contradicted": "与注明的不符",
}  # fmt: skip


@layers_app.callback()
def layers(
    context: typer.Context,
    root: WorkspaceOption = DEMO,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """列出图层: 站点数、级别、是否示例数据。"""
    if context.invoked_subcommand is not None:
        # The environment says the workspace and the registry to the subcommand as well.
        given = (context.get_parameter_source(name) for name in ("root", "registry", "as_json"))
        if any(source is not None and source.name == "COMMANDLINE" for source in given):
            raise InputError(
                Problem("命令", "选项应写在子命令之后", fix="例如 boai layers show team -w demo --json")
            )
        return
    from . import layers as answers

    rows = answers.list_layers(root, registry)
    headers = {
        "kind": "图层", "name": "名称", "sites": "站点数", "in_service": "在用", "levels": "级别",
        "label": "标注",
    }  # fmt: skip
    _reply_rows(rows, "图层", headers, as_json=as_json)


@layers_app.command("show", cls=Command)
def layers_show(
    kind: KindArgument,
    root: WorkspaceOption = DEMO,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """列出一个图层的全部站点。"""
    from . import layers as answers

    found = answers.show(root, registry, kind)
    title = console.marked(found["title"], found["labels"])
    _reply_rows(found["rows"], title, found["headers"], as_json=as_json, shown=found["shown"])


@layers_app.command("types", cls=Command)
def layers_types(
    kind: Annotated[str | None, typer.Argument(help="只看这一种的各项属性")] = None,
    types: TypesOption = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """列出资源类型; 写明一种时列出它的属性、单位、可填的值。"""
    from . import layers as answers

    rows = answers.describe_types(root, kind, types)
    headers = (
        {"code": "代码", "title": "名称", "role": "用途", "meaning": "含义"}
        if kind is None
        else {
            "title": "表头", "name": "属性", "required": "必填", "unit": "单位", "allowed": "可填的值",
            "meaning": "含义",
        }
    )  # fmt: skip
    _reply_rows(rows, "资源类型" if kind is None else f"{kind} 的属性", headers, as_json=as_json)


@layers_app.command("check", cls=Command)
def layers_check(
    file: FileArgument,
    kind: AsOption,
    crs: CrsOption = "",
    confirm: ConfirmOption = False,
    mapping: MappingOption = None,
    save_mapping: SaveMappingOption = None,
    sheet: SheetOption = None,
    report: ReportOption = None,
    types: TypesOption = None,
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """检查一个文件能否导入: 坐标系判定、表头对应、逐行问题; 不写入任何图层。"""
    from . import layers as answers
    from .outputs import Reading

    reading = Reading(
        file, kind, crs=crs, confirm=confirm, mapping=mapping, save_mapping=save_mapping, sheet=sheet,
        report=report, types=types, overwrite=overwrite,
    )  # fmt: skip
    found = answers.check(root, reading, progress=say)
    _tell(found, as_json=as_json)
    if not found["ok"]:
        raise typer.Exit(1)


@layers_app.command("import", cls=Command)
def layers_import(
    file: FileArgument,
    kind: AsOption,
    crs: CrsOption = "",
    confirm: ConfirmOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="有一处错误就全部不导入")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="这个文件就是全部: 文件里没有的站点移出图层")
    ] = False,
    mapping: MappingOption = None,
    save_mapping: SaveMappingOption = None,
    sheet: SheetOption = None,
    report: ReportOption = None,
    types: TypesOption = None,
    overwrite: OverwriteOption = False,
    who: WhoOption = None,
    why: WhyOption = "",
    root: WorkspaceOption = DEMO,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """导入一个文件: 好的行进图层, 有错的行进隔离区, 一切记入历史, 可以撤销。"""
    from . import layers as answers
    from .outputs import Reading

    reading = Reading(
        file, kind, crs=crs, confirm=confirm, mapping=mapping, save_mapping=save_mapping, sheet=sheet,
        report=report, types=types, overwrite=overwrite,
    )  # fmt: skip
    found = answers.import_file(
        root, registry, reading, strict=strict, replace=replace, who=who, why=why, progress=say
    )
    _tell(found, as_json=as_json)
    if found["stored"] is None:
        raise typer.Exit(1)


def _tell(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Say what came of a file: verdict, headers, numbers, problems, what was stored."""
    if as_json:
        console.print_json(found)
        return
    verdict, rows = found["verdict"], found["rows"]
    status = _STATUS.get(verdict["status"], verdict["status"])
    tell(f"坐标系: {verdict['system'] or '—'} ({status})", *(f"  {reason}" for reason in verdict["reasons"]))
    for table in found["mapping"]:
        place = " ".join(text for text in (table["file"], table["sheet"]) if text)
        pairs = "、".join(f"{header}→{title}" for header, title in table["titles"].items())
        tell(f"表头对应 [{place}]: {pairs}")
        if table["extras"]:
            tell(f"  另存为附加列: {'、'.join(table['extras'])}")
    _tell_problems(found["problems"])
    tell(f"读到 {rows['read']} 行: 可导入 {rows['good']} 行, 隔离 {rows['quarantined']} 行")
    if "stored" in found:
        tell(found["outcome"])
    elif not found["ok"]:
        tell("现在不能导入, 请先处理上面的错误")


def _tell_problems(problems: Sequence[Mapping[str, Any]]) -> None:
    """Show the worst problems as a table, without the columns that all of them leave empty."""
    others = [one for one in problems if one["code"] != "crs_tested"]  # the verdict stands above
    told = sorted(others, key=lambda one: list(_SEVERITY).index(one["severity"]))
    shown = [_short(one) for one in told[:_SHOWN]]
    if shown:
        headers = {
            "severity": "程度", "file": "文件", "sheet": "工作表", "row": "行", "column": "列",
            "what": "问题", "got": "得到", "fix": "怎么办",
        }  # fmt: skip
        several = len({one["file"] for one in shown}) > 1
        sheets = any(one["sheet"] for one in shown)
        hidden = {"file": not several, "sheet": not sheets}
        used = {key: title for key, title in headers.items() if not hidden.get(key, False)}
        console.print_table(f"问题 ({len(told)} 处)", shown, used)
    if len(told) > _SHOWN:
        tell(f"另有 {len(told) - _SHOWN} 处, 用 --report 问题.xlsx 写出全部")


def _short(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Write a problem for a table: the evidence of the verdict stands above it already."""
    what = problem["what"].split(". ")[0] if problem["code"].startswith("crs_") else problem["what"]
    return {**problem, "severity": _SEVERITY[problem["severity"]], "what": what}


@layers_app.command("export", cls=Command)
def layers_export(
    kind: KindArgument,
    path: Annotated[Path, typer.Argument(help="写到哪里; 后缀决定格式: xlsx、csv、gpkg、geojson、shp、kml")],
    crs: Annotated[str, typer.Option("--crs", help="导出的坐标系")] = "WGS84",
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """导出一个图层; 导出的文件可以原样导回。"""
    from . import layers as answers

    found = answers.export(root, registry, kind, path, crs=crs, overwrite=overwrite)
    lines = [f"已写出 {found['sites']} 处 ({found['crs']}): {found['file']}"]
    lines += [f"注意: {found['label']}"] if found["label"] else []
    reply(found, lines, as_json=as_json)


@layers_app.command("template", cls=Command)
def layers_template(
    kind: KindArgument,
    path: Annotated[Path | None, typer.Argument(help="写到哪里; 不填为 类型名_模板.xlsx")] = None,
    types: TypesOption = None,
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """写出一种资源的 Excel 填报模板: 下拉选项、各列含义。"""
    from . import layers as answers

    found = answers.template(root, kind, path, types, overwrite=overwrite)
    reply(found, [found["file"]], as_json=as_json)


@layers_app.command("history", cls=Command)
def layers_history(
    kind: Annotated[str | None, typer.Argument(help="只看这个图层")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="最近多少次")] = 20,
    root: WorkspaceOption = DEMO,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """历史: 谁在何时为何改了什么, 来自哪个文件。"""
    from . import layers as answers

    rows = answers.history(root, registry, kind, limit)
    headers = {
        "number": "序号", "time": "时间", "who": "经办人", "layer": "图层", "what": "动作", "counts": "变动",
        "file": "文件", "crs": "坐标系", "why": "事由",
    }  # fmt: skip
    shown = [{**row, "number": str(row["number"]), "time": console.moment(row["time"])} for row in rows]
    _reply_rows(rows, "历史", headers, as_json=as_json, shown=shown)


@layers_app.command("undo", cls=Command)
def layers_undo(
    number: Annotated[int | None, typer.Argument(help="撤销哪一次 (见 history); 不填为最近一次")] = None,
    who: WhoOption = None,
    why: WhyOption = "",
    root: WorkspaceOption = DEMO,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """撤销一次改动; 撤销本身也记入历史, 也能再撤销。"""
    from . import layers as answers

    found = answers.undo(root, registry, number, who=who, why=why)
    reply(found, [found["outcome"]], as_json=as_json)


@layers_app.command("remove", cls=Command)
def layers_remove(
    kind: KindArgument,
    ids: Annotated[list[str] | None, typer.Argument(help="要移出的站点编号")] = None,
    everything: Annotated[bool, typer.Option("--all", help="移出这个图层的全部站点")] = False,
    who: WhoOption = None,
    why: WhyOption = "",
    root: WorkspaceOption = DEMO,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """把站点移出图层, 例如不要的示例数据; 可以撤销。"""
    from . import layers as answers

    found = answers.remove(root, registry, kind, ids or [], everything=everything, who=who, why=why)
    reply(found, [found["outcome"]], as_json=as_json)


@layers_app.command("diff", cls=Command)
def layers_diff(
    before: Annotated[int, typer.Argument(help="较早的序号 (见 history; 0 为最初)", min=0)],
    after: Annotated[int | None, typer.Argument(help="较晚的序号; 不填为现在", min=0)] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="只看这个图层")] = None,
    root: WorkspaceOption = DEMO,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """比较两个时刻的图层: 新增、删除、修改了哪些站点的哪些内容。"""
    from . import layers as answers

    rows = answers.diff(root, registry, before, after, kind)
    headers = {
        "layer": "图层", "id": "编号", "name": "名称", "change": "变动", "title": "内容", "before": "原为",
        "after": "现为",
    }  # fmt: skip
    _reply_rows(rows, f"变动 ({len(rows)} 处)", headers, as_json=as_json)


@layers_app.command("quarantine", cls=Command)
def layers_quarantine(
    kind: Annotated[str | None, typer.Argument(help="只看这个图层")] = None,
    number: Annotated[int | None, typer.Option("--revision", help="只看这一次导入")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="写成 CSV, 改好后可再导入")] = None,
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """隔离区: 导入时没有通过的行, 原样保存, 附问题。"""
    from . import layers as answers

    rows = answers.quarantine(root, registry, kind, number, out, overwrite=overwrite)
    headers = {
        "revision": "序号", "layer": "图层", "file": "文件", "sheet": "工作表", "row": "行",
        "problems": "问题", "cells": "内容",
    }  # fmt: skip
    shown = [{**row, "cells": "; ".join(f"{k}={v}" for k, v in row["cells"].items())[:200]} for row in rows]
    _reply_rows(rows, f"隔离区 ({len(rows)} 行)", headers, as_json=as_json, shown=shown)
    if out is not None and not as_json:
        tell(out)


@layers_app.command("verify", cls=Command)
def layers_verify(
    root: WorkspaceOption = DEMO,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """核对登记库: 每一行与登记的校验值是否相符。"""
    from . import layers as answers

    found = answers.verify(root, registry)
    reply(found, [f"登记库完好: {found['sites']} 处, 校验值 {found['hash'][:16]}"], as_json=as_json)


def _reply_rows(
    rows: Sequence[Mapping[str, Any]],
    title: str,
    headers: Mapping[str, str],
    *,
    as_json: bool,
    shown: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Give rows: to programs as they are, to people as a table (of ``shown`` where it is given)."""
    if as_json:
        console.print_json(rows)
    else:
        console.print_table(title, rows if shown is None else shown, headers)
