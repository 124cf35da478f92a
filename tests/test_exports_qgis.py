"""Styles and the project for QGIS: classes, colours and sizes are those of the maps, all refer to data."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import exportworld
import pyogrio
import pytest
from boai.maps import style
from boai.maps.exports import folder, looks
from boai.maps.exports.layers import Export
from boai.maps.exports.model import Class, Look, Symbol
from boai.maps.exports.project import NAME
from boai.maps.exports.qml import qml, rgba


@pytest.fixture(scope="module")
def small() -> tuple[Any, list[Any]]:
    return exportworld.small()


@pytest.fixture(scope="module")
def exports() -> list[Export]:
    return exportworld.small_exports()


@pytest.fixture(scope="module")
def place(small: tuple[Any, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("x") / "导出"
    folder.export(*small, found, formats=("gpkg",))
    return found


def options(symbol: Xml.Element, layer: int = 0) -> dict[str, str]:
    """Properties of a layer of a symbol."""
    found = symbol.findall("layer")[layer].iter("Option")
    return {each.get("name", ""): each.get("value", "") for each in found if each.get("name")}


def classes_of(text: str) -> tuple[str, dict[str, Xml.Element]]:
    """Column of the classes of a style, and their symbols by value."""
    renderer = Xml.fromstring(text).find("renderer-v2")
    assert renderer is not None
    symbols = {each.get("name"): each for each in renderer.findall("symbols/symbol")}
    if renderer.get("type") == "singleSymbol":
        return "", {"": symbols["0"]}
    listed = {each.get("value", ""): symbols[each.get("symbol")] for each in renderer.iter("category")}
    assert len(listed) == len(symbols)
    return renderer.get("attr", ""), listed


def test_every_value_has_its_class(exports: list[Export]) -> None:
    for layer in (layer for export in exports for layer in export.layers):
        for look in layer.looks:
            for names in (None, layer.short):
                text = qml(look, layer.geometry, names)
                header, found = classes_of(text)
                assert header == (look.header if names is None else names.get(look.header, ""))
                assert "" in found or set(layer.frame[look.header]) <= set(found)
                root = Xml.fromstring(text)
                letters = root.find(".//text-style")
                assert (
                    (letters is not None)
                    == (look.lettering is not None)
                    == (root.get("labelsEnabled") == "1")
                )
                if letters is not None:
                    own = {own: (names or {}).get(own, own) for own in layer.short}
                    assert letters.get("fieldName") in own.values()
                    assert letters.get("isExpression") == "0"


def looks_of(exports: list[Export], layer: str, look: str) -> dict[str, Xml.Element]:
    found = next(each for each in exports[1].layers if each.name == layer)
    return classes_of(qml(next(each for each in found.looks if each.name == look), found.geometry))[1]


def test_areas_have_the_colours_of_the_maps(small: tuple[Any, list[Any]], exports: list[Export]) -> None:
    covers = small[1][1].covers
    for kind, name in (("warehouse", "备灾仓库"), ("aed", "AED")):
        reach = {looks.value(each): rgba(each.colour) for each in style.reach_classes(covers[kind].standard)}
        county = {
            looks.value(each): rgba(each.colour)
            for each in style.county_measure(covers[kind].standard).classes
        }
        states = {looks.value(each): rgba(each.colour) for each in style.STATE}
        for layer, look, expected in (
            (f"{name}_覆盖", name, reach),
            ("网格", name, reach),
            ("县", name, county),
            ("网格", f"{name}状态", states),
        ):
            found = looks_of(exports, layer, look)
            assert {text: options(each)["color"] for text, each in found.items()} == expected


def test_changes_differ_without_colour() -> None:
    text = qml(looks.change("变化"), "MultiPolygon")
    found = classes_of(text)[1]
    gain, _, loss = style.DIFFERENCE
    assert options(found[gain.text])["color"] == rgba(gain.colour)
    assert options(found[loss.text])["color"] == rgba(loss.colour)
    assert [len(each.findall("layer")) for each in found.values()] == [1, 2]
    assert options(found[loss.text], 1)["style"] == "b_diagonal"


def test_sites_have_the_signs_of_their_levels() -> None:
    found = classes_of(qml(looks.sites("warehouse", "级别"), "Point"))[1]
    for marker in style.markers("warehouse"):
        own = options(found[marker.level])
        assert (own["name"], float(own["size"]), own["size_unit"]) == (marker.shape, marker.size, "MM")
        assert own["color"] == rgba(style.SITE)
    lowest = options(found["县级"])
    assert options(found[""]) == lowest
    passes = [int(found[level].findall("layer")[0].get("pass", "")) for level in ("省级", "市级", "县级")]
    assert passes == sorted(passes, reverse=True)
    one = classes_of(qml(looks.sites("aed", "级别"), "Point"))
    assert (one[0], options(one[1][""])["size"]) == ("", "1.3")


def test_gaps_and_suggestions_carry_their_numbers() -> None:
    for look, colour, shape in (
        (looks.gaps("标注档", "图上编号"), style.ACCENT, "circle"),
        (looks.added("标注档", "图上编号"), style.NEW, "diamond"),
    ):
        text = qml(look, "Point")
        found = classes_of(text)[1]
        first, rest = options(found[looks.TOP]), options(found[looks.REST])
        assert rgba(colour) in (first["color"], first["outline_color"])
        assert (first["name"], rest["name"]) == (shape, shape)
        assert float(first["size"]) > float(rest["size"])
        letters = Xml.fromstring(text).find(".//text-style")
        assert letters is not None
        assert letters.get("fieldName") == "图上编号"


def test_lines_have_the_widths_of_the_sheets(exports: list[Export]) -> None:
    for level in ("省", "市", "县"):
        own = options(looks_of(exports, level, f"{level}界")[""])
        line = style.BORDERS[level]
        assert own["outline_color"] == rgba(line.colour)
        assert float(own["outline_width"]) == looks.mm(line.width)
        assert own["style"] == "no"
    widths = [float(options(each)["line_width"]) for each in looks_of(exports, "主要道路", "道路").values()]
    assert widths == [looks.mm(line.width) for line in style.ROADS][: len(widths)]


def test_texts_are_no_markup() -> None:
    name = "<b>&\"']]>\x07"
    text = qml(Look("一", (Class(name.replace("\x07", ""), Symbol(style.INK)),), header="a\"'<>"), "Point")
    header, found = classes_of(text)
    assert (header, set(found)) == ("a\"'<>", {"<b>&\"']]>"})


def test_a_geopackage_holds_all_looks(place: Path, exports: list[Export]) -> None:
    for export in exports:
        with closing(sqlite3.connect(place / "GeoPackage" / f"{export.name}.gpkg")) as base:
            rows = base.execute(
                "SELECT f_table_name, styleName, styleQML, useAsDefault, f_geometry_column FROM layer_styles"
            ).fetchall()
            geometry = dict(base.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        expected = [(layer.name, look.name) for layer in export.layers for look in layer.looks]
        assert [row[:2] for row in rows] == expected
        for name, look, text, default, column in rows:
            layer = next(each for each in export.layers if each.name == name)
            assert bool(default) == (look == layer.looks[0].name)
            assert column == geometry[name]
            beside = place / "GeoPackage" / "样式" / export.name / f"{name}_{look}.qml"
            assert beside.read_text(encoding="utf-8") == text


def test_the_project_fits_its_layers(place: Path, exports: list[Export]) -> None:
    root = Xml.parse(place / NAME).getroot()
    ids = [each.findtext("id") for each in root.findall("projectlayers/maplayer")]
    assert len(set(ids)) == len(ids) > 20
    assert {each.get("id") for each in root.iter("layer-tree-layer")} == set(ids)
    assert sorted(each.text or "" for each in root.iter("item")) == sorted(map(str, ids))
    known = {(export.name, layer.name) for export in exports for layer in export.layers}
    for each in root.findall("projectlayers/maplayer"):
        path, _, layer = (each.findtext("datasource") or "").partition("|layername=")
        assert path.startswith("./GeoPackage/")
        assert (place / path).is_file()
        assert (Path(path).stem, layer) in known
        header = each.find("renderer-v2").get("attr", "")  # type: ignore[union-attr]
        fields = set(pyogrio.read_info(place / path, layer=layer)["fields"])
        assert header == "" or header in fields
    groups = root.findall("layer-tree-group/layer-tree-group")
    assert [each.get("checked") for each in groups] == ["Qt::Unchecked", "Qt::Checked"]
    assert [each.get("name") for each in groups] == [each.title for each in exports]
    label = root.findtext("properties/CopyrightLabel/Label") or ""
    assert "内部使用 不得公开" in label
    assert "示例数据" in label


@pytest.mark.slow
def test_qgis_opens_the_project_and_its_styles(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where the bindings of QGIS are in this Python."""
    core = pytest.importorskip("qgis.core", reason="the Python bindings of QGIS are not here")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    app = core.QgsApplication([], False)
    app.initQgis()
    try:
        project = core.QgsProject.instance()
        assert project.read(str(place / NAME))
        assert project.crs().isValid()
        assert all(layer.isValid() for layer in project.mapLayers().values())
        for path in (place / "GeoPackage" / "样式").rglob("*.qml"):
            result = place / "GeoPackage" / f"{path.parent.name}.gpkg"
            source = f"{result}|layername={path.stem.rpartition('_')[0]}"
            layer = core.QgsVectorLayer(source, "x", "ogr")
            assert layer.loadNamedStyle(str(path))[1]
    finally:
        app.exitQgis()
