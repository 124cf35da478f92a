"""The commands on scenarios: write, check, run, list, show; fronts and sensitivity of a siting request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from . import console
from .commands import DEMO, Command, Group, JsonOption, WorkspaceOption, say, tell
from .study_cli import front, sensitivity

scenario_app = typer.Typer(cls=Group, no_args_is_help=True, help="方案: 新建、检查、运行、列出、查看。")

SCENARIOS = "方案: 预设名、工作区 scenarios 文件夹里的名称、YAML 文件, 或放着 YAML 文件的文件夹"
ScenariosArgument = Annotated[list[str] | None, typer.Argument(help=f"{SCENARIOS}; 不填则全部")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="文件已存在时覆盖")]


@scenario_app.command("new", cls=Command)
def new(
    name: Annotated[str, typer.Argument(help="方案代号: 小写字母、数字、_ 或 -")],
    title: Annotated[str, typer.Option("--title", help="方案名称, 给人看的; 不填用代号")] = "",
    extends: Annotated[
        list[str] | None, typer.Option("--from", help="在这个方案(预设名或同文件夹的代号)上修改; 可重复")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="写到这个文件; 不填写到工作区的 scenarios 文件夹")
    ] = None,
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """新建方案文件: 带说明的 YAML, 打开就能改。"""
    from . import scenarios as job

    found = job.new(root, name, title=title, extends=extends or [], out=out, overwrite=overwrite)
    if as_json:
        console.print_json(found)
        return
    typer.echo(f"已写出 {found['file']}")
    which = found["name"] if out is None else str(out)
    typer.echo(f"改好后: boai scenario check {which}, 再 boai scenario run {which}")


@scenario_app.command("check", cls=Command)
def check(
    scenario: Annotated[str, typer.Argument(help="方案: 预设名、工作区里的名称, 或 YAML 文件")],
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """检查方案: 对照工作区核对每一项改动和选址请求, 所有问题一次列出; 不运行。"""
    from . import scenarios as job

    found = job.check(root, scenario)
    if as_json:
        console.print_json(found)
        return
    headers = {
        "number": "序号", "action_text": "改动", "layer": "图层", "id": "编号", "name": "名称",
        "county": "县区", "detail": "内容",
    }  # fmt: skip
    if found["changes"]:
        console.print_table(f"{found['title']}: 改动", found["changes"], headers)
    headers = {"number": "序号", "layer": "图层", "years": "年份", "asked": "要求", "note": "说明"}
    if found["requests"]:
        console.print_table(f"{found['title']}: 选址请求", found["requests"], headers)
    tell(*found["notes"], found["sentence"])


@scenario_app.command("run", cls=Command)
def run(
    scenarios: ScenariosArgument = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, max=64, help="同时运行几个; 不填按处理器个数")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="没有变化的也重新计算")] = False,
    time_limit: Annotated[
        float, typer.Option("--time-limit", min=0.1, help="每个选址请求最多求解几秒")
    ] = 60.0,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """运行方案: 结果存入工作区的 results 文件夹; 没有变化的不再计算, 中断后接着算。"""
    from . import scenarios as job

    found = job.run(
        root, scenarios or [], processes=processes, force=force, time_limit_s=time_limit, progress=say
    )
    if as_json:
        console.print_json(found)
    else:
        _tell_runs(found)
    if found["failed"]:
        raise typer.Exit(1)


def _tell_runs(found: Mapping[str, Any]) -> None:
    headers = {"name": "代号", "title": "方案", "outcome": "结果", "seconds": "用时(秒)", "folder": "文件夹"}
    console.print_table(console.marked("方案运行", found["labels"]), found["rows"], headers)
    tell(*found["sentences"], *found["notes"])
    for problem in found["problems"]:
        say(problem)


@scenario_app.command("list", cls=Command)
def list_(root: WorkspaceOption = DEMO, as_json: JsonOption = False) -> None:
    """列出方案: 预设和工作区里的, 结果是否是当前数据的。"""
    from . import scenarios as job

    found = job.list_all(root)
    if as_json:
        console.print_json(found)
        return
    headers = {
        "name": "代号", "title": "方案", "changes": "改动", "requests": "选址请求", "state": "结果",
        "file": "文件",
    }  # fmt: skip
    console.print_table("方案", found["rows"], headers)
    for problem in found["problems"]:
        say(problem)


@scenario_app.command("show", cls=Command)
def show(
    scenario: Annotated[str, typer.Argument(help="方案: 预设名、工作区里的名称, 或 YAML 文件")],
    top: Annotated[int, typer.Option("--top", min=1, help="每张表列出几行")] = 20,
    out: Annotated[Path | None, typer.Option("--out", help="把表格 (Excel, CSV) 写到这个新文件夹")] = None,
    costs: Annotated[bool, typer.Option("--costs/--no-costs", help="显示或不显示费用")] = True,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """查看方案的结果: 一句话结论、改动、选定的站点及次序、证明的界、各年对照、目标。"""
    from . import scenarios as job

    found = job.show(root, scenario, out=out, costs=costs, progress=say)
    if as_json:
        console.print_json(found)
        return
    for table in found["tables"]:
        rows = _some(table["shown"], top)
        more = f" (共 {len(table['shown']):,} 行, 列出 {top} 行)" if len(table["shown"]) > top else ""
        console.print_table(console.marked(table["title"] + more, found["labels"]), rows, table["headers"])
    layers = (f"  {line}" for line in found["layers"])
    tell(*found["sentences"], *layers, *found["notes"])
    for path in found["files"]:
        typer.echo(path)


def _some(rows: Sequence[Mapping[str, Any]], top: int) -> list[Mapping[str, Any]]:
    """Leave so many rows of a table, as many of each layer: the last layers are no less worth seeing.

    Examples
    --------
    >>> rows = [{"kind": kind, "rank": rank} for kind, rank in [("AED", 1), ("AED", 2), ("救援队", 1)]]
    >>> _some(rows, 2)
    [{'kind': 'AED', 'rank': 1}, {'kind': '救援队', 'rank': 1}]
    """
    if len(rows) <= top:
        return list(rows)
    seen = Counter[Any]()
    turns = []
    for at, row in enumerate(rows):
        turns.append((seen[row.get("kind")], at))
        seen[row.get("kind")] += 1
    chosen = sorted(at for _, at in sorted(turns)[:top])
    return [rows[at] for at in chosen]


scenario_app.command("front", cls=Command)(front)
scenario_app.command("sensitivity", cls=Command)(sensitivity)


@scenario_app.command("schema", cls=Command)
def schema(
    out: Annotated[Path | None, typer.Argument(help="写到这个文件; 不填写到标准输出")] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """方案文件的 JSON Schema: 编辑器(如 VS Code)据此提示和检查。"""
    from . import scenarios as job

    found = job.schema(out, overwrite=overwrite)
    if out is None:
        console.print_json(found)
    else:
        typer.echo(f"已写出 {out}")
