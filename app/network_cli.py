"""The commands on road networks: build, download, describe, measure a way, close and reopen roads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from ..geodata.errors import InputError, Problem
from . import console
from .commands import DEMO, Command, Group, JsonOption, WorkspaceOption, reply, say, tell

network_app = typer.Typer(
    cls=Group, help="路网: 建立、下载、查看、检验、两点间行车、封闭与恢复道路。", no_args_is_help=True
)

FolderArgument = Annotated[Path, typer.Argument(help="路网文件夹, 或工作区文件夹(即其中的路网)")]


def _words(modes: Mapping[str, str]) -> str:
    return "、".join(f"{code}({name})" for code, name in modes.items())


@network_app.command("build", cls=Command)
def network_build(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="OSM 文件 (.osm.pbf、.osm、.osm.gz), OSMnx 存的 .graphml 或 .gpkg, "
            "线图层 (.shp、.gpkg、.geojson、.parquet)"
        ),
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="写到哪个文件夹")] = None,
    mode: Annotated[str, typer.Option("--mode", help="drive(驾车)、walk(步行) 或 heavy(重型车)")] = "drive",
    place: Annotated[str, typer.Option("--place", help="不用文件, 从 Overpass 下载这个地方(要联网)")] = "",
    rules: Annotated[
        str, typer.Option("--rules", help="boai, 或 osmnx(与 OSMnx 的取舍完全相同, 用于核对)")
    ] = "boai",
    reader: Annotated[
        str, typer.Option("--reader", help="auto、fast(自带的快速读法) 或 osmium(pyosmium)")
    ] = "auto",
    speeds: Annotated[Path | None, typer.Option("--speeds", help="本单位的车速等规则 (YAML)")] = None,
    crs: Annotated[str, typer.Option("--crs", help="线图层的坐标系, 文件里没有写明时必填")] = "",
    layer: Annotated[str, typer.Option("--layer", help="只读 .gpkg 里的这个图层")] = "",
    columns: Annotated[
        list[str] | None, typer.Option("--column", help="列的对应, 如 highway=道路等级; 可重复")
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, max=100, help="线图层: 相距几米以内的端点算同一点")
    ] = 0.0,
    weight: Annotated[float | None, typer.Option("--weight", help="heavy: 车辆总重, 吨")] = None,
    height: Annotated[float | None, typer.Option("--height", help="heavy: 车高, 米")] = None,
    width: Annotated[float | None, typer.Option("--width", help="heavy: 车宽, 米")] = None,
    ferries: Annotated[bool, typer.Option("--ferries/--no-ferries", help="用不用渡轮")] = True,
    overpass: Annotated[str, typer.Option("--overpass", help="Overpass 服务地址")] = "",
    nominatim: Annotated[str, typer.Option("--nominatim", help="Nominatim 服务地址")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="替换那里已有的路网")] = False,
    as_json: JsonOption = False,
) -> None:
    """建立路网: 读真实道路, 化简, 存成可直接映射的数组, 报告每一项取舍。"""
    from . import network_build as answers
    from .network_text import info_lines

    if to is None:
        raise InputError(Problem("--to", "没有说明写到哪里", fix="例如 --to roads"))
    wanted = answers.Building(
        file=file, place=place, mode=_mode(mode), rules=_one_of("--rules", rules, ("boai", "osmnx")),
        reader=_one_of("--reader", reader, ("auto", "fast", "osmium")), speeds=speeds, crs=crs, layer=layer,
        columns=_columns(columns or []), tolerance_m=tolerance, weight_t=weight, height_m=height,
        width_m=width, ferries=ferries, overpass=overpass, nominatim=nominatim,
    )  # fmt: skip
    found = answers.build(wanted, to, overwrite=overwrite, progress=say)
    reply(found, info_lines(found), as_json=as_json)


def _mode(text: str) -> str:
    from .network import MODES

    return _one_of("--mode", {name: code for code, name in MODES.items()}.get(text, text), tuple(MODES))


def _one_of(where: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise InputError(Problem(where, f"应为 {'、'.join(allowed)} 之一", text[:20]))
    return text


def _columns(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    problems = [
        Problem("--column", "应为 用途=列名", text[:40], "例如 highway=道路等级")
        for text, (use, mark, name) in zip(texts, pairs, strict=True)
        if not (use and mark and name)
    ]
    if problems:
        raise InputError(problems)
    return {use: name for use, _, name in pairs}


@network_app.command("download", cls=Command)
def network_download(
    source: Annotated[str, typer.Argument(help="地区 (默认 jiangxi) 或 http(s) 地址")] = "jiangxi",
    to: Annotated[Path | None, typer.Option("--to", help="存到哪个文件或文件夹; 不填为当前文件夹")] = None,
    mirror: Annotated[
        str, typer.Option("--mirror", envvar="BOAI_MIRROR", help="本地镜像: 另一个网址, 或文件夹")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """下载一个省的 OpenStreetMap 数据: 断点续传, 核对校验和, 可用本地镜像。"""
    from ..geodata.download import download

    found = download(source, to or Path(), mirror=mirror or None, progress=say)
    reply({"file": str(found), "bytes": found.stat().st_size}, [found], as_json=as_json)


@network_app.command("info", cls=Command)
def network_info(
    folder: Annotated[
        Path | None, typer.Argument(help="路网文件夹, 或工作区文件夹; 不填则用 --workspace")
    ] = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """路网概况: 节点、路段、各等级里程、连通情况、导入时的每一项取舍、封闭的道路。"""
    from . import network as answers
    from .network_text import info_lines

    found = answers.info(folder or answers.workspace_network(root))
    reply(found, info_lines(found), as_json=as_json)


@network_app.command("check", cls=Command)
def network_check(
    table: Annotated[
        Path | None, typer.Argument(help="公布里程表 CSV (from,to,km,minutes…); 不填则用随包的表")
    ] = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """用公布的道路里程检验路网: 逐条误差, 中位数, 25 % 以内的比例。"""
    from . import answers

    found = answers.check_network(root, table)
    if as_json:
        console.print_json(found)
        return
    headers = {
        "from": "起点", "to": "终点", "km": "公布 km", "model_km": "路网 km", "error_pct": "误差 %",
        "minutes": "公布分钟", "model_minutes": "路网分钟", "note": "说明",
    }  # fmt: skip
    console.print_table(console.marked("路网与公布里程的比较", [found["label"]]), found["rows"], headers)
    tell(_error_line("里程", found["summary"]), _error_line("时间", found["minutes"]))
    if found["label"]:
        tell("注意: 部分区段的公布里程本身就是路网数据; 去掉自身里程后的误差见 docs/roads.md。")


def _error_line(what: str, summary: dict[str, Any]) -> str:
    if not summary["rows"]:
        return f"{what}: 没有可比较的公布值"
    return (
        f"{what}误差 ({summary['rows']} 条): 绝对值中位数 {summary['median_pct']:.1f} %, "
        f"{100 * summary['within_25']:.0f} % 在 25 % 以内, 最大 {summary['worst_pct']:.0f} %"
    )


@network_app.command("time", cls=Command)
def network_time(
    folder: FolderArgument,
    start: Annotated[str, typer.Option("--from", help="起点 经度,纬度 (WGS84); 给工作区的, 也可写地名")],
    end: Annotated[str, typer.Option("--to", help="终点 经度,纬度 (WGS84), 或地名")],
    geometry: Annotated[bool, typer.Option("--geometry", help="JSON 里也给出路线的坐标")] = False,
    geojson: Annotated[Path | None, typer.Option("--geojson", help="把路线存成 GeoJSON 文件")] = None,
    ignore_closures: Annotated[
        bool, typer.Option("--ignore-closures", help="不计已封闭和减速的道路")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """两点间最快的走法: 时间、里程、途经道路、路线; 计入已封闭和减速的道路。"""
    from . import way as answers

    found = answers.time(folder, start, end, ignore_closures=ignore_closures)
    feature = found.pop("feature")
    if geojson is not None:
        from .network import save_geojson

        save_geojson(feature, geojson)
    more = {"geometry": feature["geometry"]} if geometry else {}
    reply({**found, **more}, answers.lines(found), as_json=as_json)


@network_app.command("close", cls=Command)
def network_close(
    folder: FolderArgument,
    road: Annotated[list[str] | None, typer.Option("--road", help="道路编号或名称, 如 G60; 可重复")] = None,
    way: Annotated[list[int] | None, typer.Option("--way", help="OpenStreetMap 的 way 编号; 可重复")] = None,
    edge: Annotated[list[int] | None, typer.Option("--edge", help="路段编号; 可重复")] = None,
    one_way: Annotated[bool, typer.Option("--one-way", help="--edge 只管这一个方向")] = False,
    near: Annotated[str, typer.Option("--near", help="经度,纬度: 这一点周围的道路")] = "",
    within: Annotated[float, typer.Option("--within", min=0, max=100_000, help="--near 周围几米")] = 50.0,
    polygon: Annotated[str, typer.Option("--polygon", help="碰到范围的道路: 文件或 '经度,纬度 …'")] = "",
    speed: Annotated[
        float, typer.Option("--speed", min=0, max=1, help="剩下的车速比例: 0 封闭, 0.5 减半")
    ] = 0.0,
    reason: Annotated[str, typer.Option("--reason", help="事由, 记入历史")] = "",
    reporter: Annotated[str, typer.Option("--reporter", help="报告人, 记入历史")] = "",
    until: Annotated[
        str, typer.Option("--until", help="到什么时候自动恢复: '2026-07-01 18:00', 或 18:00 (北京时间)")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """封闭道路或降低车速(按名称、编号、位置、范围); 以后的查询都计入, 随时可恢复。"""
    from . import network as answers
    from .desk.words import measure_line

    choice = answers.Choice(
        roads=road or [], ways=way or [], edges=edge or [], one_way=one_way, near=near, within_m=within,
        polygon=polygon,
    )  # fmt: skip
    found = answers.close(folder, choice, speed=speed, reason=reason, reporter=reporter, until=until)
    closed = f"{measure_line(found)}: {found['roads']} 段, {found['km']:.1f} 公里"
    reply(found, [closed, f"恢复: boai network reopen {folder} {found['number']}"], as_json=as_json)


@network_app.command("reopen", cls=Command)
def network_reopen(
    folder: FolderArgument,
    numbers: Annotated[list[int] | None, typer.Argument(help="封闭或减速的编号, 可写几个")] = None,
    every: Annotated[bool, typer.Option("--all", help="全部恢复")] = False,
    reason: Annotated[str, typer.Option("--reason", help="事由, 记入历史")] = "",
    who: Annotated[str, typer.Option("--who", help="经手人, 记入历史")] = "",
    as_json: JsonOption = False,
) -> None:
    """恢复封闭或减速的道路。"""
    from . import network as answers
    from .desk.words import measure_line

    if every == bool(numbers):
        raise InputError(Problem("命令", "应写编号, 或 --all", fix="编号见 boai network closures"))
    found = answers.reopen(folder, None if every else numbers, reason=reason, who=who)
    lines = [f"已恢复 {measure_line(one)}" for one in found["reopened"]]
    if found["set_aside"]:
        lines.append(f"原有的封闭记录读不出, 已另存为 {found['set_aside']}; 请核对哪些道路仍应封闭。")
    lines.append(f"仍有 {len(found['in_force'])} 条封闭或减速。")
    reply(found, lines, as_json=as_json)


@network_app.command("closures", cls=Command)
def network_closures(
    folder: FolderArgument,
    history: Annotated[bool, typer.Option("--history", help="也列出全部历史")] = False,
    as_json: JsonOption = False,
) -> None:
    """列出封闭和减速的道路, 以及历史。"""
    from . import network as answers
    from .desk.words import measure_line
    from .network_text import event_line

    found = answers.closures(folder)
    lines = [measure_line(one) for one in found["in_force"]] or ["没有封闭或减速的道路。"]
    lines += [event_line(event) for event in found["history"]] if history else []
    reply(found, lines, as_json=as_json)


@network_app.command("use", cls=Command)
def network_use(
    folder: Annotated[Path | None, typer.Argument(help="建好的路网文件夹")] = None,
    approximate: Annotated[bool, typer.Option("--approximate", help="改回随包的近似路网")] = False,
    straight: Annotated[bool, typer.Option("--straight", help="步行改回按直线估算(移出步行路网)")] = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """让工作区改用这个路网(先检查它是否覆盖本省居民); 步行路网另放, 只用于步行距离。"""
    from . import in_use

    if (folder is not None) + approximate + straight != 1:
        fix = "例如 boai network use roads"
        raise InputError(Problem("命令", "应给路网文件夹, 或 --approximate, 或 --straight", fix=fix))
    found = in_use.walk_straight(root) if straight else in_use.use_network(root, folder, progress=say)
    reply(found, [found["sentence"]], as_json=as_json)
