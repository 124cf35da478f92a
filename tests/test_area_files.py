"""Files of service areas: they read back as they were, QGIS finds its style, and nothing is overwritten."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import gridworld
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from boai.coverage.areas import Areas, service_areas
from boai.geodata.area_files import PolygonLayer, write_polygons
from boai.geodata.errors import InputError
from boai.maps import style
from boai.maps.exports import areas as area_exports

STYLE_COLUMNS = {
    "id", "f_table_catalog", "f_table_schema", "f_table_name", "f_geometry_column", "styleName", "styleQML",
    "styleSLD", "useAsDefault", "description", "owner", "ui", "update_time",
}  # fmt: skip


def make_areas(**kind: Any) -> Areas:
    """Three stores on the grid world, one of which is called by a formula."""
    network = replace(gridworld.grid_network(4), meta={"label": "近似路网"})
    layer = gridworld.make_layer(
        "warehouse",
        *gridworld.at_nodes(network, [0, 5, 5]),
        demand=gridworld.grid_demand(4),
        name=["=SUM(A1)", "乙库", "丙\x00库"],
    )
    return service_areas(
        network, layer, gridworld.drive_standard(), spacing_m=150, demand=gridworld.grid_demand(4), **kind
    )


@pytest.fixture(scope="module")
def products() -> list[Areas]:
    kinds: list[dict[str, Any]] = [{}, {"overlap": True}, {"together": True}]
    return [make_areas(**kind) for kind in kinds]


@pytest.fixture
def written(products: list[Areas], tmp_path: Path) -> Path:
    path = tmp_path / "范围.gpkg"
    found = write_polygons(path, [area_exports.area_layer(areas) for areas in products])
    names = ["范围.gpkg", "范围_责任区.qml", "范围_服务范围.qml", "范围_合并范围.qml"]
    assert [each.name for each in found] == names
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(names)
    return path


def test_a_geopackage_reads_back(written: Path, products: list[Areas]) -> None:
    assert [name for name, _ in pyogrio.list_layers(written)][:3] == [areas.product for areas in products]
    for areas in products:
        frame = pyogrio.read_dataframe(written, layer=areas.product)
        info = pyogrio.read_info(written, layer=areas.product)
        assert info["crs"] == "EPSG:4326"
        assert info["geometry_type"] == "MultiPolygon"
        assert list(frame.columns[:-1]) == list(area_exports.HEADERS.values())
        order = areas.table.sort_values(["limit", "site"], ascending=[False, True]).index.to_numpy()
        expected = areas.table.loc[order]
        assert frame["面积(平方公里)"].to_numpy() == pytest.approx(expected["area_km2"].to_numpy(), abs=6e-4)
        assert frame["居民(按出行)"].tolist() == expected["residents"].tolist()
        shapes = areas.shapes[order]
        there = ~shapely.is_empty(shapes)
        assert (frame.geometry.isna().to_numpy() == ~there).all()
        assert shapely.equals(frame.geometry.to_numpy()[there], shapes[there]).all()


def test_a_geopackage_is_sound_and_has_its_styles(written: Path, products: list[Areas]) -> None:
    with closing(sqlite3.connect(written)) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert {row[1] for row in base.execute("PRAGMA table_info(layer_styles)")} == STYLE_COLUMNS
        contents = dict(base.execute("SELECT table_name, data_type FROM gpkg_contents"))
        about = dict(base.execute("SELECT table_name, description FROM gpkg_contents"))
        styles = base.execute(
            "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles ORDER BY id"
        ).fetchall()
        geometry = dict(base.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
    assert contents == {areas.product: "features" for areas in products} | {"layer_styles": "attributes"}
    assert [(name, default) for name, _, _, default in styles] == [(areas.product, 1) for areas in products]
    for name, column, qml, _ in styles:
        assert column == geometry[name]
        assert qml == written.with_name(f"范围_{name}.qml").read_text(encoding="utf-8")
        assert "近似路网 示例数据" in about[name]
        assert "没有超过上限" in about[name]


def test_a_style_fits_its_layer(written: Path, products: list[Areas]) -> None:
    for areas in products:
        root = Xml.fromstring(written.with_name(f"范围_{areas.product}.qml").read_text(encoding="utf-8"))
        renderer = root.find("renderer-v2")
        assert renderer is not None
        frame = pyogrio.read_dataframe(written, layer=areas.product)
        assert renderer.get("attr") in frame.columns
        classes = renderer.findall("categories/category")
        assert len(classes) == len(areas.standard.limits)
        assert {each.get("value") for each in classes} == set(frame[renderer.get("attr")])
        symbols = {each.get("name"): each for each in renderer.findall("symbols/symbol")}
        assert {each.get("symbol") for each in classes} == set(symbols)
        colours = [
            symbols[each.get("symbol")].find("layer/Option/Option[@name='color']").get("value")  # type: ignore[union-attr]
            for each in classes
        ]
        ramp = style.ramp(len(classes) + 1)[:-1]
        assert colours == [",".join(str(int(one[i : i + 2], 16)) for i in (1, 3, 5)) + ",255" for one in ramp]


def test_texts_compute_nothing(written: Path) -> None:
    names = set(pyogrio.read_dataframe(written, layer="责任区")["名称"])
    assert names == {"'=SUM(A1)", "乙库", "丙库"}


def test_geojson_reads_back(products: list[Areas], tmp_path: Path) -> None:
    path = tmp_path / "范围.geojson"
    found = write_polygons(path, [area_exports.area_layer(products[0])])
    assert [each.name for each in found] == ["范围.geojson", "范围.qml"]
    content = json.loads(path.read_text(encoding="utf-8"))
    empty = [feature["geometry"] is None for feature in content["features"]]
    assert any(empty)
    frame = pyogrio.read_dataframe(path)
    assert frame["面积(平方公里)"].sum() == pytest.approx(products[0].table["area_km2"].sum(), abs=0.01)
    shapes = frame.geometry[~frame.geometry.isna()].to_numpy()
    assert shapely.area(shapes).sum() == pytest.approx(shapely.area(products[0].shapes).sum(), rel=1e-4)
    outer = shapely.get_exterior_ring(shapely.get_parts(shapes))
    assert shapely.is_ccw(outer).all()


def test_nothing_is_overwritten_unless_asked(written: Path, products: list[Areas]) -> None:
    layers = [area_exports.area_layer(products[0])]
    before = written.read_bytes()
    with pytest.raises(InputError, match="文件已存在"):
        write_polygons(written, layers)
    other = written.with_name("别的.gpkg")
    style_file = written.with_name("别的_责任区.qml")
    style_file.write_text("自己的", encoding="utf-8")
    with pytest.raises(InputError, match="文件已存在"):
        write_polygons(other, layers)
    assert not other.exists()
    assert style_file.read_text(encoding="utf-8") == "自己的"
    assert written.read_bytes() == before
    write_polygons(written, layers, overwrite=True)
    assert [name for name, _ in pyogrio.list_layers(written)] == ["责任区", "layer_styles"]
    written.with_name("夹.gpkg").mkdir()
    with pytest.raises(InputError):
        write_polygons(written.with_name("夹.gpkg"), layers, overwrite=True)


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    broken = PolygonLayer("甲", pd.DataFrame({"a": [1]}), np.array([None], object))
    with pytest.raises((TypeError, AttributeError, ValueError)):
        write_polygons(tmp_path / "a.geojson", [broken])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "count", "text"),
    [
        ("a.shp", 1, "gpkg 或 .geojson"),
        ("没有/a.gpkg", 1, "文件夹不存在"),
        ("a.gpkg", 0, "没有可写的范围"),
        ("a.gpkg", 2, "图层重名"),
        ("a.geojson", 2, "只能写一个图层"),
    ],
)
def test_wrong_wishes_are_refused(
    tmp_path: Path, products: list[Areas], name: str, count: int, text: str
) -> None:
    with pytest.raises(InputError, match=text):
        write_polygons(tmp_path / name, [area_exports.area_layer(products[0])] * count)
    assert not list(tmp_path.iterdir())


def test_no_site_makes_an_empty_layer(tmp_path: Path) -> None:
    layer = gridworld.make_layer("warehouse", np.empty(0), np.empty(0))
    areas = service_areas(gridworld.grid_network(3), layer, gridworld.drive_standard())
    path = tmp_path / "空.gpkg"
    write_polygons(path, [area_exports.area_layer(areas)])
    frame = pyogrio.read_dataframe(path, layer="责任区")
    assert len(frame) == 0
    assert list(frame.columns[:-1]) == list(area_exports.HEADERS.values())


def test_missing_numbers_stay_missing(tmp_path: Path) -> None:
    table = pd.DataFrame({"数": pd.array([1, None], dtype="Int64"), "比": [0.5, np.nan], "有": [True, False]})
    shapes = np.array([shapely.box(115, 28, 116, 29), shapely.Polygon()], object)
    for name in ("a.gpkg", "b.geojson"):
        write_polygons(tmp_path / name, [PolygonLayer("甲", table, shapes)])
        frame = pyogrio.read_dataframe(tmp_path / name)
        assert frame["数"].isna().tolist() == [False, True]
        assert frame["比"].isna().tolist() == [False, True]
        assert frame["有"].tolist() == ["是", "否"]


def test_a_full_disk_is_a_sentence(written: Path, products: list[Areas], monkeypatch: Any) -> None:
    """GDAL's own error is no defect of boai, and the old file stays."""
    before = written.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise pyogrio.errors.DataSourceError("No space left on device")

    monkeypatch.setattr(pyogrio.raw, "write", full)
    with pytest.raises(InputError, match="不能写文件"):
        write_polygons(written, [area_exports.area_layer(products[0])], overwrite=True)
    assert written.read_bytes() == before
