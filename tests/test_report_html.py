"""The report as HTML: whole, closed to the outside, safe against names, readable and printed on A4."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import mapworld
import pytest
from boai.maps.report.content import document
from boai.maps.report.facts_charts import CITIES
from boai.maps.report.html import write_html
from boai.maps.report.model import Chart, Document, Heading, Paragraph, Ref, Span
from boai.maps.report.trace import running

VOID = {"meta", "col", "br", "img", "link", "input", "hr"}
PHONE = {"width": 390, "height": 844}


class Reader(HTMLParser):
    """Reads a page strictly: what opens closes, in order; collects elements and what is said."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    return reader


@pytest.fixture(scope="module")
def report() -> Document:
    world = mapworld.make_world()
    return document(world, mapworld.make_results(world), date="2026-01-01")[0]


@pytest.fixture(scope="module")
def page(report: Document, font: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_html(report, tmp_path_factory.mktemp("html") / "a.html", font=font)


def test_the_page_is_whole(page: Path) -> None:
    reader = read(page)
    assert reader.wrong == [] and reader.open == []
    names = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(names) == len(set(names))


def test_nothing_comes_from_outside(page: Path) -> None:
    reader, text = read(page), page.read_text("utf-8")
    assert not [
        tag for tag, _ in reader.tags if tag in ("script", "link", "iframe", "object", "form", "base")
    ]
    links = [
        attrs[name] or ""
        for _, attrs in reader.tags
        for name in ("href", "src", "xlink:href")
        if name in attrs
    ]
    assert links and all(link.startswith("#") for link in links)
    assert not re.search(r"url\((?!data:font/woff;base64,|#)", text)
    policy = next(attrs["content"] or "" for tag, attrs in reader.tags if attrs.get("http-equiv"))
    assert "default-src 'none'" in policy and "http" not in policy
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")]


def test_figures_lead_to_their_places(page: Path, report: Document) -> None:
    reader = read(page)
    facts = [attrs for _, attrs in reader.tags if attrs.get("class") == "fact"]
    names = {attrs.get("id") for _, attrs in reader.tags}
    assert len(facts) == sum(span.ref is not None for span in running(report.blocks))
    assert all((attrs["href"] or "")[1:] in names for attrs in facts)
    assert any("附表“概况” D2" in (attrs["data-at"] or "") for attrs in facts)


def test_stamp_labels_and_date_are_there(page: Path) -> None:
    text = "".join(read(page).text)
    for word in ("内部使用 不得公开", "示例数据", "近似路网", "2026-01-01", "附录一", "数字出处"):
        assert word in text


def test_charts_are_drawings_with_words_for_them(page: Path) -> None:
    reader = read(page)
    drawn = [attrs for _, attrs in reader.tags if attrs.get("role") == "img"]
    assert len(drawn) == 4
    assert all(len(attrs["aria-label"] or "") > 10 for attrs in drawn)
    assert any(CITIES in (attrs["aria-label"] or "") for attrs in drawn)
    sizes = [len(text) for text in re.findall(r"(?s)<svg.*?</svg>", page.read_text("utf-8"))]
    assert max(sizes) < 300_000


def test_the_same_report_gives_the_same_bytes(
    page: Path, report: Document, font: Path, tmp_path: Path
) -> None:
    assert write_html(report, tmp_path / "b.html", font=font).read_bytes() == page.read_bytes()


def test_no_colour_but_the_styles(page: Path) -> None:
    from importlib.resources import files

    css = (files("boai.maps.report") / "templates" / "report.css").read_text("utf-8")
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", css)
    variables = set(re.findall(r"var\(--([a-z0-9-]+)\)", css))
    defined = set(re.findall(r"--([a-z0-9-]+):", page.read_text("utf-8")))
    assert variables <= defined


@pytest.fixture(scope="module")
def hostile(font: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with names that try to get out of their place."""
    world = mapworld.make_world(names=mapworld.HOSTILE)
    first, plan = mapworld.make_results(world, title=mapworld.HOSTILE[0], count=3)
    others = [replace(plan, title=name) for name in mapworld.HOSTILE[1:5]]
    report, _ = document(
        world, [first, plan, *others], title="</title><script>alert(3)</script>", date='"><b>'
    )
    blocks = [*report.blocks, Paragraph((Span("</p><script>x</script>", Ref("'><x", '"><y'), number=9_999),))]
    report = replace(report, blocks=blocks, labels=('"};*{display:none}</style><script>y</script>',))
    return write_html(report, tmp_path_factory.mktemp("hostile") / "h.html", font=font)


def test_names_stay_text(hostile: Path) -> None:
    reader = read(hostile)
    assert reader.wrong == [] and reader.open == []
    known = {tag for tag, _ in reader.tags}
    assert known.isdisjoint({"script", "img", "x", "y", "b", "iframe"})
    assert "alert(1)" in "".join(reader.text)
    style = re.search(r"(?s)<style>(.*?)</style>", hostile.read_text("utf-8"))
    assert style is not None and "*{display" not in style[1]


def test_one_half_chart_and_a_whole_one(font: Path, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    def draw(width: float, height: float) -> Figure:
        return Figure(figsize=(width / 25.4, height / 25.4))

    half = Chart("半", draw, 85, 50, "半宽的图。", half=True)
    whole = replace(half, title="全", half=False)
    blocks = (Heading("标题", 2), half, whole, half, half)
    page = write_html(Document("题", "", "内部使用 不得公开", (), "", blocks), tmp_path / "c.html", font=font)
    looks = re.findall(r'class="charts (\w+)"', page.read_text("utf-8"))
    assert looks == ["one", "whole", "two"]
    assert read(page).wrong == []


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    """Open a file on a phone; a request to elsewhere and a complaint of the browser fail the test."""
    asked: list[str] = []
    said: list[str] = []
    context = browser.new_context(viewport=PHONE, java_script_enabled=True)
    found = context.new_page()
    context.on("request", lambda request: asked.append(request.url))
    found.on("console", lambda message: said.append(message.text))
    found.on("pageerror", lambda error: said.append(str(error)))
    yield found
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []


@pytest.mark.slow
@pytest.mark.browser
def test_in_a_browser(opened: Any, page: Path, hostile: Path) -> None:
    opened.goto(page.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    fact = opened.locator(".fact").first
    fact.focus()
    told = opened.evaluate("getComputedStyle(document.querySelector('.fact'), '::after').content")
    assert told.startswith('"附表')
    fact.click()
    assert opened.url.endswith("#f1")
    opened.goto(hostile.as_uri())
    assert opened.evaluate("getComputedStyle(document.body).display") == "block"


@pytest.mark.slow
@pytest.mark.browser
def test_the_demo_prints_two_pages_and_an_appendix(
    opened: Any, world: Any, font: Path, tmp_path: Path
) -> None:
    report, _ = document(*mapworld.demo(world))
    blocks = list(report.blocks)
    cut = next(at for at, block in enumerate(blocks) if isinstance(block, Heading) and "附录" in block.text)
    for name, part, most in (("body", blocks[: cut - 1], 2), ("whole", blocks, 6)):
        path = write_html(replace(report, blocks=part), tmp_path / f"{name}.html", font=font)
        opened.goto(path.as_uri())
        printed = opened.pdf(prefer_css_page_size=True)
        assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= most
