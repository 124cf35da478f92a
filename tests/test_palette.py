"""Colours for every eye and for a grey print, and no colour named outside the one file of colours."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import boai.maps
import numpy as np
import pytest
from boai.coverage.states import STATES
from boai.geodata.layers import EXAMPLE
from boai.maps import palette, style
from boai.scenarios.ledger import lights
from matplotlib.colors import CSS4_COLORS, TABLEAU_COLORS
from numpy.typing import NDArray

# Machado, Oliveira, Fernandes (2009), severity 1.0, on linear RGB.
SIGHT = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
SETS = {
    "reach": style.REACH,
    "state": tuple(swatch.colour for swatch in style.STATE),
    "difference": tuple(swatch.colour for swatch in style.DIFFERENCE),
    "comparison": (palette.GAIN, palette.LOSS, palette.KEPT, palette.STILL_OUT),
    "gaps": (palette.SPARSE, palette.SERVED, *palette.GAP_RAMP),
    "on foot": (palette.SPARSE, *style.REACH),
    "gains": palette.GAIN_RAMP,
    "losses": palette.LOSS_RAMP,
    "light": tuple(light.colour for light in style.LIGHT.values()),
    "series": tuple(series.colour for series in style.SERIES),
}
"""Colours that are told apart on one drawing."""
LEAST = {
    "reach": 15, "state": 25, "difference": 40, "comparison": 12, "gaps": 11, "on foot": 11, "gains": 15,
    "losses": 15, "light": 20, "series": 18,
}  # fmt: skip
"""Their least difference for any eye, CIELAB."""
LEAST_GREY = {
    "reach": 10, "state": 20, "difference": 20, "comparison": 10, "gaps": 8.5, "on foot": 8.5, "gains": 10,
    "losses": 10, "light": 9, "series": 5,
}  # fmt: skip
"""The least difference of their lightness L*; lines of a chart also have markers and dashes."""

MAPS = Path(str(boai.maps.__file__)).parent
NAMED = {*CSS4_COLORS, *TABLEAU_COLORS} - {"tan"}  # tan is also a function
HEX = re.compile(r"(?<![&\w])#(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3,4})(?![\w-])")
CALLED = re.compile(r"\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch)\(\s*[\d.]", re.IGNORECASE)
BARE_HEX = re.compile(r"(?:FF|ff)?[0-9A-Fa-f]{6}")


def linear(colour: str) -> NDArray[np.float64]:
    channels = np.array(palette.rgb(colour)) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB under D65 of linear RGB."""
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / (0.95047, 1.0, 1.08883)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", SETS)
def test_colours_stay_apart_for_every_eye(name: str, sight: str) -> None:
    seen = [lab(np.array(SIGHT[sight]) @ linear(colour)) for colour in SETS[name]]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > LEAST[name]


@pytest.mark.parametrize("name", SETS)
def test_colours_stay_apart_in_grey(name: str) -> None:
    lightness = sorted(lab(linear(colour))[0] for colour in SETS[name])
    assert min(np.diff(lightness)) > LEAST_GREY[name]


@pytest.mark.parametrize("name", ["gaps", "gains", "losses"])
def test_ramps_darken_from_little_to_much(name: str) -> None:
    lightness = [lab(linear(colour))[0] for colour in SETS[name]]
    assert min(-np.diff(lightness)) > LEAST_GREY[name]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_grey_print_keeps_the_order(count: int) -> None:
    lightness = [lab(linear(colour))[0] for colour in style.ramp(count)]
    assert min(-np.diff(lightness)) >= 10


def test_states_fall_in_lightness_and_agree_with_the_classes() -> None:
    lightness = [lab(linear(swatch.colour))[0] for swatch in style.STATE]
    assert min(-np.diff(lightness)) > 20
    assert (style.STATE[0].colour, style.STATE[-1].colour) == (style.REACH[0], style.REACH[-1])
    assert set(style.STATE_OF) == set(STATES)
    for state, position in style.STATE_OF.items():
        assert STATES[state].startswith(style.STATE[position].text[:3])


def test_lines_of_a_chart_differ_without_colour() -> None:
    assert len({series.marker for series in style.SERIES}) == len(style.SERIES)
    assert len({series.dash for series in style.SERIES}) == len(style.SERIES)
    first = [lab(linear(series.colour))[0] for series in style.SERIES[:4]]
    assert min(abs(a - b) for a, b in itertools.combinations(first, 2)) > 12


def test_lights_are_those_of_the_ledger_and_differ_without_colour() -> None:
    assert set(style.LIGHT) == set(lights.COLOURS)
    assert len({light.sign for light in style.LIGHT.values()}) == len(style.LIGHT)
    for name, light in style.LIGHT.items():
        assert light.name == name
        assert lights.MEANINGS[name].startswith(light.text.split(",", maxsplit=1)[0])


@pytest.mark.parametrize("text", ["INK", "QUIET", "ACCENT", "NEW", "SITE", "GAIN_INK", "LOSS_INK"])
def test_text_reads_on_paper(text: str) -> None:
    assert palette.contrast(getattr(style, text), style.PAPER) >= 4.5


def test_text_reads_on_its_ground() -> None:
    assert palette.contrast(style.BADGE_INK, style.BADGE) >= 4.5
    assert palette.contrast(style.PAPER, style.SITE) >= 4.5
    for colour in itertools.chain(*SETS.values()):
        assert palette.contrast(palette.readable(colour), style.PAPER) >= 4.5


def test_page_variables_are_whole() -> None:
    """Every variable that a page's sheet uses is defined, and all looks of its script are colours."""
    known = set(re.findall(r"--([\w-]+):", style.css_variables()))
    for path in MAPS.glob("assets/page*.css"):
        text = path.read_text(encoding="utf-8")
        own = set(re.findall(r"(?<![\w-])--([\w-]+)\s*:", text))
        assert set(re.findall(r"var\(--([\w-]+)", text)) <= known | own, path.name
    for name, value in style.page_looks().items():
        assert name in {"roads", "borders"} or HEX.fullmatch(str(value))


def sources() -> list[Path]:
    """Files of maps that may not name a colour: all but the palette and Leaflet's own."""
    kinds = {".py", ".css", ".js", ".html", ".j2", ".qml"}
    found = sorted(path for path in MAPS.rglob("*") if path.suffix in kinds)
    return [path for path in found if "leaflet" not in path.name and path.name != "palette.py"]


def named_colours(path: Path) -> list[str]:
    """Find the colours that a file names: #hex, functions, and names as values."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return [found for literal in _strings(ast.parse(text)) for found in _of_string(literal)]
    text = re.sub(r"/\*.*?\*/|<!--.*?-->", " ", text, flags=re.DOTALL)
    found = CALLED.findall(text)
    if path.suffix == ".js":
        quoted = re.findall(r"([\"'`])((?:(?!\1)[^\\\n]|\\.)*)\1", text)
        return found + [each for _, literal in quoted for each in _of_string(literal)]
    values = re.findall(r":\s*([^;{}]+)[;}]", text)
    words = [word for value in values for word in re.findall(r"(?<![\w-])[a-z]+(?![\w(-])", value)]
    return found + HEX.findall(text) + [word for word in words if word in NAMED]


def _strings(tree: ast.AST) -> Iterator[str]:
    """All string constants but docstrings and the strings that document a name."""
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def _of_string(literal: str) -> list[str]:
    whole = [literal] if literal in NAMED else []
    bare = [literal] if BARE_HEX.fullmatch(literal) and not literal.isdecimal() else []
    return HEX.findall(literal) + CALLED.findall(literal) + whole + bare


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(MAPS)))
def test_no_other_file_names_a_colour(path: Path) -> None:
    assert named_colours(path) == []


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", 'x = "#12ab9f"\n', ["#12ab9f"]),
        ("a.py", 'x = {"color": "white", "font": "FF12AB9F"}\n', ["white", "FF12AB9F"]),
        ("a.py", '"""As #589 says, white."""\nx = f"#{code:06x}", "360100"\n', []),
        ("a.css", "a { color: var(--ink); border: 1px solid red; } #found p { margin: 0 }", ["red"]),
        (
            "a.css",
            "a { color: #fff; background: rgba(1, 2, 3, .4); white-space: nowrap; }",
            ["rgba(1", "#fff"],
        ),
        ("a.js", 'const a = { color: "#fff", fill: "red" }; find("#found");', ["#fff", "red"]),
    ],
)
def test_named_colours_are_found(tmp_path: Path, name: str, text: str, found: list[str]) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert named_colours(path) == found


def test_words_of_the_labels_are_known() -> None:
    assert EXAMPLE in style.LABELS
