"""Bound sheets: every page as in its own file, in order, under its name; what is no such PDF is refused."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from boai.geodata.errors import InputError
from boai.maps.sheets.bind import Source, bind
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from pypdf import PdfReader


def page(path: Path, text: str, *, width: float = 3.0) -> Path:
    """Write a page with a text, lines and a pattern."""
    figure = Figure(figsize=(width, 2.0))
    FigureCanvasPdf(figure)
    axes = figure.add_subplot()
    axes.bar([1, 2], [3, 4], hatch="//", alpha=0.5)
    axes.imshow([[1, 2], [3, 4]], extent=(0, 1, 0, 1))
    figure.text(0.5, 0.5, text)
    facts = {"Title": f"{text} (5 0 R) \\", "CreationDate": None}
    figure.savefig(path, format="pdf", metadata=facts)
    return path


NAMES = ("first 1 0 R", "second (a)", "third")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("pages")
    return [page(folder / "x.pdf", name, width=3 + number).read_bytes() for number, name in enumerate(NAMES)]


@pytest.fixture
def sources(pages: list[bytes], tmp_path: Path) -> list[Source]:
    paths = [tmp_path / f"{number}.pdf" for number in range(len(pages))]
    for path, content in zip(paths, pages, strict=True):
        path.write_bytes(content)
    return [Source(path, f"第{number}页 <{NAMES[number]}>") for number, path in enumerate(paths)]


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def told(*command: str | Path) -> str:
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=True)
    assert "error" not in done.stderr.lower(), done.stderr
    return done.stdout


def test_pages_are_there_in_order(sources: list[Source], tmp_path: Path) -> None:
    path = bind(sources, tmp_path / "all.pdf", title="合订本")
    facts = told(tool("pdfinfo"), "-f", "1", "-l", "9", path)
    assert "合订本" in facts
    sizes = [line.split()[3] for line in facts.splitlines() if line.startswith("Page ") and "size:" in line]
    assert sizes == ["216", "288", "360"]
    texts = told(tool("pdftotext"), path, "-").split("\f")
    assert [name in text for name, text in zip(("first", "second", "third"), texts, strict=False)] == [
        True
    ] * 3
    bound = PdfReader(path)
    assert [(mark.title, bound.get_destination_page_number(mark)) for mark in bound.outline] == [
        (source.title, number) for number, source in enumerate(sources)
    ]


def test_pages_look_as_in_their_own_files(sources: list[Source], tmp_path: Path) -> None:
    paint = tool("pdftoppm")
    path = bind(sources, tmp_path / "all.pdf", title="")
    told(paint, "-r", "50", path, tmp_path / "bound")
    for number, source in enumerate(sources, start=1):
        told(paint, "-r", "50", source.path, tmp_path / f"own{number}")
        own = next(tmp_path.glob(f"own{number}-*.ppm")).read_bytes()
        assert own == (tmp_path / f"bound-{number}.ppm").read_bytes()


def test_the_same_sources_give_the_same_bytes(sources: list[Source], tmp_path: Path) -> None:
    bound = [bind(sources, tmp_path / f"all{i}.pdf", title="甲").read_bytes() for i in range(2)]
    assert bound[0] == bound[1]


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4\nstartxref\n9\n", b"<html>", b"startxref\n-5\n%%EOF"])
def test_what_is_no_sheet_is_refused(sources: list[Source], tmp_path: Path, content: bytes) -> None:
    sources[1].path.write_bytes(content)
    with pytest.raises(InputError, match=r"1\.pdf: 不是可以合订的 PDF"):
        bind(sources, tmp_path / "all.pdf", title="")
    assert not (tmp_path / "all.pdf").exists()
