"""The commands on assessments: who is served and why not, how surely, how evenly, by what sites and roads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from ..geodata.errors import InputError, Problem
from . import console
from .commands import DEMO, Command, Group, JsonOption, WorkspaceOption, reply, say, tell

_TOPICS = "状态 分档 备份 均衡 可达性 要求 容量 时段 失去站点 道路 淹没 缺口 价值"
_MOST_ROWS = 120
"""Rows that a terminal gets; files hold all."""

townships_app = typer.Typer(cls=Group, no_args_is_help=True, help="乡镇边界: 用本单位的, 或改回近似划分。")


def assess(
    kind: Annotated[str | None, typer.Argument(help="图层; 与主题都不填则评估全部图层, 写成表格")] = None,
    topic: Annotated[
        str | None,
        typer.Argument(
            help=f"主题: {_TOPICS}",
        ),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="省、市、县、乡镇 或 网格")] = "市",
    group: Annotated[str, typer.Option("--group", help="全部、城镇、乡村、60岁以上、65岁以上")] = "全部",
    at: Annotated[str, typer.Option("--at", help="按这个时刻的开放时间, 如 '周三 20:30'")] = "",
    capacity: Annotated[bool, typer.Option("--capacity", help="状态里计入站点的容量")] = False,
    need: Annotated[
        float | None, typer.Option("--need", help="需要立即保障的居民, 占居民的 %; 不填按标准")
    ] = None,
    limit: Annotated[float | None, typer.Option("--limit", help="改用这个上限: 分钟(驾车)或米(步行)")] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=1000, help="排名表列出几行")] = 10,
    optimal: Annotated[bool, typer.Option("--optimal", help="容量: 再与全省统一调拨比较")] = False,
    polygon: Annotated[
        str, typer.Option("--polygon", help="淹没: 范围文件, 或各角的 '经度,纬度 经度,纬度 …'")
    ] = "",
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """评估: 谁够得着、为什么够不着、坏了一处会怎样、够不够分、是否均衡。"""
    from . import assessments as job

    wanted = job.Wanted(by, group, at, capacity, need, limit, top, optimal, polygon)
    if kind is None or topic is None:
        if kind is not None or limit is not None or polygon:
            fix = f"例如 boai assess 备灾仓库 状态; 主题有 {_TOPICS}; "
            fix += "全部评估请不填图层和主题, 也不填 --limit、--polygon"
            raise InputError(Problem("命令", "应给出图层和主题", fix=fix))
        every = job.assess_all(root, wanted, progress=say)
        _tell_files(every, every["notes"], as_json)
        return
    found = job.assess(root, kind, topic, wanted, progress=say)
    if as_json:
        console.print_json({**found, "tables": [{**each, "shown": None} for each in found["tables"]]})
        return
    for table in found["tables"]:
        title = f"{found['title']}: {table['title']}"
        most = top if table["ranked"] else _MOST_ROWS
        console.print_table(console.marked(title, found["labels"]), table["shown"][:most], table["headers"])
        if (more := len(table["shown"]) - most) > 0:
            tell(f"还有 {more:,} 行, 可加 --top, 用 --json, 或不填主题写成表格文件。")
    tell(*job.lines_of(found))


def _tell_files(found: Mapping[str, Any], notes: Iterable[str], as_json: bool) -> None:
    """List the files that were written; the notes on them go to standard error."""
    if as_json:
        console.print_json(found)
        return
    for path in found["files"]:
        typer.echo(path)
    for note in notes:
        say(note)  # the standard output is a list of files


def areas(
    kind: Annotated[str, typer.Argument(help="图层: aed、home、warehouse、team、training, 中文名也可")],
    out: Annotated[Path, typer.Argument(help="GeoPackage 文件, 如 服务范围.gpkg")],
    overlap: Annotated[
        bool, typer.Option("--overlap", help="每处单独的服务范围(可重叠); 不填为责任区(互不重叠)")
    ] = False,
    together: Annotated[bool, typer.Option("--together", help="合成一片, 不分站点")] = False,
    spacing: Annotated[float | None, typer.Option("--spacing", help="格距, 米; 不填自动")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="文件已存在时覆盖")] = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """服务范围: 按路网时间画面, 存成 QGIS 能直接打开的 GeoPackage (附样式)。"""
    from . import service_areas as job

    found = job.draw(
        root, kind, out, overlap=overlap, together=together, spacing_m=spacing, overwrite=overwrite,
        progress=say,
    )  # fmt: skip
    _tell_files(found, [console.marked(found["sentence"], found["labels"]), *found["notes"]], as_json)


@townships_app.command("use", cls=Command)
def townships_use(
    file: Annotated[Path, typer.Argument(help="乡镇边界: GPKG、Shapefile、GeoJSON, 含9位代码和名称")],
    layer: Annotated[str | None, typer.Option("--layer", help="GeoPackage 里的图层名")] = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """用本单位的乡镇边界; 此后 --by 乡镇 按它统计。"""
    from . import in_use

    found = in_use.use_townships(root, file, layer=layer)
    lines = [found["sentence"], *([found["note"]] if found["note"] else [])]
    reply(found, lines, as_json=as_json)


@townships_app.command("reset", cls=Command)
def townships_reset(root: WorkspaceOption = DEMO, as_json: JsonOption = False) -> None:
    """改回近似乡镇(按最近居民点划分)。"""
    from . import in_use

    found = in_use.approximate_townships(root)
    reply(found, [found["sentence"]], as_json=as_json)
