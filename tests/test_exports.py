"""Exports: every format reads back as the layers, and the layers are what the results say."""

from __future__ import annotations

import csv
import html
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as Xml

import exportworld
import mapworld
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from boai.coverage.gaps import unserved
from boai.coverage.states import STATES
from boai.geodata.errors import InputError
from boai.maps import style
from boai.maps.exports import cells, files, folder, gap_areas, points
from boai.maps.exports.layers import Export, exports_of, layers_of
from boai.maps.exports.model import LABELS, ExportLayer
from boai.maps.exports.names import distinct, safe_name
from boai.maps.layers import project
from boai.maps.public import Release
from boai.maps.words import residents_of
from hypothesis import given
from hypothesis import strategies as st

VECTOR = ("gpkg", "geojson", "kml", "shp", "csv")
KML = "{http://www.opengis.net/kml/2.2}"


@pytest.fixture(scope="module")
def small() -> tuple[Any, list[Any]]:
    return exportworld.small()


@pytest.fixture(scope="module")
def exports() -> list[Export]:
    return exportworld.small_exports()


@pytest.fixture(scope="module")
def hostile(
    small: tuple[Any, list[Any]], exports: list[Export], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Export], list[Path]]:
    """An export of hostile names in every vector format."""
    place = tmp_path_factory.mktemp("x") / "导出"
    return place, exports, folder.export(*small, place, formats=VECTOR)


def pairs(hostile: tuple[Path, list[Export], list[Path]]) -> list[tuple[Export, ExportLayer]]:
    return [(each, layer) for each in hostile[1] for layer in each.layers]


def texts_of(values: Any) -> list[str]:
    """Cells as texts, numbers in a form that all formats share."""
    return [
        "" if value is None or pd.isna(value) else value if isinstance(value, str) else f"{float(value):.6g}"
        for value in values
    ]


def check_table(layer: ExportLayer, found: pd.DataFrame, names: dict[str, str] | None = None) -> None:
    for header, short in layer.shaped.items():
        read = found[(names or {}).get(header, header)]
        own = layer.frame[header]
        assert texts_of(read) == texts_of(own), (layer.name, header)
        numeric = pd.api.types.is_numeric_dtype(own) and own.notna().any()
        assert not numeric or pd.api.types.is_numeric_dtype(read), (layer.name, short)


def test_a_geopackage_reads_back(hostile: tuple[Path, list[Export], list[Path]]) -> None:
    for export, layer in pairs(hostile):
        path = hostile[0] / "GeoPackage" / f"{export.name}.gpkg"
        frame = pyogrio.read_dataframe(path, layer=layer.name)
        check_table(layer, frame)
        assert frame.crs.to_epsg() == 4326
        assert shapely.equals(frame.geometry.to_numpy(), layer.frame.geometry.to_numpy()).all()
        info = pyogrio.read_info(path, layer=layer.name)
        assert "内部使用 不得公开" in info["layer_metadata"]["说明"]
        assert "示例数据" in info["layer_metadata"]["说明"]


def test_a_geopackage_is_sound(hostile: tuple[Path, list[Export], list[Path]]) -> None:
    for export in hostile[1]:
        with closing(sqlite3.connect(hostile[0] / "GeoPackage" / f"{export.name}.gpkg")) as base:
            assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            contents = dict(base.execute("SELECT table_name, data_type FROM gpkg_contents"))
            about = dict(base.execute("SELECT table_name, description FROM gpkg_contents"))
            moments = {row[0] for row in base.execute("SELECT last_change FROM gpkg_contents")}
            indexed = {row[0] for row in base.execute("SELECT table_name FROM gpkg_extensions")}
            notes = base.execute("SELECT 项目, 内容 FROM 说明").fetchall()
        names = {layer.name for layer in export.layers}
        assert contents == dict.fromkeys(names, "features") | {
            "说明": "attributes",
            "layer_styles": "attributes",
        }
        assert names <= indexed
        assert len(moments) == 1
        assert [tuple(row) for row in notes] == [*export.notes]
        assert all("内部使用 不得公开" in about[name] for name in names)


def test_geojson_follows_rfc_7946(hostile: tuple[Path, list[Export], list[Path]]) -> None:
    for export, layer in pairs(hostile):
        path = hostile[0] / "GeoJSON" / export.name / f"{layer.name}.geojson"
        content = json.loads(path.read_text(encoding="utf-8"))
        assert "crs" not in content
        assert "内部使用 不得公开" in content["description"]
        found = pd.DataFrame([each["properties"] for each in content["features"]])
        check_table(layer, found, dict(layer.short) if layer.heavy else None)
        assert all(short not in found for short in layer.flat)
        points = shapely.get_coordinates(
            [shapely.geometry.shape(each["geometry"]) for each in content["features"]]
        )
        assert np.array_equal(points, points.round(6))
        shapes = np.array([shapely.geometry.shape(each["geometry"]) for each in content["features"]], object)
        if layer.geometry == "MultiPolygon":
            rings = shapely.get_exterior_ring(shapely.get_parts(shapes))
            assert shapely.is_ccw(rings).all()
            assert shapely.area(shapes) == pytest.approx(
                shapely.area(layer.frame.geometry.to_numpy()), rel=1e-3
            )
        west, south, east, north = shapely.total_bounds(shapes)
        assert 110 < west <= east < 120
        assert 24 < south <= north < 31


def test_a_shapefile_reads_back_and_tells_its_names(hostile: tuple[Path, list[Export], list[Path]]) -> None:
    for export in hostile[1]:
        place = hostile[0] / "Shapefile" / export.name
        with (place / files.FIELDS).open(encoding="utf-8-sig", newline="") as file:
            told = [tuple(row) for row in csv.reader(file)][1:]
        assert told == [
            (layer.name, short, head) for layer in export.layers for head, short in layer.shaped.items()
        ]
        assert all(short.isascii() and len(short) <= 10 for _, short, _ in told)
        for layer in export.layers:
            path = place / f"{layer.name}.shp"
            assert path.with_suffix(".cpg").read_text().strip().upper() == "UTF-8"
            cut = layer.frame.assign(
                **{
                    head: [text.encode()[:254].decode(errors="ignore") for text in layer.frame[head]]
                    for head in layer.short
                    if not pd.api.types.is_numeric_dtype(layer.frame[head])
                }
            )
            check_table(replace(layer, frame=cut), pyogrio.read_dataframe(path), dict(layer.short))
        notes = (place / "说明.csv").read_text(encoding="utf-8-sig")
        assert re.search("_站点 的 名称: 1 条文字超过 254 字节, 已截短", notes)


def test_csv_reads_back(hostile: tuple[Path, list[Export], list[Path]]) -> None:
    for export, layer in pairs(hostile):
        path = hostile[0] / "CSV" / export.name / f"{layer.name}.csv"
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        found = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)
        assert list(found) == list(layer.short)
        for header in layer.short:
            own = layer.frame[header]
            if pd.api.types.is_numeric_dtype(own):
                assert texts_of(pd.to_numeric(found[header])) == texts_of(own)
            else:
                assert found[header].tolist() == own.tolist()
                assert not found[header].str.match(r"\s*[=+\-@＝＋－＠]").any()


def test_kml_is_plain_and_styled(hostile: tuple[Path, list[Export], list[Path]]) -> None:
    for export in hostile[1]:
        path = hostile[0] / "KML" / f"{export.name}.kml"
        text = path.read_text(encoding="utf-8")
        root = Xml.fromstring(text)
        assert root.tag == f"{KML}kml"
        assert not re.search(r"(?i)<(script|img|iframe|href)|http://(?!www\.opengis\.net/kml/2\.2)", text)
        styles = {f"#{each.get('id')}" for each in root.iter(f"{KML}Style")}
        assert {each.text for each in root.iter(f"{KML}styleUrl")} <= styles
        groups = root.findall(f"{KML}Document/{KML}Folder")
        count = {
            (group.findtext(f"{KML}name"), each.findtext(f"{KML}name")): len(each.findall(f"{KML}Placemark"))
            for group in groups
            for each in group.findall(f"{KML}Folder")
        }
        for layer in export.layers:
            rows = layer.frame[layer.looks[0].header].nunique() if layer.sums else len(layer.frame)
            assert count.pop((layer.group or "底图", layer.title), 0) == (0 if layer.heavy else rows)
        assert not count
        told = [html.unescape(each.text or "") for each in root.iter(f"{KML}description")]
        assert not [each for each in told if "<script" in html.unescape(each) and "&lt;script" in each]


def test_kml_reads_back(hostile: tuple[Path, list[Export], list[Path]]) -> None:
    export = hostile[1][1]
    layer = next(layer for layer in export.layers if layer.name == "备灾仓库_站点")
    found = pyogrio.read_dataframe(hostile[0] / "KML" / f"{export.name}.kml", layer="站点")
    names = [" ".join(name.split()) for name in layer.frame["名称"]]  # GDAL takes blanks together
    assert [" ".join(name.split()) for name in found["Name"]][: len(names)] != []
    assert set(names) <= {" ".join(str(name).split()) for name in found["Name"]}


def test_names_stay_inside_the_folder(hostile: tuple[Path, list[Export], list[Path]]) -> None:
    place, exports, found = hostile
    assert [each.name for each in exports] == ["b_现状", "_con"]
    assert sorted(found) == sorted(path for path in found if path.is_relative_to(place) and path.is_file())
    rest = [path for path in place.rglob("*") if path.is_file() and path not in set(found)]
    assert rest == []
    assert list(place.parent.iterdir()) == [place]


@given(st.lists(st.text(max_size=60), max_size=6))
def test_any_title_makes_a_name_of_its_own(titles: list[str]) -> None:
    names = distinct(titles)
    assert len({name.casefold() for name in names}) == len(titles)
    for name in names:
        assert re.fullmatch(r"[\w\-_ ()]+", name)
        assert len(name.encode()) <= 140
        assert name == name.strip(" .")


@pytest.mark.parametrize("name", ["CON", "nul.txt", "com1", "LPT9.x", "aux "])
def test_devices_of_windows_are_no_names(name: str) -> None:
    assert safe_name(name).startswith("_")


# ---------- what the layers say ----------


def named(export: Export) -> dict[str, ExportLayer]:
    return {layer.name: layer for layer in export.layers}


def test_units_hold_the_figures_of_the_tables(small: tuple[Any, list[Any]], exports: list[Export]) -> None:
    for export, result in zip(exports, small[1], strict=True):
        for level in ("省", "市", "县"):
            frame = named(export)[level].frame.set_index("代码")
            own = result.units[(result.units["level"] == level) & (result.units["kind"] == "warehouse")]
            for limit, text in ((600, "10分钟"), (1200, "20分钟")):
                rows = own[own["limit"] == limit].set_index("code")
                served = frame[f"备灾仓库{text}车程以内居民(人)"]
                assert served.to_dict() == rows["served"].to_dict()
                shares = frame[f"备灾仓库{text}车程以内比例(%)"]
                assert shares.to_dict() == (rows["share"] * 100).round(2).to_dict()
        assert frame["备灾仓库站点数(座)"].sum() == len(result.layers["warehouse"].table)
        measure = style.county_measure(result.covers["aed"].standard)
        assert set(frame["AED分档"]) <= {swatch.text for swatch in measure.classes}


def test_cells_agree_with_the_limits(small: tuple[Any, list[Any]], exports: list[Export]) -> None:
    world, results = small
    frame = named(exports[0])["网格"].frame
    cover = results[0].covers["warehouse"]
    assert frame["居民(人)"].tolist() == results[0].residents.tolist()
    minutes = frame["备灾仓库车程(分钟)"].to_numpy(float)
    classes = [swatch.text for swatch in style.reach_classes(cover.standard)]
    for text, low, high in zip(classes, (-1, 10, 20), (10, 20, np.inf), strict=True):
        inside = (minutes > low) & (minutes <= high)
        assert (frame["备灾仓库档次"][inside] == text).all()
    assert ((frame["备灾仓库状态"] == "已覆盖") == (minutes <= 10)).all()
    areas = shapely.area(frame.geometry.to_numpy())
    assert areas.sum() == pytest.approx(shapely.area(world.units.province.geometry.iloc[0]), rel=2e-3)


def test_cells_tell_three_states_where_room_is_counted(small: tuple[Any, list[Any]]) -> None:
    world, results = small
    share = np.zeros((37, len(STATES)))
    share[:, 0], share[:, 1] = 0.3, 0.7
    share[5] = np.eye(len(STATES))[4]
    made: Any = {(results[0].name, "warehouse"): SimpleNamespace(share=share)}
    frame = named(exports_of(world, results, states=made)[0])["网格"].frame
    expected = ["够得着但没有余量"] * 37
    expected[5] = "够不着"
    assert frame["备灾仓库状态"].tolist() == expected


def test_changes_are_the_cells_that_gain(small: tuple[Any, list[Any]], exports: list[Export]) -> None:
    world, results = small
    frame = named(exports[1])["备灾仓库_变化"].frame
    before, after = (each.covers["warehouse"].main_share for each in results)
    gained = results[1].residents * np.maximum(after - before, 0)
    assert frame["新覆盖(人)"].tolist() == gained[gained > 0].round(2).tolist()
    assert set(frame["变化"]) == {"增加"}
    assert len(frame)
    turned = cells.change_layer(cells.ground(world), results[1], results[0], "warehouse", "")
    assert turned is not None
    assert set(turned.frame["变化"]) == {"减少"}
    assert turned.frame["失去覆盖(人)"].sum() == pytest.approx(gained.sum())


def test_sites_gaps_and_suggestions(small: tuple[Any, list[Any]], exports: list[Export]) -> None:
    results = small[1]
    today, plan = map(named, exports)
    assert "备灾仓库_新增" not in today
    added = plan["备灾仓库_新增"].frame
    assert added["新增覆盖居民(人)"].tolist() == results[1].added["gain"].tolist()
    assert added["图上编号"].tolist() == [1, 2, 3]
    sites = plan["备灾仓库_站点"].frame
    assert sites["编号"].tolist() == today["备灾仓库_站点"].frame["编号"].tolist()
    assert set(sites["库存"]) == {"棉被 1,200、帐篷 30"}
    gaps = today["备灾仓库_缺口"].frame
    assert gaps["够不着的居民(人)"].tolist() == results[0].gaps["warehouse"]["residents"].tolist()
    assert "相距(分钟)" in gaps
    walk = points.gap_layer(replace(results[0], gaps={"aed": results[0].gaps["warehouse"]}), "aed", "")
    assert "相距(米)" in walk.frame


def test_areas_of_gaps_are_their_cells(small: tuple[Any, list[Any]], exports: list[Export]) -> None:
    world, results = small
    base = cells.ground(world)
    for result, made in zip(results, exports, strict=True):
        layers = {layer.name: layer.frame for layer in made.layers}
        assert not len(result.gaps["aed"]) and "AED_缺口范围" not in layers
        spots, areas = layers["备灾仓库_缺口"], layers["备灾仓库_缺口范围"]
        shared = [header for header in areas if header in spots and header != "geometry"]
        assert len(areas) > 1 and areas[shared].equals(spots[shared])
        member = gap_areas.gap_members(world, result, "warehouse")
        missing, of_gap = unserved(residents_of(world, result), result.covers["warehouse"]), member >= 0
        assert (of_gap == (missing > 0)).all()
        lives = np.bincount(member[of_gap], weights=missing[of_gap])
        assert np.abs(lives - spots["够不着的居民(人)"].to_numpy(float)).max() < 1
        assert (np.bincount(member[of_gap]) == spots["网格数(个)"]).all()
        for row, shape in enumerate(areas.geometry):
            own = shapely.union_all(base.cells[member == row])
            own = shapely.intersection(own, base.outline.province)  # in metres, as borders are straight there
            drawn = shapely.transform(shape, lambda xy: project(*xy.T))
            assert shapely.symmetric_difference(drawn, own).area < 1  # of some 60 000 000 m²
        assert shapely.intersects(areas.geometry.to_numpy(), spots.geometry.to_numpy()).all()


def test_areas_of_gaps_are_refused_for_another_world(small: tuple[Any, list[Any]]) -> None:
    world, (today, _) = small
    other = replace(today, residents=2 * world.demand.residents)
    with pytest.raises(ValueError, match="not those of this world"):
        gap_areas.gap_members(world, other, "warehouse")


def test_every_feature_carries_its_labels(exports: list[Export]) -> None:
    for export in exports:
        for layer in export.layers:
            if layer.heavy:  # the labels of ten thousand cells are told once
                assert LABELS not in layer.frame and "示例数据、近似路网" in export.about(layer)
                continue
            expected = "近似路网" if layer.name == "主要道路" else "示例数据"
            if layer.group in ("AED", "博爱家园"):
                assert set(layer.frame[LABELS]) == {"示例数据"}
            assert layer.frame[LABELS].str.contains(expected).all()
        assert dict(export.notes)["数据标注"] == "示例数据、近似路网"


def test_a_world_without_sites_and_roads(small: tuple[Any, list[Any]]) -> None:
    full = small[0]
    own = {kind: full.layers[kind] for kind in ("aed", "warehouse")}
    empty = {kind: replace(layer, table=layer.table.iloc[:0]) for kind, layer in own.items()}
    world = replace(full, layers=empty)
    bare = mapworld.baseline(world)
    found = {layer.name for layer in layers_of(world, [bare])}
    assert "备灾仓库_站点" not in found
    assert "县" in found
    network = replace(world.network, head=world.network.head[:0], start=world.network.start * 0)
    assert points.road_layer(replace(world, network=network), None, "") is None


def test_many_suggestions_are_not_numbered(small: tuple[Any, list[Any]]) -> None:
    plan = small[1][1]
    many = pd.concat([plan.added] * 21, ignore_index=True)
    many = many.assign(rank=np.arange(1, len(many) + 1), id=[f"n{i}" for i in range(len(many))])
    layer = points.added_layer(replace(plan, added=many), "warehouse", "")
    assert set(layer.frame["标注档"]) == {"其余"}
    assert layer.frame["图上编号"].isna().all()


# ---------- the folder ----------


def test_the_same_results_give_the_same_bytes(
    hostile: tuple[Path, list[Export], list[Path]], small: tuple[Any, list[Any]], tmp_path: Path
) -> None:
    again = folder.export(*small, tmp_path / "b", formats=("gpkg", "shp"))
    names = [path.relative_to(tmp_path / "b") for path in again[:-1]]  # the last lists the formats
    assert {name.suffix for name in names} >= {".gpkg", ".qgs", ".qml", ".shp", ".dbf", ".csv"}
    assert [
        name for name in names if (hostile[0] / name).read_bytes() != (tmp_path / "b" / name).read_bytes()
    ] == []


def test_the_public_sees_no_contacts_and_the_number(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    release = Release("赣S(2024)001号")
    found = folder.export(*small, tmp_path / "公开", formats=("csv", "kml"), release=release)
    content = "".join(path.read_text(encoding="utf-8") for path in found if path.suffix != ".qml")
    assert "000-1" not in content
    assert "棉被" not in content
    assert "内部使用" not in content
    assert content.count("审图号: 赣S(2024)001号") >= 10
    stores = pd.read_csv(next(path for path in found if path.name == "备灾仓库_站点.csv"))
    assert set(stores["位置精度"]) == {"近似"}
    assert not np.isclose(stores["经度"], small[0].layers["warehouse"].table["lon"].iloc[0], atol=1e-6).any()


def test_a_failed_export_leaves_nothing(
    small: tuple[Any, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(files, "write_notes", stop)
    with pytest.raises(OSError, match="disk full"):
        folder.export(small[0], small[1][:1], tmp_path / "导出", formats=("kml",))
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="已存在") as told:
        folder.export(*small, tmp_path, formats=("gpkg", "dwg"))
    assert "没有这一种" in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
