"""The commands. Each reads a workspace, asks the folders below for an answer, and prints it.

Heavy modules are imported inside the commands, so that ``boai nearest`` answers in well under a second.
"""

from __future__ import annotations

import errno
import io
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from ..geodata.errors import BoaiError, InputError, Problem
from . import console, usage
from .assess_cli import areas, assess, townships_app
from .commands import DEMO, Command, Group, JsonOption, WorkspaceOption, reply, say, tell
from .desk_cli import desk_app
from .layers_cli import layers_app
from .maps_cli import charts, export, page, report, sheets
from .network_cli import network_app
from .scenario_cli import scenario_app
from .siting_cli import plan, siting_app
from .standards_cli import standards_app
from .targets_cli import targets_app

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    help="博爱 boai: 看清红十字资源覆盖了谁, 缺口在哪里, 新点该设在哪里。",
    pretty_exceptions_enable=False,
)
app.add_typer(layers_app, name="layers")
app.add_typer(network_app, name="network")
app.add_typer(scenario_app, name="scenario")
app.add_typer(siting_app, name="siting")
app.add_typer(standards_app, name="standards")
app.add_typer(desk_app, name="desk")
app.add_typer(targets_app, name="targets")
app.add_typer(townships_app, name="townships")

NetworkOption = Annotated[
    Path | None, typer.Option("--network", help="用这个路网 (boai network build 建的), 不用近似路网")
]
ScenariosArgument = Annotated[
    list[str] | None,
    typer.Argument(help="方案: 预设名 (plan_2022_2024、every_county) 或 YAML 文件; 不填则用全部预设"),
]


@app.command(cls=Command)
def init(
    folder: Annotated[Path, typer.Argument(envvar="BOAI_WORKSPACE", help="工作区文件夹")] = DEMO,
    force: Annotated[bool, typer.Option("--force", help="即使已有可用的工作区也重建")] = False,
    network: NetworkOption = None,
    as_json: JsonOption = False,
) -> None:
    """建立工作区: 江西的边界、居民、近似路网和示例图层(全部为随包数据, 不需要上网)。"""
    from . import workspace

    done = workspace.init(folder, force=force, network=network, progress=say)
    found = {"workspace": str(done.root), **done.manifest}
    reply(found, [f"工作区已就绪: {done.root}"], as_json=as_json)


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{100 * share:.1f} %"


@app.command(cls=Command)
def coverage(
    kind: Annotated[str | None, typer.Argument(help="图层; 不填则全部")] = None,
    by: Annotated[str, typer.Option("--by", help="省、市 或 县")] = "市",
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """各级居民在每个时限(距离)内的覆盖: 人数与比例。"""
    from . import answers

    found = answers.coverage(root, kind, by, progress=say)
    if as_json:
        console.print_json(found)
        return
    headers = {
        "layer": "图层", "name": "单位", "limit_text": "上限", "residents": "居民", "served": "覆盖居民",
        "percent": "覆盖 %",
    }  # fmt: skip
    console.print_table(console.marked("覆盖", found["labels"]), found["rows"], headers)
    headers = {
        "layer": "图层", "sites": "站点数", "limit_text": "上限", "served": "覆盖居民",
        "p90_text": "九成居民在此以内", "second_share": "失去最近一处后仍覆盖", "label": "标注",
    }  # fmt: skip
    rows = [{**row, "second_share": _percent(row["second_share"])} for row in found["summary"]]
    console.print_table("全省概要", rows, headers)
    tell(*found["notes"])


@app.command(cls=Command)
def gaps(
    kind: Annotated[str | None, typer.Argument(help="图层; 不填则全部")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="每个图层列出几处")] = 10,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """缺口: 覆盖不到的居民, 按人数排序, 附地名和最近站点。"""
    from . import answers

    found = answers.gaps(root, kind, top, progress=say)
    if as_json:
        console.print_json(found)
        return
    headers = {
        "layer": "图层", "rank": "序号", "name": "地点", "city": "设区市", "residents": "未覆盖居民",
        "nearest_site": "最近站点", "cost_text": "到最近站点", "label": "标注",
    }  # fmt: skip
    console.print_table(console.marked("缺口", found["labels"]), found["rows"], headers)
    tell(*found["notes"])


app.command(cls=Command)(assess)
app.command(cls=Command)(areas)


app.command(cls=Command)(plan)


@app.command(cls=Command)
def compare(
    scenarios: ScenariosArgument = None,
    costs: Annotated[bool, typer.Option("--costs/--no-costs", help="显示或不显示费用")] = True,
    out: Annotated[Path | None, typer.Option("--out", help="把表格 (Excel, CSV) 写到这个新文件夹")] = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """把方案与现状比较: 谁新覆盖、谁失去、每处新站的作用、最弱的县、费用、哪个方案不必再考虑。"""
    from . import answers

    found = answers.compare(root, scenarios or [], progress=say, costs=costs, out=out)
    if as_json:
        console.print_json(found)
        return
    headers = {
        "title": "方案", "layer": "图层", "limit_text": "上限", "percent": "覆盖 %", "gained": "新覆盖居民",
        "lost": "失去覆盖", "actions": "站点变动", "per_site": "每新站增加", "worst_county": "最弱县区",
        "counties_good": "达标县区", "all_cost": "费用", "label": "标注",
    }  # fmt: skip
    main = [row for row in found["rows"] if row["main"] and row["changed"]]
    if not any(row.get("all_cost") for row in main):
        headers.pop("all_cost")
    console.print_table(console.marked("方案对比", found["labels"]), main, headers)
    tell(*(sentence for sentence in [*found["sentences"], found["conclusion"]] if sentence))
    tell(*(f"{row['title']}: {row['text']}" for row in found["dominance"] if row["dominated"]))
    tell(*found["notes"])
    for path in found["files"]:
        typer.echo(path)


@app.command("map", cls=Command)
def map_(
    scenarios: ScenariosArgument = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """出图: 一个离线网页, 每个图层一张可打印的图(PNG、PDF), 表格(Excel、CSV)。"""
    from .publish import everything

    found = everything.draw(root, scenarios or [], progress=say)
    if as_json:
        console.print_json(found)
        return
    for path in found["files"]:
        typer.echo(path)
    for note in found["notes"]:
        say(note)  # the standard output is a list of files


for _product in (page, sheets, report, export, charts):
    app.command(cls=Command)(_product)


@app.command(cls=Command)
def nearest(
    at: Annotated[str, typer.Option("--at", help="地名 (修水县)、拼音、坐标 (115.86,28.69) 或地图链接")],
    kind: Annotated[str, typer.Option("--kind", help="warehouse(备灾仓库) 或 team(救援队)")] = "warehouse",
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="列出几处")] = 3,
    avoid: Annotated[list[str] | None, typer.Option("--avoid", help="中断的道路, 如 G60; 可重复")] = None,
    geometry: Annotated[bool, typer.Option("--geometry", help="JSON 里也给出各条路线的坐标")] = False,
    geojson: Annotated[Path | None, typer.Option("--geojson", help="把各条路线存成 GeoJSON 文件")] = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """应急: 离这里最近的仓库或队伍, 多久能到, 有什么, 电话, 途经哪里。"""
    from .desk import question as desk

    found = desk.nearest(root, at, kind=kind, k=k, avoid=avoid or [])
    features = found.pop("features")
    if geojson is not None:
        from .network import save_geojson

        save_geojson({"type": "FeatureCollection", "features": features}, geojson)
    if geometry:
        for card, feature in zip(found["sites"], features, strict=True):
            card["geometry"] = feature["geometry"]
    reply(found, desk.lines(found), as_json=as_json)


@app.command(cls=Command)
def demo(
    root: WorkspaceOption = DEMO,
    network: NetworkOption = None,
    as_json: JsonOption = False,
) -> None:
    """示范: 在江西的随包数据上做完主要工作, 从建工作区到出图。"""
    from . import demo as job

    found = job.run(root, network=network, progress=say)
    reply(found, job.lines(found), as_json=as_json)


def _version(value: bool) -> None:
    if value:
        from . import workspace

        typer.echo(f"boai {workspace.boai_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="显示版本。")
    ] = False,
) -> None:
    del version


@cache
def _commands() -> Any:
    """Make the tree of all commands, once in a process."""
    return typer.main.get_command(app)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; every expected error ends as one Chinese sentence each and exit code 1."""
    # A closed stream is None: there is nobody to write to, but the command still runs.
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        # A Windows console or a pipe may have an encoding without Chinese.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        code = _commands()(arguments, prog_name="boai", standalone_mode=False)
    except BoaiError as error:
        problems = error.problems if isinstance(error, InputError) else [error]
        for problem in problems:
            say(f"错误: {problem}")
        code = 1
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except OSError as error:
        say(f"错误: {_system(error)}")
        code = 1
    except Exception as error:
        if hasattr(error, "format_message"):
            say(f"错误: {usage.sentence(error)}")
            code = 2
        else:
            say(f"错误: {_internal(error)}")
            code = 70
    if code == 130:
        say("已中止。")
    sys.exit(code if isinstance(code, int) else 0)


def _internal(error: Exception) -> Problem:
    """Say that boai itself failed."""
    fix = f"详情已存入 {console.save_traceback(error)}, 请发给开发者"
    return Problem("boai", "程序内部错误", f"{type(error).__name__}", fix)


def _system(error: OSError) -> Problem:
    words = {
        "PermissionError": "没有读写权限",
        "FileNotFoundError": "文件不存在",
        "FileExistsError": "文件已存在",
        "IsADirectoryError": "这是文件夹, 不是文件",
        "NotADirectoryError": "这不是文件夹",
    }
    what = words.get(type(error).__name__, "系统无法读写文件")
    if error.errno == errno.ENOSPC:
        what = "磁盘已满"
    return Problem(
        str(error.filename or "文件"), what, str(error.strerror or error), "请检查路径、权限和磁盘空间"
    )


if __name__ == "__main__":
    main()
