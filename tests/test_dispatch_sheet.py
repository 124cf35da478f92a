"""The dispatch sheet: its pages, its words, its bytes, and nothing that a name or a number could break."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mapworld
import matplotlib as mpl
import numpy as np
import pytest
from boai.app.desk import dispatch_sheet
from boai.maps import dispatch, dispatch_map, fonts, paper, style
from boai.maps.dispatch_map import Backdrop, backdrop
from dispatchworld import make_answer, make_card, make_decision
from test_dispatch import HOSTILE

NAMES = (
    "".join(map(chr, range(0x20, 0x7F))) + Path(__file__).read_text(encoding="utf-8") + "".join(HOSTILE[:5])
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A font of the characters that occur here: all of GBK takes a quarter of a minute."""
    folders = [Path(module.__file__ or "").parent for module in (dispatch_sheet, dispatch, mapworld)]
    names = ("dispatch*.py", "panel.py", "style.py", "question.py", "*world.py")
    files = [path for folder in folders for name in names for path in folder.glob(name)]
    texts = [NAMES, fonts.MISSING, *(path.read_text(encoding="utf-8") for path in files)]
    own = frozenset("".join(texts)) & fonts._source_characters()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fonts, "base_characters", lambda: own)
        patch.setattr(fonts, "all_characters", lambda: own)
        patch.setattr(dispatch, "all_characters", lambda: own)
        yield tmp_path_factory.mktemp("fonts")


@pytest.fixture(scope="module")
def ground() -> Backdrop:
    world = mapworld.make_world()
    return backdrop(world.units, world.network, world.gazetteer)


@pytest.fixture(scope="module")
def made(ground: Backdrop, cache: Path) -> bytes:
    return dispatch.to_bytes(order(), ground, fonts=cache)


def order(count: int = 3, **changed: Any) -> dispatch.Order:
    return dispatch_sheet.order(make_answer(max(count, 3), **changed), make_decision(count))


def pdf_text(content: bytes, *options: str) -> str:
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed")
    done = subprocess.run([tool, *options, "-", "-"], input=content, capture_output=True, check=True)
    return done.stdout.decode()


def pages(content: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", content))


def test_three_stores_fit_on_one_page_with_all_that_must_be_said(made: bytes) -> None:
    text = pdf_text(made, "-layout")
    assert pages(made) == 1
    for word in (
        "备灾物资调度单",
        "编号 20261122-001",
        "2026年11月22日 14:05 值班员赵六",
        "江西省南昌市西湖区",
        "115.850000, 28.680000",
        "高德坐标",
        "百度坐标",
        "1,200 人, 约 300 户",
        "预计 15:20 到达",
        "1小时15分 = 准备 1小时 + 行车 15分, 10.0 公里",
        "家庭包 352、棉被 704 (截至 2026-10-01)",
        "王堃 13800000001",
        "副手 李四 0792-7220000",
        "G45 大广高速 9.0 公里",
        "甲镇 → 丙乡",
        "没有登记的封闭或减速",
        "县级 6小时内: 第1仓库 1小时15分到达, 达标",
        "下达人签字",
        "出库(出发)时间",
        "到达时间",
        "数据版本 0123456789ab",
        "不是公文文号",
        style.STAMP,
        "第 1 页, 共 1 页",
        "北",
    ):
        assert word in text, word
    assert fonts.MISSING not in text


def test_labels_are_there_only_where_they_are_true(made: bytes, ground: Backdrop, cache: Path) -> None:
    labelled = dispatch.to_bytes(order(labels=["近似路网", "示例数据"]), ground, fonts=cache)
    for label in ("近似路网", "示例数据"):
        assert label in pdf_text(labelled)
        assert label not in pdf_text(made)


def test_more_stores_take_more_pages_and_none_is_lost(ground: Backdrop, cache: Path) -> None:
    content = dispatch.to_bytes(order(14), ground, fonts=cache)
    text = pdf_text(content, "-layout")
    assert pages(content) >= 3
    assert f"第 {pages(content)} 页, 共 {pages(content)} 页" in text
    for number in range(1, 15):
        assert len(re.findall(rf"\b{number} +第{number}仓库", text)) == 2, (
            number
        )  # its block, and where it signs


def test_threads_give_the_same_bytes_and_leave_no_setting_behind(
    made: bytes, ground: Backdrop, cache: Path
) -> None:
    before = dict(mpl.rcParams)
    with ThreadPoolExecutor(2) as pool:
        drawn = list(pool.map(lambda _: dispatch.to_bytes(order(), ground, fonts=cache), range(2)))
    assert set(drawn) == {made}
    assert dict(mpl.rcParams) == before


def test_unreachable_teams_far_away_are_said_and_drawn(ground: Backdrop, cache: Path) -> None:
    far = make_card(
        2, eta_min=None, km=None, drive_min=None, status="不可达", kind="team", lon=116.9, lat=29.9
    )
    answer = make_answer(sites=[make_card(1, kind="team", members=12), far], kind="team", features=[])
    content = dispatch.to_bytes(dispatch_sheet.order(answer, make_decision(2)), ground, fonts=cache)
    text = pdf_text(content)
    assert "救援队调度单" in text
    assert "不可达" in text
    assert not re.search(r"\b(inf|nan|None)\b", text)


def test_hostile_names_are_drawn_as_text(ground: Backdrop, cache: Path) -> None:
    """A script, a formula, control and direction marks, a novel, SQL, a lone surrogate, TeX."""
    facts = ("name", "keeper", "phone", "address", "deputy", "open_text")
    cards = [
        make_card(number, **dict.fromkeys(facts, name), stock={name: 3}, passes=[name] * 9)
        for number, name in enumerate(HOSTILE, 1)
    ]
    one, two, three, four = HOSTILE[0], HOSTILE[2], HOSTILE[3], HOSTILE[5]
    place = make_answer()["place"] | {"name": one, "note": three}
    answer = make_answer(sites=cards, place=place, version=two, notes=list(HOSTILE))
    changed = {
        "who": two,
        "note": three,
        "number": one,
        "carry": {"w1": {four: 1}},
        "need": {"items": {two: 1}},
    }
    decision = make_decision(len(cards), **changed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a glyph that the font lacks warns
        content = dispatch.to_bytes(dispatch_sheet.order(answer, decision), ground, fonts=cache)
    assert pages(content) <= 6
    assert "<script>alert(1)</script>" in pdf_text(content)
    for forbidden in (b"/JavaScript", b"/Launch", b"/URI", b"/OpenAction"):
        assert forbidden not in content


def test_no_text_lies_on_another(ground: Backdrop, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes of all texts of a page: none but the two layers of a bold text share area."""
    written: list[tuple[int, float, float, float, float, str]] = []
    write = paper.Paper.text

    def noted(self: paper.Paper, x: float, y: float, text: str, size: float, **look: Any) -> float:
        used = write(self, x, y, text, size, **look)
        align = look.get("align", "left")
        left = x - (used if align == "right" else used / 2 if align == "center" else 0)
        written.append((id(self), left, y - size * 0.06, left + used, y + size * 0.27, text))
        return used

    monkeypatch.setattr(paper.Paper, "text", noted)
    long = {"name": "很长的名字" * 30, "address": "很长的地址" * 30, "passes": ["很长的地名" * 4] * 12}
    answer = make_answer(sites=[make_card(n, **long) for n in (1, 2, 3)], notes=["很长的说明" * 60] * 4)
    decision = make_decision(3, note="很长的说明" * 60, number="20261122-001", who="很长的人名" * 30)
    content = dispatch.to_bytes(dispatch_sheet.order(answer, decision), ground, fonts=cache)
    assert pages(content) >= 2
    assert len(written) > 60
    for number, (page, left, bottom, right, top, text) in enumerate(written):
        assert left >= 10, text
        assert right <= 200, text
        assert bottom >= 3, text
        for other in written[:number]:
            apart = other[1] >= right or other[3] <= left or other[2] >= top or other[4] <= bottom
            assert other[0] != page or apart or not text.strip(), (text, other[5])


def test_the_map_shows_place_stores_and_closed_roads_off_the_scale(ground: Backdrop, cache: Path) -> None:
    seen: list[Any] = []
    sheet = paper.blank(100, 100)
    with fonts.drawing(fonts.dispatch_font(folder=cache)):
        line = np.array([[115.85, 28.68], [115.86, 28.66]])
        sites = [(115.86, 28.66), (115.8601, 28.6601), (115.7, 28.5)]
        ways = [line, line, np.empty((0, 2))]
        place = (115.85, 28.68)
        dispatch_map.draw(sheet, (5, 5, 90, 90), ground, place=place, sites=sites, ways=ways, closed=[line])
        sheet.figure.savefig(io.BytesIO(), format="pdf")
        seen = [text.get_text() for axes in sheet.figure.axes for text in axes.texts]
        axes = sheet.figure.axes[0]
        low = axes.get_ylim()[0]
        scale_mm = 90 / (axes.get_ylim()[1] - low)
    assert {"1", "2", "3"} <= set(seen)
    points = dispatch_map.layers.project([x for x, _ in sites], [y for _, y in sites])
    assert ((points[:, 1] - low) * scale_mm > 11).all()


def test_a_failing_write_keeps_the_old_sheet(
    ground: Backdrop, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bytes
) -> None:
    path = dispatch.write_sheet(order(), ground, tmp_path / "sheet.pdf", fonts=cache)
    assert path.read_bytes() == made

    def stop(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", stop)
    with pytest.raises(OSError, match="disk full"):
        dispatch.write_sheet(order(1), ground, path, fonts=cache)
    monkeypatch.undo()
    assert path.read_bytes() == made
    assert [one.name for one in tmp_path.iterdir()] == ["sheet.pdf"]


def test_the_map_is_prepared_once_for_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    world = mapworld.make_world()
    counted: list[int] = []

    def load(path: Path) -> Any:
        counted.append(1)
        return world.units

    monkeypatch.setattr("boai.geodata.boundaries.load", load)
    network = replace(world.network, meta={**world.network.meta, "hash": "a"})
    base: Any = SimpleNamespace(root=tmp_path, network=network, gazetteer=world.gazetteer)
    first = dispatch_sheet.backdrop_of(base)
    assert dispatch_sheet.backdrop_of(base) is first
    base.network = replace(world.network, meta={**world.network.meta, "hash": "b"})
    assert dispatch_sheet.backdrop_of(base) is not first
    assert len(counted) == 2


@pytest.mark.slow
def test_rare_characters_of_names_are_drawn(ground: Backdrop, tmp_path: Path) -> None:
    """镕, 堃, 喆, 赟 are beyond GB 2312, and people are called so."""
    changed = make_decision(1, who="镕堃喆赟玥昇")
    content = dispatch.to_bytes(dispatch_sheet.order(make_answer(), changed), ground, fonts=tmp_path)
    assert "镕堃喆赟玥昇" in pdf_text(content)
