"""The commands on targets: the ledger, the December form of a city, collecting what came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from . import console
from .commands import DEMO, Command, Group, JsonOption, WorkspaceOption, reply, say, tell


class TargetsGroup(Group):
    """A group in which everything that is no command's name goes to ``show``: boai targets plan_2022_2024."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command's name before what it is to get."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["show", *args]
        return list(super().parse_args(ctx, args))


targets_app = typer.Typer(
    cls=TargetsGroup,
    help="目标台账: 计划的各项目标, 完成了多少; 每年 12 月的填报表, 收回汇总。",
    no_args_is_help=False,
)

LedgerOption = Annotated[
    Path | None, typer.Option("--ledger", help="本单位的目标台账 (YAML); 不填则用 2022-2024 年计划")
]
AllotmentsOption = Annotated[
    Path | None, typer.Option("--allotments", help="各市分解数 (YAML 或 allot 写出的 Excel); 由本单位填写")
]
AsOfOption = Annotated[
    int | None, typer.Option("--as-of", min=2000, max=2100, help="按哪一年判灯; 不填则今年")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="替换那里已有的文件")]

_PROVINCE = {
    "name": "目标", "year": "年份", "reading": "读法", "planned_text": "计划", "built": "已建成",
    "reached": "方案达到", "left": "还差", "light": "灯", "state": "状态", "binding": "约束性",
}  # fmt: skip
_UNITS = {
    "name": "目标", "year": "年份", "city": "设区市", "county": "县区", "planned": "计划", "built": "已建成",
    "reached": "方案达到", "left": "还差", "light": "灯", "state": "状态",
}  # fmt: skip


def _this_year(as_of: int | None) -> int:
    return datetime.now().astimezone().year if as_of is None else as_of


@targets_app.command("show", cls=Command)
def targets_show(
    scenario: Annotated[
        str | None, typer.Argument(help="方案: 预设名或 YAML 文件; 不填则按登记库现状")
    ] = None,
    year: Annotated[int | None, typer.Option("--year", help="只看这一年 (合计仍列)")] = None,
    by: Annotated[str, typer.Option("--by", help="省、市 或 县")] = "省",
    excel: Annotated[Path | None, typer.Option("--excel", help="写成 Excel, 灯有颜色也有文字")] = None,
    as_of: AsOfOption = None,
    ledger: LedgerOption = None,
    allotments: AllotmentsOption = None,
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """目标台账: 每个目标的计划、已建成、还差、绿黄红灰灯; 原文有几种读法的并列。"""
    from . import targets as answers

    given = answers.Given(_this_year(as_of), ledger, allotments)
    found = answers.show(root, scenario, given, by=by, year=year, excel=excel, overwrite=overwrite, say=say)
    if as_json:
        console.print_json(found)
        return
    title = console.marked(f"目标台账 ({found['title']}, 按 {found['as_of']} 年判灯)", found["labels"])
    rows = [{**row, "planned_text": _planned(row)} for row in found["rows"]]
    console.print_table(title, rows, _PROVINCE if by == "省" else _UNITS)
    _tell_missing(found["rows"])
    tell(*found["notes"])
    tell("各灯的行数: " + "; ".join(f"{light} {n}" for light, n in found["lights"].items()))
    tell(*(f"{light}: {meaning}" for light, meaning in found["meanings"].items()))
    if found["excel"]:
        tell(f"已写出 {found['excel']}")


def _planned(row: Mapping[str, Any]) -> str:
    """Write a figure with its comparator: ≥500 台, 5-8 人."""
    low, high, unit = row.get("planned"), row.get("planned_max"), row["unit"]
    if low is None:
        return "未给数目"
    sign = "≥" if row.get("comparator") == ">=" else ""
    return f"{sign}{low}{'' if high in (None, low) else f'-{high}'} {unit}"


def _tell_missing(rows: Sequence[Mapping[str, Any]]) -> None:
    """Name the units that a coverage target lacks."""
    told = dict.fromkeys(f"{row['name']}尚缺: {row['missing']}" for row in rows if row.get("missing"))
    tell(*told)


@targets_app.command("form", cls=Command)
def targets_form(
    out: Annotated[Path, typer.Argument(help="写到哪里: 一个市的写 xlsx 文件, --all 时写文件夹")],
    city: Annotated[str | None, typer.Option("--city", help="设区市, 如 赣州市")] = None,
    every: Annotated[bool, typer.Option("--all", help="给每个设区市各写一份")] = False,
    year: Annotated[int | None, typer.Option("--year", help="年度; 不填则今年")] = None,
    ledger: LedgerOption = None,
    allotments: AllotmentsOption = None,
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """写出各市 12 月的填报表: 计划、登记库已有的数, 由市里填上报数和说明。"""
    from ..geodata.errors import InputError, Problem
    from . import targets as answers

    if (city is None) != every:
        raise InputError(Problem("命令", "请写 --city 市名, 或写 --all", fix="二者写一个"))
    now = _this_year(None)
    given = answers.Given(now, ledger, allotments)
    found = answers.forms(root, given, year=year or now, out=out, city=city, overwrite=overwrite)
    if as_json:
        console.print_json(found)
        return
    for path in found["files"]:
        typer.echo(path)
    marks = f" [{'、'.join(found['labels'])}]" if found["labels"] else ""
    say(
        f"{found['year']} 年度填报表 {len(found['files'])} 份{marks}; 发给各市填好后运行 boai targets collect"
    )


@targets_app.command("collect", cls=Command)
def targets_collect(
    files: Annotated[list[Path], typer.Argument(help="各市发回的填报表, 或它们所在的文件夹")],
    out: Annotated[Path, typer.Option("--out", help="汇总写到哪个 xlsx 文件")],
    year: Annotated[int | None, typer.Option("--year", help="收哪一年的; 不填则看各文件")] = None,
    as_of: AsOfOption = None,
    ledger: LedgerOption = None,
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """收回各市的填报表, 汇成一个工作簿: 合计与计划、与登记库的不同、谁没报、每个文件的问题。"""
    from . import targets as answers

    given = answers.Given(_this_year(as_of), ledger)
    found = answers.collect(root, files, given, out=out, year=year, overwrite=overwrite, say=say)
    if as_json:
        console.print_json(found)
        return
    _tell_collected(found)


def _tell_collected(found: Mapping[str, Any]) -> None:
    headers = {
        "name": "目标", "reading": "读法", "planned_text": "全省计划", "reported": "上报",
        "recorded": "登记库", "cities": "已报的市", "left": "还差", "light": "灯", "state": "状态",
    }  # fmt: skip
    rows = [{**row, "planned_text": _planned(row)} for row in found["summary"]]
    console.print_table(console.marked(f"{found['year']} 年汇总", found["labels"]), rows, headers)
    headers = {
        "file": "文件", "sheet": "工作表", "cell": "单元格", "what": "问题", "got": "得到", "fix": "怎么办",
        "counts": "是否计入",
    }  # fmt: skip
    if found["problems"]:
        console.print_table("问题", found["problems"], headers)
    missing = "、".join(found["missing"])
    tell(f"没有收到(或不能用)的市: {missing or '无'}")
    tell(f"已写出 {found['excel']}")


@targets_app.command("allot", cls=Command)
def targets_allot(
    out: Annotated[Path, typer.Argument(help="写到哪个 xlsx 文件")],
    ledger: LedgerOption = None,
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """写出各市分解数的空表, 由省里填写后用 --allotments 带上; 计划没有公布各市的数。"""
    from . import targets as answers

    found = answers.allot(root, answers.Given(_this_year(None), ledger), out=out, overwrite=overwrite)
    reply(found, [f"已写出 {found['file']}; 填好后用 --allotments 带上"], as_json=as_json)


@targets_app.command("check", cls=Command)
def targets_check(
    file: Annotated[Path, typer.Argument(help="本单位的目标台账 (YAML)")],
    allotments: AllotmentsOption = None,
    as_json: JsonOption = False,
) -> None:
    """检查本单位的目标台账和各市分解数: 一次列出全部问题。"""
    from . import targets as answers

    found = answers.check(file, allotments)
    if as_json:
        console.print_json(found)
        return
    headers = {"id": "代号", "name": "目标", "kind": "资源", "readings": "读法", "binding": "约束性"}
    console.print_table(f"目标台账 {found['file']}", found["rows"], headers)
    tell("没有问题。")
