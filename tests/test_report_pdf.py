"""The report as PDF: its words in order, its font inside, nothing outside the page, the same bytes."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import reportpapers
from boai.maps import fonts, style
from boai.maps.report.layout import Box, Break, Text, pages
from boai.maps.report.lines import NEVER_FIRST
from boai.maps.report.model import Chart, Document, Heading, Paragraph, Span, Table
from boai.maps.report.pdf import write_pdf
from boai.maps.report.rows import Rows, column_widths
from boai.maps.report.setting import Setter
from boai.maps.report.story import HEIGHT, MM, WIDTH, boxes, texts
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

HTML = "{http://www.w3.org/1999/xhtml}"
DPI = 144


def tool(name: str, *arguments: object) -> str:
    """Run a program of poppler."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def made(font: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every block."""
    return write_pdf(reportpapers.made_up(), tmp_path_factory.mktemp("pdf") / "报告.pdf", fonts=font)


def page_texts(path: Path) -> list[str]:
    return tool("pdftotext", "-raw", path, "-").split("\f")[:-1]


def setter() -> Setter:
    """Every character is as wide as high."""
    return Setter(dict.fromkeys(sorted(fonts.base_characters()), 1.0))


def laid(document: Document) -> list[list[tuple[float, Box]]]:
    return pages(list(boxes(document, setter())), HEIGHT)


def test_words_are_found_in_order(made: Path) -> None:
    text = re.sub(r"\s", "", "".join(page_texts(made)))
    words = (
        "江西省红十字会救灾物资布局决策报告",
        "一、谁够得着",
        "76.5%在备灾仓库1小时车程以内",
        "其中修水县、铜鼓县、寻乌县的缺口最大",
        "不得用于决策",
        "新增站点(座)",
        "居民比例",
        "二、缺口在哪里",
        "附录",
        "最大的缺口",
        "九江市市级备灾仓库",
        "数字出处",
    )
    found = [text.find(word) for word in words]
    assert -1 not in found
    assert found == sorted(found)


def test_every_page_has_stamp_labels_and_number(made: Path) -> None:
    texts = page_texts(made)
    for number, text in enumerate(texts, start=1):
        flat = text.replace(" ", "")
        assert style.STAMP.replace(" ", "") in flat
        assert "示例数据" in flat
        assert "近似路网" in flat
        assert f"第{number}页共{len(texts)}页" in flat
        assert "结果3f2a9c" in flat
    assert len(texts) >= 4


def test_the_font_is_embedded_and_the_only_one(made: Path) -> None:
    rows = tool("pdffonts", made).splitlines()[2:]
    assert rows
    for row in rows:
        assert "BoaiHans" in row
        assert row.split()[-5:-2] == ["yes", "yes", "yes"], "embedded, subset, with Unicode"


def test_metadata_tell_title_and_language_and_no_clock(made: Path) -> None:
    info = tool("pdfinfo", made)
    assert re.search(r"Title: +江西省红十字会救灾物资布局决策报告", info)
    assert re.search(r"Page size: +595\.\d+ x 841\.\d+ pts \(A4\)", info)
    content = made.read_bytes()
    assert b"/Lang (zh-CN)" in content
    assert b"/CreationDate (D:20000101" in content


def test_the_same_report_gives_the_same_bytes(made: Path, font: Path, tmp_path: Path) -> None:
    again = write_pdf(reportpapers.made_up(), tmp_path / "another.pdf", fonts=font)
    assert again.read_bytes() == made.read_bytes()


def check_edges(path: Path, *, marks: bool = True) -> None:
    """Nothing outside the page, and no line of several characters begins with a mark that must not."""
    root = ElementTree.fromstring(tool("pdftotext", "-bbox-layout", path, "-"))
    sheets = list(root.iter(f"{HTML}page"))
    for page in sheets:
        width, height = float(page.attrib["width"]), float(page.attrib["height"])
        for word in page.iter(f"{HTML}word"):
            left, top, right, bottom = (float(word.attrib[key]) for key in ("xMin", "yMin", "xMax", "yMax"))
            assert left >= 12 * MM
            assert right <= width - 12 * MM
            assert top >= 5 * MM
            assert bottom <= height - 5 * MM
        for line in page.iter(f"{HTML}line"):
            words = [word.text or "" for word in line.iter(f"{HTML}word")]
            assert words[0][0] not in NEVER_FIRST or not marks


def test_lines_begin_well_and_stay_on_the_page(made: Path) -> None:
    check_edges(made)


def test_hostile_texts_stay_in_their_place(font: Path, tmp_path: Path) -> None:
    path = write_pdf(reportpapers.hostile(), tmp_path / "h.pdf", fonts=font)
    check_edges(path, marks=False)  # some consist of nothing else
    text = "".join(page_texts(path))
    assert "</script><script>alert(1)</script>" in text
    assert fonts.MISSING in text
    assert not re.search("[\x00-\x08\x0b\x0e-\x1f\u202e\ufffe]", text)
    assert "（无）" in text or "(无)" in text


def test_a_long_table_repeats_its_header_and_cuts_no_row(font: Path, tmp_path: Path) -> None:
    document = reportpapers.made_up((Heading("表"), reportpapers.long_table(500)))
    texts = page_texts(write_pdf(document, tmp_path / "long.pdf", fonts=font))
    joined = "\n".join(texts)
    assert joined.count("最近的站点") == len(texts) > 8
    assert joined.count("(续)") == len(texts) - 1
    numbers = [int(found) for found in re.findall(r"^(\d+) (?:修水县|井冈山市)", joined, re.MULTILINE)]
    assert numbers == list(range(1, 501))
    notes = re.findall("山区道路,雨季可能中断;到县城中部的时间", re.sub(r"\s", "", joined))
    assert len(notes) == 500 // 7, "each in one piece"


def test_headings_and_figures_can_be_followed(made: Path) -> None:
    content = made.read_bytes().decode("latin-1")
    assert content.count("/Subtype /Link") > 8
    targets = re.findall(r"/Dest \[ (\d+) 0 R /XYZ 0 ([\d.]+) 0 \]", content)
    assert len(set(targets)) >= 3, "three rows of the table"
    outline = re.findall(r"/Title \(((?:[^()\\]|\\.)*)\)", content)
    assert len(outline) == 4 + 1, "four headings and the document"


def test_figures_that_no_table_tells_are_no_links(font: Path, tmp_path: Path) -> None:
    path = write_pdf(reportpapers.made_up((reportpapers.reached(),)), tmp_path / "p.pdf", fonts=font)
    assert b"/Link" not in path.read_bytes()
    assert "76.5%" in page_texts(path)[0]


def test_rare_characters_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fonts, "base_characters", lambda: set(" ·0123456789"))  # all of them take seconds
    document = reportpapers.made_up((Paragraph((Span("塅𠮷村在修水县"),)),))
    font = fonts.derive_font(texts(document), folder=tmp_path)
    path = write_pdf(document, tmp_path / "rare.pdf", fonts=font)
    assert "塅𠮷村在修水县" in page_texts(path)[0]


def test_charts_are_drawn_as_matplotlib_draws_them(font: Path, tmp_path: Path) -> None:
    """The same chart by matplotlib itself, compared pixel by pixel."""
    chart = Chart("", reportpapers.draw, WIDTH / MM, 100, "")
    path = write_pdf(reportpapers.made_up((chart,), title="图"), tmp_path / "c.pdf", fonts=font)
    tool("pdftoppm", "-r", DPI, "-gray", "-png", "-singlefile", path, tmp_path / "c")
    with fonts.drawing(font):
        figure = reportpapers.draw(WIDTH / MM, 100)
        figure.set_dpi(DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    expected = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("L")
    width, height = expected.size
    with Image.open(tmp_path / "c.png") as image:
        left = round((image.width - width) / 2)
        places = [(left, top, left + width, top + height) for top in range(190, 250)]
        crops = [image.convert("L").crop(place).reduce(6) for place in places]
    shades = np.asarray(expected.reduce(6), float)
    apart = [float(np.abs(np.asarray(crop, float) - shades).mean()) for crop in crops]
    assert min(apart) < 4, "the hatch begins elsewhere"
    assert max(apart) > 10


def test_charts_have_text_and_few_pixels(made: Path) -> None:
    rows = [row.split() for row in tool("pdfimages", "-list", made).splitlines()[2:]]
    assert all(int(row[3]) * int(row[4]) < 300_000 for row in rows), "only the image inside the chart"


def test_headings_stay_with_their_text_and_paragraphs_have_no_lone_lines() -> None:
    document = reportpapers.made_up(
        tuple(block for number in range(60) for block in (Heading(f"第{number}节"), reportpapers.reached()))
    )
    for page in laid(document):
        assert not page[-1][1].kept
        for _, box in page:
            if isinstance(box, Text) and not box.kept:
                assert len(box.lines) >= 2
        tops = [(top, top + box.height) for top, box in page]
        assert all(end <= start + 1e-6 for (_, end), (start, _) in pairwise(tops))
        assert tops[-1][1] <= HEIGHT + 1e-6


def test_a_table_is_not_cut_below_its_header() -> None:
    for lines in range(30, 50):
        filling = tuple(Paragraph((Span("一行"),)) for _ in range(lines))
        sheets = laid(reportpapers.made_up((*filling, reportpapers.long_table(11))))
        parts = [box for page in sheets for _, box in page if isinstance(box, Rows)]
        assert sum(len(part.body) for part in parts) == 11
        assert all(len(part.body) >= 2 for part in parts)
        assert [bool(part.note) for part in parts] == [False] * (len(parts) - 1) + [True]
        assert len([page for page in sheets if sum(isinstance(box, Rows) for _, box in page) > 1]) == 0


def test_a_short_table_is_not_cut() -> None:
    for lines in range(30, 50):
        filling = tuple(Paragraph((Span("一行"),)) for _ in range(lines))
        sheets = laid(reportpapers.made_up((*filling, reportpapers.long_table(6))))
        assert sum(isinstance(box, Rows) for page in sheets for _, box in page) == 1


def test_columns_tear_no_figure() -> None:
    cells = tuple((Span("4518.9万人"), Span("很长的说明" * 9), Span("1小时34分钟")) for _ in range(3))
    table = Table("", ("居民", "说明", "相距"), cells, ("right", "left", "right"), (1, 30, 1))
    widths = column_widths(table, len, 60)
    assert widths[0] >= len("4518.9万人")
    assert widths[2] >= len("1小时34分钟")
    assert sum(widths) == pytest.approx(60)


def test_marks_side_by_side_are_pushed_together() -> None:
    def width(text: str) -> float:
        (line,) = setter().lines([Span(text)], reportpapers.look(), WIDTH)
        return line[-1].x + line[-1].width

    assert width("（附近），县") == 55
    assert width("方案「甲」：新增") == 75
    assert width("居民，仓库。") == 60


def test_breaks_begin_pages_but_leave_none_empty() -> None:
    text = Text(setter().lines([Span("文")], reportpapers.look(), WIDTH), reportpapers.look())
    assert [len(page) for page in pages([Break(), text, Break(), Break(), text, Break()], HEIGHT)] == [1, 1]
