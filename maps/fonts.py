"""The Chinese font of sheets: derived once from a font that a dependency brings, then cached.

``notojp-matplotlib`` carries Noto Sans CJK JP (SIL Open Font License 1.1): it holds every character of
GB 2312, but shows the Japanese form of 直, 骨, 门 … unless its ``locl`` feature for simplified Chinese is
applied, which matplotlib does not do. The derived font maps the characters to the Chinese glyphs directly and
has TrueType outlines, so that a PDF embeds it as Type 42 and its text can be found and copied. It is called
Boai Hans, because the OFL lets a changed font keep no reserved name.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, TTLibError
from matplotlib.font_manager import fontManager

from ..geodata.errors import InputError, Problem
from ..geodata.store import replacing
from .words import one_line

FAMILY = "Boai Hans"
MISSING = "〓"
"""Stands for a character that the font lacks (the geta mark, which Chinese typesetting uses for it)."""

_SOURCE_PACKAGE, _SOURCE_FILE = "notojp_matplotlib", "fonts/NotoSansCJKjp-Regular.otf"
_SYMBOLS = "−²³·–—…‰°′″≤≥×÷±→←↑↓①②③④⑤⑥⑦⑧⑨⑩■□▲△●○◆◇★☆㎡℃©＊"
_VERSION = "1"
_TOLERANCE = 1.0
"""Largest distance between the two kinds of outline, in 1/1000 em: invisible in print."""


def source_font() -> Path:
    """Find the font file of the dependency; importing the package would change matplotlib's settings."""
    spec = find_spec(_SOURCE_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / _SOURCE_FILE
        if path.is_file():
            return path
    raise InputError(Problem("中文字体", f"找不到 {_SOURCE_FILE}", fix="请重新安装 notojp-matplotlib"))


@cache
def base_characters() -> frozenset[str]:
    """Characters that every derived font holds: ASCII, GB 2312 and the symbols of the maps."""
    leads, trails = range(0xA1, 0xF8), range(0xA1, 0xFF)
    plane = "".join(bytes([lead, trail]).decode("gb2312", "ignore") for lead in leads for trail in trails)
    return frozenset(plane) | frozenset(map(chr, range(0x20, 0x7F))) | frozenset(_SYMBOLS)


@cache
def _source_characters() -> frozenset[str]:
    with TTFont(source_font(), lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


def printable(text: str, *, known: frozenset[str] | None = None) -> str:
    """Make a text safe to draw: control and direction characters go, those that are not ``known`` become 〓.

    Examples
    --------
    >>> printable("修水\\u202e县\\n😀")
    '修水县 〓'
    """
    known = _source_characters() if known is None else known
    shown = one_line(unicodedata.normalize("NFC", text), longest=1000)
    return "".join(mark if mark in known else MISSING for mark in shown)


def chinese_forms(font: TTFont) -> dict[str, str]:
    """Read the single substitutions of ``locl`` for simplified Chinese (ZHS): glyph name to glyph name."""
    table = font["GSUB"].table
    systems = [
        record.LangSys
        for script in table.ScriptList.ScriptRecord
        for record in script.Script.LangSysRecord
        if record.LangSysTag.strip() == "ZHS"
    ]
    features = [table.FeatureList.FeatureRecord[index] for system in systems for index in system.FeatureIndex]
    lookups = {
        index for item in features if item.FeatureTag == "locl" for index in item.Feature.LookupListIndex
    }
    forms: dict[str, str] = {}
    for index in sorted(lookups):
        for subtable in table.LookupList.Lookup[index].SubTable:
            forms.update(getattr(subtable, "ExtSubTable", subtable).mapping)
    return forms


def derive_font(texts: Iterable[str] = (), *, folder: Path | None = None) -> Path:
    """Return the derived font that can draw ``texts``, made once (about 5 s) and then read from the cache.

    Parameters
    ----------
    texts
        Texts with characters beyond GB 2312, e.g. names of places.
    folder
        Cache folder; by default one of the user's (matplotlib's).
    """
    wanted = base_characters().union(*map(set, texts)) & _source_characters()
    path = _derived(wanted, folder)
    if not _is_whole(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_font(source_font(), wanted, path)
    return path


def _derived(characters: Iterable[str], folder: Path | None) -> Path:
    """Name the file of a derived font by what it is made of."""
    recipe = f"{_VERSION} {_source_hash(source_font())} {''.join(sorted(characters))}"
    name = f"BoaiHans-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.ttf"
    return (folder or Path(mpl.get_cachedir()) / "boai") / name


@cache
def all_characters() -> frozenset[str]:
    """Characters of the font of dispatch sheets: all of GBK, which holds the rare ones of people's names."""
    leads, trails = range(0x81, 0xFF), range(0x40, 0xFF)
    plane = "".join(bytes([lead, trail]).decode("gbk", "ignore") for lead in leads for trail in trails)
    return base_characters() | (frozenset(plane) & _source_characters())


def dispatch_font(*, folder: Path | None = None) -> Path:
    """Return the font of dispatch sheets, the same for all texts: made once on a machine (about 15 s).

    Texts that somebody typed at a desk must not decide what is derived: each rare character would cost
    seconds again.
    """
    return derive_font(["".join(all_characters())], folder=folder)


def has_dispatch_font(*, folder: Path | None = None) -> bool:
    """Tell whether `dispatch_font` is there already."""
    return _is_whole(_derived(all_characters() & _source_characters(), folder))


def _is_whole(path: Path) -> bool:
    """Tell whether a cached font is there and readable; a cut one is derived again."""
    try:
        with path.open("rb") as file, TTFont(file, lazy=True) as font:
            ends = [table.offset + table.length for table in font.reader.tables.values()]
            return max(ends) <= path.stat().st_size and bool(font.getBestCmap())
    except (OSError, TTLibError, ValueError, AssertionError, KeyError, struct.error):
        return False


@cache
def _source_hash(source: Path) -> str:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_font(source: Path, characters: Iterable[str], path: Path) -> None:
    with TTFont(source, lazy=True) as font:
        forms, cmap = chinese_forms(font), font.getBestCmap()
        mapping = {ord(mark): forms.get(cmap[ord(mark)], cmap[ord(mark)]) for mark in sorted(characters)}
        derived = _build(font, mapping)
    with replacing(path) as temporary:
        derived.save(temporary)


def _build(font: TTFont, mapping: Mapping[int, str]) -> TTFont:
    """Assemble a TrueType font of the mapped glyphs: outlines, widths, metrics and the names."""
    order = [".notdef", *sorted(set(mapping.values()) - {".notdef"})]
    builder = FontBuilder(font["head"].unitsPerEm, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(dict(mapping))
    builder.setupGlyf(_outlines(font, order))
    bearings = {
        name: builder.font["glyf"][name].xMin if name in builder.font["glyf"] else 0 for name in order
    }
    builder.setupHorizontalMetrics({name: (font["hmtx"][name][0], bearings[name]) for name in order})
    builder.setupHorizontalHeader(ascent=font["hhea"].ascent, descent=font["hhea"].descent)
    builder.setupOS2(
        sTypoAscender=font["OS/2"].sTypoAscender,
        sTypoDescender=font["OS/2"].sTypoDescender,
        usWinAscent=font["OS/2"].usWinAscent,
        usWinDescent=font["OS/2"].usWinDescent,
        usWeightClass=font["OS/2"].usWeightClass,
        fsType=0,
    )
    builder.setupNameTable(_names(font))
    builder.setupPost(keepGlyphNames=False)
    stamp = font["head"].created  # a fixed date: the same source gives the same bytes
    builder.updateHead(created=stamp, modified=stamp)
    builder.font.recalcTimestamp = False
    return builder.font


def _outlines(font: TTFont, order: Iterable[str]) -> dict[str, Any]:
    """Draw the cubic outlines of the glyphs as quadratic ones."""
    glyphs = font.getGlyphSet()
    outlines = {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, _TOLERANCE, reverse_direction=True))
        outlines[name] = pen.glyph()
    return outlines


def _names(font: TTFont) -> dict[str, str]:
    source = font["name"]
    return {
        "copyright": f"{source.getDebugName(0)} Derived by boai: Chinese forms, TrueType outlines.",
        "familyName": FAMILY,
        "styleName": "Regular",
        "uniqueFontIdentifier": f"{FAMILY} Regular {_VERSION}",
        "fullName": f"{FAMILY} Regular",
        "version": f"Version 1.{_VERSION}",
        "psName": "BoaiHans-Regular",
        "licenseDescription": str(source.getDebugName(13)),
        "licenseInfoURL": "https://openfontlicense.org",
    }


@contextmanager
def drawing(font: Path) -> Iterator[None]:
    """Let matplotlib draw with a derived font inside a ``with`` block; no setting outlives it.

    Text goes into PDFs as TrueType (Type 42) with a character map, so that it can be searched and copied.
    """
    before = list(fontManager.ttflist)
    fontManager.ttflist[:] = [entry for entry in before if entry.name != FAMILY]
    fontManager.addfont(str(font))
    settings: dict[Any, Any] = {
        "font.family": FAMILY,
        "axes.unicode_minus": False,
        "pdf.fonttype": 42,
        "pdf.use14corefonts": False,
        "svg.fonttype": "none",
        "text.parse_math": False,  # a name with $ stays a name
        "text.usetex": False,
        "text.hinting": "no_hinting",  # letters and the rims drawn below them then have the same widths
    }
    try:
        with mpl.rc_context(settings):
            yield
    finally:  # what draws outside a block must not find whichever derived font came last
        fontManager.addfont(str(font))  # makes it forget what it has found
        fontManager.ttflist[:] = before


def write_fontconfig(folder: Path, font: Path) -> Path:
    """Write a ``fonts.conf`` that offers only the derived font, e.g. to a headless browser."""
    path = folder / "fonts.conf"
    lines = [
        '<?xml version="1.0"?>',
        '<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">',
        "<fontconfig>",
        f"<dir>{escape(str(font.parent))}</dir>",
        f"<cachedir>{escape(str(folder / 'cache'))}</cachedir>",
        *(
            f"<alias><family>{name}</family><prefer><family>{FAMILY}</family></prefer></alias>"
            for name in ("sans-serif", "serif", "monospace", "system-ui")
        ),
        "</fontconfig>",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
