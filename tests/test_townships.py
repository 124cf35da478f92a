"""An office's own townships: files of several kinds, every problem at once, cells to townships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import gridworld
import numpy as np
import pandas as pd
import pyogrio
import pytest
import tinyworld
from boai.coverage.zones import zones_of
from boai.geodata import townships
from boai.geodata.errors import InputError, WorkspaceError
from boai.geodata.polygons import area_of
from boai.geodata.townships import Townships, assign, located, read_townships
from shapely import GeometryCollection, MultiPolygon, Point, Polygon, box

DEMAND = gridworld.grid_demand(4)
UNITS = tinyworld.make_units(DEMAND)


def frame(**columns: Any) -> gpd.GeoDataFrame:
    """Two townships in 甲县 (west and east half), one in 丁县; 乙县 and 丙县 have none."""
    shapes = [
        box(114.95, 27.95, 115.05, 28.15),
        box(115.05, 27.95, 115.15, 28.15),
        box(115.15, 28.15, 115.35, 28.35),
    ]
    table = {"code": ["360101001", "360101002", "360202001"], "name": ["西乡", "东镇", "南街道"], **columns}
    return gpd.GeoDataFrame(table, geometry=shapes, crs=4326)


def write(table: gpd.GeoDataFrame, path: Path, **options: Any) -> Path:
    table.to_file(path, **options)
    return path


def problems(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_townships(path, UNITS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "crs"),
    [
        (".gpkg", 4326),
        (".gpkg", 4490),
        (".gpkg", 4548),
        (".shp", 4326),
        (".shp", 4490),
        (".shp", 4548),
        (".geojson", 4326),
    ],
)
def test_files_of_all_kinds_in_any_coordinate_system(tmp_path: Path, suffix: str, crs: int) -> None:
    found = read_townships(write(frame().to_crs(crs), tmp_path / f"乡镇{suffix}"), UNITS)
    assert found.table["code"].tolist() == ["360101001", "360101002", "360202001"]
    assert found.table["name"].tolist() == ["西乡", "东镇", "南街道"]
    assert found.table.crs == "EPSG:4326"
    np.testing.assert_allclose(found.table.total_bounds, frame().total_bounds, atol=1e-7)
    assert found.note == f"乡镇边界来自 乡镇{suffix}; 没有乡镇边界的县区按全境一个单位计: 乙县、丙县"


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030"])
@pytest.mark.parametrize("stated", [True, False])
def test_texts_of_shapefiles(tmp_path: Path, encoding: str, stated: bool) -> None:
    path = write(frame(), tmp_path / "a.shp", encoding=encoding)
    if not stated:
        path.with_suffix(".cpg").unlink()
    assert read_townships(path, UNITS).table["name"].tolist() == ["西乡", "东镇", "南街道"]


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("XZQDM", ["360101001000", "360101002000", "360202001000"]),
        ("乡镇代码", [360101001, 360101002, 360202001]),
        ("TOWN_CODE", [360101001.0, 360101002.0, 360202001.0]),
        ("统计用区划代码", [" 360101001 ", "360101002", "360202001"]),
    ],
)
def test_headers_and_forms_of_codes(tmp_path: Path, code: str, values: list[Any]) -> None:
    table = (
        frame()
        .drop(columns=["code", "name"])
        .assign(**{code: values, "乡镇名称": ["西乡", "东镇", "南街道"]})
    )
    found = read_townships(write(table, tmp_path / "a.gpkg"), UNITS)
    assert found.table["code"].tolist() == ["360101001", "360101002", "360202001"]
    assert found.table["name"].tolist() == ["西乡", "东镇", "南街道"]


def test_rows_come_by_code(tmp_path: Path) -> None:
    path = write(frame().iloc[[2, 0, 1]], tmp_path / "a.gpkg")
    assert read_townships(path, UNITS).table["name"].tolist() == ["西乡", "东镇", "南街道"]


def test_every_problem_of_the_rows_is_told_at_once(tmp_path: Path) -> None:
    bow = Polygon([(115.0, 28.0), (115.1, 28.1), (115.1, 28.0), (115.0, 28.1)])
    shapes = [bow, Polygon(), None, Point(115, 28), *frame().geometry, box(115.2, 28.2, 115.3, 28.3)]
    codes = ["360101003", "360101004", "360101005", "360101006", "", "12", "990101001", "360101007"]
    table = gpd.GeoDataFrame({"code": codes, "name": ["", *"乙丙丁戊己庚辛"]}, geometry=shapes, crs=4326)
    twice = table.iloc[[-1, -1]].assign(code="360202009")
    text = problems(write(gpd.GeoDataFrame(pd.concat([table, twice])), tmp_path / "a.gpkg"))
    for expected in (
        "没有乡镇代码: 共 1 处, 得到 第5个 戊",
        "数字: 共 1 处, 得到 第6个 己 12",
        "乡镇代码重复: 共 2 处, 得到 第9个 辛 360202009、第10个 辛 360202009",
        "不是本省的县区: 共 1 处, 得到 第7个 庚 990101001",
        "没有乡镇名称: 共 1 处, 得到 第1个 360101003",
        "图形为空, 或者不是面: 共 3 处",
        "不是有效的多边形 (如自相交): 共 1 处",
        "位置不在代码所属的县区: 共 1 处, 得到 第8个 辛 360101007",
    ):
        assert expected in text
    assert len(text.splitlines()) == 8


def test_problems_of_the_file(tmp_path: Path) -> None:
    assert "文件不存在" in problems(tmp_path / "nothing.gpkg")
    broken = tmp_path / "broken.gpkg"
    broken.write_bytes(b"no geopackage")
    assert "无法读取" in problems(broken)
    bare = frame().drop(columns=["code", "name"]).assign(a=1)
    text = problems(write(bare, tmp_path / "bare.gpkg"))
    assert "没有乡镇代码一列, 得到 a" in text
    assert "没有乡镇名称一列" in text
    table = frame()
    unknown = gpd.GeoDataFrame(table.drop(columns="geometry"), geometry=table.geometry.to_numpy())
    path = tmp_path / "unknown.shp"
    with pytest.warns(UserWarning, match="crs"):
        unknown.to_file(path)
    assert "没有坐标系" in problems(path)
    assert "没有任何乡镇" in problems(write(frame().iloc[:0], tmp_path / "none.gpkg"))
    plain = tmp_path / "plain.gpkg"
    pyogrio.write_dataframe(frame().drop(columns="geometry"), plain)
    assert "没有图形" in problems(plain)


def test_a_file_with_several_layers_asks_for_one(tmp_path: Path) -> None:
    path = write(frame(), tmp_path / "a.gpkg", layer="乡镇")
    frame().to_file(path, layer="旧乡镇", mode="a")
    assert "应有且只有一个面图层, 得到 乡镇、旧乡镇" in problems(path)
    assert len(read_townships(path, UNITS, layer="旧乡镇").table) == 3
    points = frame().set_geometry(frame().geometry.representative_point())
    other = write(frame(), tmp_path / "b.gpkg", layer="面")
    points.to_file(other, layer="点", mode="a")
    assert len(read_townships(other, UNITS).table) == 3


def test_cells_belong_to_the_township_that_holds_their_centre() -> None:
    own = Townships(frame(), "测试")
    found, held = located(own, DEMAND)
    # 甲县 holds nodes 0 1 4 5: columns 0 and 1 are the halves; 丁县 holds 10 11 14 15.
    assert found.tolist() == [0, 1, -1, -1, 0, 1, -1, -1, -1, -1, 2, 2, -1, -1, 2, 2]
    assert (held == (found >= 0)).all()
    np.testing.assert_array_equal(assign(own, DEMAND), found)


def test_centres_outside_all_belong_to_the_nearest_of_their_county() -> None:
    small = frame().set_geometry(
        [box(115.09, 28.09, 115.11, 28.11), box(115.0, 28.03, 115.01, 28.05), frame().geometry[2]]
    )
    found, held = located(Townships(small, "测试"), DEMAND)
    # Node 1 is 10.0 km below the first and 9.4 km from the second.
    assert found[[0, 1, 4, 5]].tolist() == [1, 1, 1, 0]
    assert held[[0, 1, 4, 5]].tolist() == [False, False, False, True]
    # A township of 丁县 that reaches into 丙县 takes no cell there.
    wide = frame().set_geometry([*frame().geometry[:2], box(114.95, 27.95, 115.35, 28.35)])
    assert assign(Townships(wide, "测试"), DEMAND)[8] == -1
    assert located(Townships(frame().iloc[:0], "测试"), DEMAND)[0].tolist() == [-1] * 16


def test_zones_of_real_townships() -> None:
    found = zones_of(DEMAND, "乡镇", townships=Townships(frame(), "测试", "乡镇边界来自 测试"))
    assert found.table["code"].tolist() == ["360101001", "360101002", "360102000", "360201000", "360202001"]
    assert found.table["name"].tolist() == ["西乡", "东镇", "乙县全境", "丙县全境", "南街道"]
    assert found.table["county"].tolist() == ["甲县", "甲县", "乙县", "丙县", "丁县"]
    assert found.note == "乡镇边界来自 测试"
    tiny = frame().set_geometry([box(115.01, 28.01, 115.02, 28.02), *frame().geometry[1:]])
    note = zones_of(DEMAND, "乡镇", townships=Townships(tiny, "测试")).note
    assert note.startswith("2 个网格的中心不在任何乡镇内")
    hidden = frame().set_geometry([frame().geometry[0], frame().geometry[0], frame().geometry[2]])
    found = zones_of(DEMAND, "乡镇", townships=Townships(hidden, "测试"))
    assert "东镇" not in found.table["name"].tolist()
    assert "1 个乡镇(街道)内没有网格中心" in found.note


def test_saved_townships_come_back(tmp_path: Path) -> None:
    shapes = [MultiPolygon([shape]) if i else shape for i, shape in enumerate(frame().geometry)]
    own = Townships(frame().set_geometry(shapes), "测试.gpkg", "备注")
    digest = townships.save(own, tmp_path / "townships")
    back = townships.load(tmp_path / "townships")
    assert back.table.equals(own.table)
    assert (back.source, back.note) == ("测试.gpkg", "备注")
    assert townships.save(back, tmp_path / "again") == digest
    (tmp_path / "townships" / "wkb.npy").write_bytes(b"x")
    with pytest.raises(WorkspaceError):
        townships.load(tmp_path / "townships")


def test_no_collections(tmp_path: Path) -> None:
    mixed = frame().set_geometry([GeometryCollection([frame().geometry[0]]), *frame().geometry[1:]])
    assert "图形为空, 或者不是面: 共 1 处" in problems(write(mixed, tmp_path / "a.gpkg"))


def test_a_local_coordinate_system_is_refused(tmp_path: Path) -> None:
    local = 'LOCAL_CS["自定义",UNIT["metre",1],AXIS["X",EAST],AXIS["Y",NORTH]]'
    table = frame()
    own = gpd.GeoDataFrame(table.drop(columns="geometry"), geometry=table.geometry.to_numpy(), crs=local)
    text = problems(write(own, tmp_path / "a.gpkg"))
    assert "坐标系无法换算为经纬度" in text


def test_a_virtual_layer_under_another_name_is_refused(tmp_path: Path) -> None:
    """GDAL goes by the content: such a file would have read another one, or fetched it."""
    write(frame(), tmp_path / "real.gpkg")
    text = (
        f'<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{tmp_path / "real.gpkg"}</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    )
    for name in ("a.gpkg", "a.shp", "a.geojson", "a.vrt"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="无法读取"):
            read_townships(tmp_path / name, UNITS)
    with pytest.raises(InputError, match="读不出多边形"):
        area_of(str(tmp_path / "a.gpkg"))


def test_overlaps_are_told(tmp_path: Path) -> None:
    assert "重叠" not in read_townships(write(frame(), tmp_path / "fits.gpkg"), UNITS).note
    shapes = [box(114.95, 27.95, 115.07, 28.15), *frame().geometry[1:]]
    over = write(frame().set_geometry(gpd.GeoSeries(shapes, crs=4326)), tmp_path / "over.gpkg")
    assert "1 对乡镇互相重叠 (西乡与东镇), 重叠处归代码小的" in read_townships(over, UNITS).note
