"""The report as a Word file: read back it is the document, its XML is in order, nothing breaks it."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import docx
import pytest
import reportpapers
from boai.maps import style
from boai.maps.report import word_styles
from boai.maps.report.lines import clean
from boai.maps.report.model import Block, Bullets, Callout, Heading, PageBreak, Paragraph, Span, Table
from boai.maps.report.word import DPI, write_word
from boai.maps.report.word_text import WIDTH
from docx.oxml.ns import qn
from lxml import etree

ORDERS = {
    "pPr": "pStyle keepNext keepLines pageBreakBefore widowControl numPr pBdr shd tabs"
    " autoSpaceDE autoSpaceDN spacing ind jc outlineLvl",
    "rPr": "rStyle rFonts b bCs color sz szCs bdr shd vertAlign lang",
    "tcPr": "tcW tcBorders shd",
    "tblPr": "tblStyle tblW tblBorders tblLayout tblCellMar tblLook",
    "style": "name basedOn next uiPriority semiHidden qFormat pPr rPr tblPr tblStylePr",
    "trPr": "cantSplit tblHeader",
    "tc": "tcPr p",
    "tbl": "tblPr tblGrid tr",
}
"""Order of the children of elements in ECMA-376, part 1, of those that the report uses."""


@pytest.fixture(scope="module")
def made(font: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every block."""
    return write_word(reportpapers.made_up(), tmp_path_factory.mktemp("word") / "报告.docx", fonts=font)


@pytest.fixture
def read(made: Path) -> Any:
    """The report, read again."""
    return docx.Document(str(made))


def said(spans: tuple[Span, ...]) -> str:
    """Give the text of spans with their small numbers."""
    return "".join(clean(span.text) + (str(span.number) if span.number else "") for span in spans)


def expected(blocks: tuple[Block, ...]) -> list[tuple[str, str]]:
    """Give style and text of all paragraphs of running text."""
    found = []
    for block in blocks:
        match block:
            case Heading():
                found.append((f"Heading {block.level}", clean(block.text)))
            case Paragraph():
                found.append(("Body Text", said(block.spans)))
            case Callout():
                found.append((word_styles.NAMES[word_styles.CALLOUT], said(block.spans)))
            case Bullets():
                kind = "List Number" if block.numbered else "List Bullet"
                found += [(kind, said(item)) for item in block.items]
    return [(kind, text) for kind, text in found if text.strip()]


RUNNING = {
    "Heading 1",
    "Heading 2",
    "Body Text",
    "List Bullet",
    "List Number",
    word_styles.NAMES[word_styles.CALLOUT],
}


def running(file: Any) -> list[tuple[str, str]]:
    return [(line.style.name, line.text) for line in file.paragraphs if line.style.name in RUNNING]


def data_tables(file: Any) -> list[Any]:
    return [table for table in file.tables if table.style.style_id == word_styles.TABLE]


def test_read_back_it_is_the_document(read: Any) -> None:
    document = reportpapers.made_up()
    assert read.paragraphs[0].style.name == "Title"
    assert read.paragraphs[0].text == document.title
    assert read.paragraphs[1].text == f"{document.subtitle} · {document.date}"
    assert running(read) == expected(tuple(document.blocks))
    tables = [block for block in document.blocks if isinstance(block, Table)]
    assert len(data_tables(read)) == len(tables)
    for found, table in zip(data_tables(read), tables, strict=True):
        rows = [[cell.text for cell in row.cells] for row in found.rows]
        assert rows == [list(table.headers), *[[span.text for span in row] for row in table.rows]]
    captions = [line.text for line in read.paragraphs if line.style.name == "Caption"]
    assert captions == ["全省地图", "最大的缺口", "数字出处"]


def test_tables_repeat_their_header_and_keep_their_rows(read: Any) -> None:
    for table, aligns in zip(data_tables(read), (("right", "left"), ("left", "left")), strict=True):
        heads = [row._tr.trPr.find(qn("w:tblHeader")) is not None for row in table.rows]
        assert heads == [True, *[False] * (len(heads) - 1)]
        assert all(row._tr.trPr.find(qn("w:cantSplit")) is not None for row in table.rows)
        found = [cell.paragraphs[0]._p.pPr.find(qn("w:jc")).get(qn("w:val")) for cell in table.rows[1].cells]
        assert tuple(found[:2]) == aligns
        widths = [int(column.get(qn("w:w"))) for column in table._tbl.tblGrid]
        assert abs(sum(widths) - WIDTH) < len(widths)
        assert min(widths) > 300


def test_charts_are_sharp_and_said_in_words(made: Path, read: Any) -> None:
    shapes = list(read.element.body.iter(qn("wp:inline")))
    assert len(shapes) == 3
    for shape in shapes:
        described = shape.find(qn("wp:docPr"))
        assert described.get("descr").endswith("的折线图")
    assert len({shape.find(qn("wp:docPr")).get("id") for shape in shapes}) == 3
    with zipfile.ZipFile(made) as parts:
        pictures = [parts.read(name) for name in sorted(parts.namelist()) if name.endswith(".png")]
    wide = max(int.from_bytes(picture[16:20], "big") for picture in pictures)
    assert wide == pytest.approx(174 / 25.4 * DPI, abs=2)
    assert DPI >= 200


def test_every_page_has_stamp_labels_and_number(read: Any) -> None:
    section = read.sections[0]
    for header in (section.header, section.first_page_header):
        assert "示例数据" in header.paragraphs[0].text
        assert "近似路网" in header.paragraphs[0].text
        assert len(header.paragraphs) == 1
    assert read.core_properties.title in section.header.paragraphs[0].text
    for footer in (section.footer, section.first_page_footer):
        text = footer.paragraphs[0].text
        assert text.startswith(style.STAMP)
        assert "结果 3f2a9c" in text
        fields = [field.text.strip() for field in footer._element.iter(qn("w:instrText"))]
        assert fields == ["PAGE", "NUMPAGES"]
    assert (section.page_width.mm, section.page_height.mm) == pytest.approx((210, 297), abs=0.1)


def test_figures_lead_to_where_they_come_from(read: Any) -> None:
    body = read.element.body
    marks = [mark.get(qn("w:name")) for mark in body.iter(qn("w:bookmarkStart"))]
    links = [link.get(qn("w:anchor")) for link in body.iter(qn("w:hyperlink"))]
    assert len(marks) == len(set(marks)) == 3
    assert set(links) <= set(marks)
    assert len(links) > 10
    starts = [mark.get(qn("w:id")) for mark in body.iter(qn("w:bookmarkStart"))]
    ends = [mark.get(qn("w:id")) for mark in body.iter(qn("w:bookmarkEnd"))]
    assert starts == ends


def test_language_fonts_and_properties(read: Any) -> None:
    defaults = read.styles.element.find(qn("w:docDefaults"))
    fonts = next(defaults.iter(qn("w:rFonts")))
    assert fonts.get(qn("w:eastAsia")) == word_styles.FONT
    assert next(defaults.iter(qn("w:lang"))).get(qn("w:eastAsia")) == "zh-CN"
    assert read.core_properties.language == "zh-CN"
    assert read.core_properties.subject
    assert read.core_properties.author == ""


def test_styles_have_the_colours_of_the_style_file(made: Path) -> None:
    ours = {word_styles.hexadecimal(value) for value in vars(style).values() if isinstance(value, str)}
    ours |= {word_styles.hexadecimal(colour) for colour in style.REACH}
    used = set(re.findall(r'(?:w:color|w:fill|w:val)="([0-9A-F]{6})"', word_styles.styles()))
    assert len(used) > 4
    assert used <= ours
    with zipfile.ZipFile(made) as parts:
        theme = parts.read("word/theme/theme1.xml").decode()
    assert f'<a:accent2><a:srgbClr val="{word_styles.hexadecimal(style.ACCENT)}"/>' in theme


def check_order(path: Path) -> None:
    """Every part is XML, and the children of its elements stand in the order of the format."""
    with zipfile.ZipFile(path) as parts:
        assert parts.testzip() is None
        for name in parts.namelist():
            if not name.endswith((".xml", ".rels")):
                continue
            for element in etree.fromstring(parts.read(name)).iter(etree.Element):
                order = ORDERS.get(etree.QName(element).localname, "").split()
                if not order or "wordprocessingml" not in etree.QName(element).namespace:
                    continue
                places = [order.index(etree.QName(child).localname) for child in element]
                assert places == sorted(places), (name, etree.tostring(element)[:300])


def test_elements_stand_in_the_order_of_the_format(made: Path) -> None:
    check_order(made)


def test_styles_that_are_used_are_there(made: Path) -> None:
    there = set(re.findall(r'w:styleId="(\w+)"', word_styles.styles()))
    with zipfile.ZipFile(made) as parts:
        for name in parts.namelist():
            if re.fullmatch(r"word/(document|header\d|footer\d)\.xml", name):
                used = re.findall(r'<w:(?:pStyle|rStyle|tblStyle) w:val="(\w+)"', parts.read(name).decode())
                assert set(used) <= there


def test_the_same_report_gives_the_same_bytes(made: Path, font: Path, tmp_path: Path) -> None:
    again = write_word(reportpapers.made_up(), tmp_path / "another.docx", fonts=font)
    assert again.read_bytes() == made.read_bytes()
    with zipfile.ZipFile(made) as parts:
        assert {entry.date_time[:3] for entry in parts.infolist()} == {(1980, 1, 1)}
        assert not any("thumbnail" in name or "customXml" in name for name in parts.namelist())


def test_lists_of_numbers_begin_again(font: Path, tmp_path: Path) -> None:
    item = ((Span("甲"),), (Span("乙"),))
    blocks = (Bullets(item, numbered=True), Heading("二"), Bullets(item, numbered=True))
    file = docx.Document(str(write_word(reportpapers.made_up(blocks), tmp_path / "n.docx", fonts=font)))
    used = [number.get(qn("w:val")) for number in file.element.body.iter(qn("w:numId"))]
    assert used[0] == used[1] != used[2] == used[3]
    lists = {number.get(qn("w:numId")) for number in file.part.numbering_part.element.iter(qn("w:num"))}
    assert set(used) <= lists


def test_page_breaks_leave_no_empty_line(font: Path, tmp_path: Path) -> None:
    blocks = (Heading("一"), PageBreak(), Heading("附录"), PageBreak(), reportpapers.source_table())
    file = docx.Document(str(write_word(reportpapers.made_up(blocks), tmp_path / "b.docx", fonts=font)))
    broken = [line.text for line in file.paragraphs if line.paragraph_format.page_break_before]
    assert broken == ["附录", "数字出处"]


def test_hostile_texts_are_text(font: Path, tmp_path: Path) -> None:
    document = reportpapers.hostile()
    path = write_word(document, tmp_path / "h.docx", fonts=font)
    check_order(path)
    file = docx.Document(str(path))
    assert running(file) == expected(tuple(document.blocks))
    tables = [block for block in document.blocks if isinstance(block, Table)]
    for found, table in zip(data_tables(file), tables, strict=True):
        rows = [[cell.text for cell in row.cells] for row in found.rows][1:]
        plain = [[clean(span.text) for span in row] for row in table.rows]
        assert rows == (plain or [["(无)", *[""] * (len(table.headers) - 1)]])


def test_a_table_of_many_rows_is_written(font: Path, tmp_path: Path) -> None:
    document = reportpapers.made_up((reportpapers.long_table(500),))
    file = docx.Document(str(write_word(document, tmp_path / "long.docx", fonts=font)))
    assert len(data_tables(file)[0].rows) == 501
