"""What every wall sheet must be, told by what was drawn and, apart from that, by what is in its files."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

MM = 25.4 / 72
"""Millimetres of a point."""
EDGE_MM = 4.0
"""Printers leave about so much white."""
TOUCH_MM = 0.15
"""Boxes are taller and wider than what is inked: so much of an overlap is none."""
MISSING = "〓\ufffd\u25a1"
"""What stands for a character that a font has not."""


class Word(NamedTuple):
    """A word in a PDF and its box in millimetres from the lower left corner of the page."""

    text: str
    left: float
    bottom: float
    right: float
    top: float


def overlaps(boxes: NDArray[np.float64], touch: float = TOUCH_MM) -> list[tuple[int, int]]:
    """Find the pairs of (n, 4) boxes (left, bottom, right, top) that lie on each other."""
    left, bottom, right, top = np.asarray(boxes, float).reshape(-1, 4).T
    wide = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    high = np.minimum(top[:, None], top) - np.maximum(bottom[:, None], bottom)
    first, second = np.nonzero(np.triu((wide > touch) & (high > touch), 1))
    return list(zip(first.tolist(), second.tolist(), strict=True))


def faults(drawn: Any, paper: tuple[float, float]) -> list[str]:
    """Say what is wrong with the texts of a sheet, by their boxes."""
    texts = [each for each in drawn.texts if each.text.strip()]
    boxes = np.array([each.box for each in texts], float).reshape(-1, 4)
    found = [
        f"{texts[i].kind} “{texts[i].text}” lies on {texts[j].kind} “{texts[j].text}”"
        for i, j in overlaps(boxes)
    ]
    width, height = paper
    inside = (boxes[:, :2] >= EDGE_MM).all(axis=1) & (boxes[:, 2:] <= np.array(paper) - EDGE_MM).all(axis=1)
    found += [f"“{texts[i].text}” leaves the paper" for i in np.flatnonzero(~inside)]
    found += [f"“{each.text}” lacks a character" for each in texts if set(each.text) & set(MISSING)]
    stamps = [each for each in texts if each.kind == "stamp"] or [
        each for each in texts if each.text.startswith(("内部使用", "审图号"))
    ]
    if not stamps:
        found.append("no stamp")
    for each in stamps:
        if each.box[0] > width / 4 or each.box[3] > height / 8:
            found.append("the stamp is not at the lower left")
    return found


def pdf_words(path: Path) -> tuple[list[Word], tuple[float, float]]:
    """Read the words of a page with their boxes, and its size in millimetres."""
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed")
    told = subprocess.run([tool, "-bbox", str(path), "-"], capture_output=True, check=True).stdout
    text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "", told.decode("utf-8"))
    page = next(each for each in Xml.fromstring(text).iter() if each.tag.endswith("page"))
    width, height = (float(page.get(name, 0)) for name in ("width", "height"))
    words = []
    for each in page:
        left, top, right, bottom = (float(each.get(name, 0)) for name in ("xMin", "yMin", "xMax", "yMax"))
        box = (left, height - bottom, right, height - top)
        words.append(Word(each.text or "", *(value * MM for value in box)))
    return words, (width * MM, height * MM)


def pdf_faults(path: Path, drawn: Any) -> list[str]:
    """Say what is wrong with a PDF: texts that are not found, words on each other, missing characters."""
    words, (width, height) = pdf_words(path)
    have = re.sub(r"\s", "", "".join(word.text for word in words))
    found = [
        f"“{each.text}” is not found in the PDF"
        for each in drawn.texts
        if re.sub(r"\s", "", each.text) and not _has(have, re.sub(r"\s", "", each.text))
    ]
    found += [f"“{word.text}” lacks a character" for word in words if set(word.text) & set(MISSING)]
    boxes = np.array([word[1:] for word in words], float).reshape(-1, 4)
    # The box of a word in a PDF is that of its font, with room for marks above and below.
    high = boxes[:, 3] - boxes[:, 1]
    boxes[:, 1] += 0.28 * high
    boxes[:, 3] -= 0.22 * high
    found += [f"“{words[i].text}” is printed on “{words[j].text}”" for i, j in overlaps(boxes)]
    out = (boxes[:, :2] < 1).any(axis=1) | (boxes[:, 2:] > np.array([width, height]) - 1).any(axis=1)
    found += [f"“{words[i].text}” leaves the page" for i in np.flatnonzero(out)]
    return found


def _has(have: str, text: str) -> bool:
    """Tell whether a text is found, if need be in pieces: a PDF may hold the words in another order."""
    return text in have or all(part in have for part in re.findall(r"[\u4e00-\u9fff]{1,2}|[\w.,%]+", text))


def picture_faults(path: Path) -> list[str]:
    """Say whether a picture is inked up to its edges, or is nearly empty."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    found = []
    edge = max(2, round(min(pixels.shape) * 0.005))
    sides = (pixels[:edge], pixels[-edge:], pixels[:, :edge], pixels[:, -edge:])
    if any((side < 250).any() for side in sides):
        found.append("ink at the edge of the paper")
    if (pixels < 200).mean() < 0.005:
        found.append("the sheet is empty")
    return found


def grey(colours: Sequence[str]) -> NDArray[np.float64]:
    """Lightness (CIELAB L*) of colours as a grey print shows them."""
    levels = np.array([[int(each[at : at + 2], 16) for at in (1, 3, 5)] for each in colours]) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    cube = np.where(luminance > 216 / 24389, np.cbrt(luminance), (24389 / 27 * luminance + 16) / 116)
    return np.asarray(116 * cube - 16)
