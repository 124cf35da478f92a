"""The commands on what people look at: pages, wall sheets, the decision report, charts, files for others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from . import console
from .commands import DEMO, JsonOption, WorkspaceOption, say

ScenariosArgument = Annotated[
    list[str] | None,
    typer.Argument(help="方案: 预设名 (plan_2022_2024、every_county) 或 YAML 文件; 不填则用全部预设"),
]
FolderArgument = Annotated[Path, typer.Argument(help="写到这个文件夹")]
PublicOption = Annotated[
    bool, typer.Option("--public", help="公开版: 不含联系人和物资, 仓库位置取概略; 须有审图号")
]
NumberOption = Annotated[str, typer.Option("--review-number", help="审图号, 如 赣S(2024)001号; 印在左下角")]
DateOption = Annotated[str, typer.Option("--date", help="制图日期, 照写; 不填则不印")]
KindsOption = Annotated[list[str] | None, typer.Option("--kind", help="图层; 可重复, 不填则有站点的都出")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="覆盖已有的文件")]


def page(
    out: Annotated[Path, typer.Argument(help="网页文件, 以 .html 结尾")],
    scenarios: ScenariosArgument = None,
    compare: Annotated[
        tuple[str, str] | None, typer.Option("--compare", help="打开时就对比这两个方案: 左 右")
    ] = None,
    how: Annotated[str, typer.Option("--how", help="对比的方式: 差异、卷帘 或 并排")] = "差异",
    tiles: Annotated[
        str,
        typer.Option("--tiles", help="联网时的底图: 天地图、OSM、高德, 或内网地址 http://…/{z}/{x}/{y}.png"),
    ] = "",
    tiles_key: Annotated[str, typer.Option("--tiles-key", help="天地图的密钥; 会写进网页")] = "",
    tiles_datum: Annotated[
        str, typer.Option("--tiles-datum", help="内网底图的坐标: wgs84 或 gcj02")
    ] = "wgs84",
    title: Annotated[str, typer.Option("--title", help="标题; 不填则按省份")] = "",
    public: PublicOption = False,
    review_number: NumberOption = "",
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """网页: 一个离线文件, 看覆盖、缺口、选址, 拖动时限, 对比两个方案。"""
    from .publish import page as job

    asked = job.Asked(compare=compare, how=how, tiles=tiles, key=tiles_key, datum=tiles_datum, title=title)
    publishing = _publishing(review_number, public)
    _tell(job.write(_order(root, scenarios, publishing, overwrite), out, asked), as_json)


def sheets(
    folder: FolderArgument,
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", help="画哪个方案, 可重复; 不填: 覆盖和缺口画现状, 方案和对比画全部预设"),
    ] = None,
    of: Annotated[
        list[str] | None, typer.Option("--of", help="省、市、县; 可重复, 如 --of 市 --of 县 出全部市县")
    ] = None,
    unit: Annotated[list[str] | None, typer.Option("--unit", help="只画这些市县, 如 修水县; 可重复")] = None,
    theme: Annotated[
        list[str] | None, typer.Option("--theme", help="覆盖、缺口、方案 或 对比; 可重复, 不填为覆盖")
    ] = None,
    kind: KindsOption = None,
    size: Annotated[str, typer.Option("--size", help="纸张: A4、A3、A1 或 A0")] = "A3",
    form: Annotated[
        list[str] | None, typer.Option("--format", help="png、pdf 或 svg; 可重复, 不填为 png 和 pdf")
    ] = None,
    bound: Annotated[
        bool, typer.Option("--bound", help="同一主题、同一图层另合订成一个带书签的 PDF, 交印刷厂")
    ] = False,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, max=64, help="几个进程; 不填按处理器数")
    ] = None,
    date: DateOption = "",
    public: PublicOption = False,
    review_number: NumberOption = "",
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """挂图: 全省、各市、各县的印刷图纸; 一次出全套, 中断后接着出。"""
    from .publish import sheets as job

    asked = job.Asked(
        of=tuple(of or ()),
        units=tuple(unit or ()),
        themes=tuple(theme or ()),
        kinds=tuple(kind or ()),
        size=size,
        formats=tuple(form or ()),
        bound=bound,
        processes=processes,
    )
    publishing = _publishing(review_number, public, date)
    found = job.write(_order(root, scenario, publishing, overwrite), folder, asked)
    _tell(found, as_json)
    if found["failures"]:
        raise typer.Exit(1)


def report(
    folder: FolderArgument,
    scenarios: ScenariosArgument = None,
    form: Annotated[
        list[str] | None, typer.Option("--format", help="html、pdf 或 docx; 可重复, 不填则三种都出")
    ] = None,
    date: DateOption = "",
    public: PublicOption = False,
    review_number: NumberOption = "",
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """决策报告: 两页正文加附录 (HTML、PDF、Word), 每个数字都能在附表里找到。"""
    from .publish import report as job

    publishing = _publishing(review_number, public, date)
    _tell(job.write(_order(root, scenarios, publishing, overwrite), folder, form or ()), as_json)


def export(
    folder: FolderArgument,
    scenarios: ScenariosArgument = None,
    form: Annotated[
        list[str] | None,
        typer.Option("--format", help="gpkg、geojson、kml、shp、xlsx 或 csv; 可重复, 不填为 gpkg 和 xlsx"),
    ] = None,
    date: DateOption = "",
    public: PublicOption = False,
    review_number: NumberOption = "",
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """导出结果: GeoPackage (带 QGIS 样式)、GeoJSON、KML、Shapefile、带图表的 Excel、CSV。"""
    from .publish import export as job

    publishing = _publishing(review_number, public, date)
    _tell(job.write(_order(root, scenarios, publishing, overwrite), folder, form or ()), as_json)


def charts(
    folder: FolderArgument,
    scenarios: ScenariosArgument = None,
    kind: KindsOption = None,
    form: Annotated[
        list[str] | None, typer.Option("--format", help="png、pdf 或 svg; 可重复, 不填为 png 和 pdf")
    ] = None,
    public: PublicOption = False,
    review_number: NumberOption = "",
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """图表: 站点数与覆盖、时间与覆盖、公平 (洛伦兹曲线)、各市前后、目标进度。"""
    from .publish import charts as job

    order = _order(root, scenarios, _publishing(review_number, public), overwrite)
    _tell(job.write(order, folder, kinds=kind or (), formats=form or ()), as_json)


def _publishing(number: str, public: bool, date: str = "") -> Any:
    from .publish.material import Publishing

    return Publishing(number, public, date)


def _order(root: Path, names: list[str] | None, publishing: Any, overwrite: bool) -> Any:
    from .publish.material import Order

    return Order(root, names or [], publishing, overwrite, say)


def _tell(found: dict[str, Any], as_json: bool) -> None:
    """Print the files, one a line; what a reader must know goes to standard error."""
    if as_json:
        console.print_json(found)
        return
    for path in found["files"]:
        typer.echo(path)
    for text in (*found.get("failures", ()), *found["notes"]):
        say(str(text))
