"""The derived font: Chinese forms, every character asked for, the same bytes, text to be found in a PDF."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import pytest
from boai.maps import fonts
from fontTools.pens.areaPen import AreaPen
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, fontManager

RARE = "塅崠鄣"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some characters for the seven thousand, which take five seconds."""
    monkeypatch.setattr(fonts, "base_characters", lambda: set("江西省直骨门 123"))


@cache
def read(path: Path) -> TTFont:
    """Read a font from memory: no file stays open."""
    return TTFont(BytesIO(path.read_bytes()), lazy=True)


def area(font: TTFont, glyph: str) -> float:
    pen = AreaPen(font.getGlyphSet())
    font.getGlyphSet()[glyph].draw(pen)
    return abs(float(pen.value))


@pytest.mark.parametrize("mark", "直骨门关复将")
def test_characters_have_their_chinese_form(font: Path, mark: str) -> None:
    source = read(fonts.source_font())
    japanese = source.getBestCmap()[ord(mark)]
    chinese = fonts.chinese_forms(source)[japanese]
    assert chinese != japanese
    derived = read(font)
    drawn = area(derived, derived.getBestCmap()[ord(mark)])
    assert drawn == pytest.approx(area(source, chinese), rel=1e-3)
    assert drawn != pytest.approx(area(source, japanese), rel=1e-3)


def test_every_character_asked_for_is_there(font: Path) -> None:
    known = set(read(font).getBestCmap())
    assert len(fonts.base_characters()) > 7400
    assert {ord(mark) for mark in fonts.base_characters() | set(RARE)} <= known


def test_name_and_licence(font: Path) -> None:
    names = read(font)["name"]
    assert names.getDebugName(1) == fonts.FAMILY
    texts = [str(record) for record in names.names if record.nameID in {1, 3, 4, 6, 16}]
    assert not [text for text in texts if "Noto" in text or "Source" in text]
    assert "SIL Open Font License" in names.getDebugName(13)
    assert "Adobe" in names.getDebugName(0)


def test_font_is_made_once(font: Path) -> None:
    made = font.stat().st_mtime_ns
    assert fonts.derive_font([RARE, "修水县"], folder=font.parent) == font
    assert font.stat().st_mtime_ns == made


@pytest.mark.usefixtures("few")
def test_a_font_is_the_same_wherever_it_is_made(tmp_path: Path) -> None:
    one = fonts.derive_font(["修水县", RARE], folder=tmp_path / "a")
    again = fonts.derive_font([RARE, "县修水水"], folder=tmp_path / "b")
    assert (again.name, again.read_bytes()) == (one.name, one.read_bytes())


@pytest.mark.usefixtures("few")
def test_an_interrupted_font_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TTFont, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        fonts.derive_font([], folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_setting_outlives_the_drawing(font: Path) -> None:
    before = dict(mpl.rcParams)
    with fonts.drawing(font):
        assert mpl.rcParams["font.family"] == [fonts.FAMILY]
    assert dict(mpl.rcParams) == before


def test_each_drawing_finds_its_own_font_and_nothing_finds_it_afterwards(font: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.ttf"
    shutil.copy(font, other)

    def found() -> str:
        return findfont(fonts.FAMILY, fallback_to_default=False)

    before = list(fontManager.ttflist)
    with fonts.drawing(font):
        assert found() == str(font)
        with fonts.drawing(other):
            assert found() == str(other)
        assert found() == str(font)
    assert fontManager.ttflist == before
    with pytest.raises(ValueError, match=fonts.FAMILY):
        found()


def test_pdf_text_can_be_found(font: Path, tmp_path: Path) -> None:
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed")
    with fonts.drawing(font):
        figure = Figure()
        figure.text(0.1, 0.5, f"江西省 直骨门 {RARE} $x_1$")
        figure.savefig(tmp_path / "a.pdf")
    found = subprocess.run([tool, "a.pdf", "-"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"江西省 直骨门 {RARE} $x_1$" in found.stdout


@given(st.text(max_size=40))
def test_printable_texts_have_only_glyphs_that_exist(text: str) -> None:
    shown = fonts.printable(text)
    assert set(shown) <= set(map(chr, read(fonts.source_font()).getBestCmap()))
    assert "\n" not in shown
    assert "\u202e" not in shown


def test_fontconfig_offers_the_font(font: Path, tmp_path: Path) -> None:
    tool = shutil.which("fc-list")
    if tool is None:
        pytest.skip("fc-list is not installed")
    environment = {**os.environ, "FONTCONFIG_FILE": str(fonts.write_fontconfig(tmp_path, font))}
    found = subprocess.run([tool], env=environment, capture_output=True, text=True, check=True)
    assert fonts.FAMILY in found.stdout


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.999])
def test_a_cut_cache_is_not_taken(font: Path, tmp_path: Path, keep: float) -> None:
    assert fonts._is_whole(font)
    whole, path = font.read_bytes(), tmp_path / "cut.ttf"
    path.write_bytes(whole[: int(keep if keep >= 1 else keep * len(whole))])
    assert not fonts._is_whole(path)
