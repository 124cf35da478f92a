"""The parts of the desk's page: whole, in both languages, readable in both colours, one file or served."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import deskpage
import gridworld
import pytest
from boai.app.desk import assets, drawing
from boai.geodata.network import save_network
from boai.maps.page_pack import dump

WEB = files("boai.app") / "web"
SOURCES = {name: (WEB / name).read_text(encoding="utf-8") for name in assets.SCRIPTS}
STYLE = (WEB / "desk.css").read_text(encoding="utf-8")

TEXTS = [
    ("ink", "paper"), ("ink", "ground"), ("ink", "raised"), ("ink", "mute-ground"), ("quiet", "paper"),
    ("quiet", "ground"), ("quiet", "mute-ground"), ("on-primary", "primary"), ("on-head", "head"),
    ("link", "paper"), ("link", "ground"), ("link", "mute-ground"), ("good", "good-ground"),
    ("good", "paper"), ("good", "ground"), ("bad", "bad-ground"), ("bad", "paper"), ("warn", "warn-ground"),
    ("warn", "paper"), ("warn", "mute-ground"), ("paper", "ink"), ("paper", "bad"), ("paper", "good"),
    ("paper", "way-chosen"), ("paper", "quiet"), ("name", "land"), ("name", "halo"),
]  # fmt: skip
SIGNS = [
    ("edge", "paper"), ("edge", "ground"), ("focus", "paper"), ("focus", "ground"), ("way", "land"),
    ("way-chosen", "land"), ("closed", "land"), ("trial", "land"), ("wet", "land"), ("primary", "paper"),
]  # fmt: skip


def colours(scheme: str) -> dict[str, str]:
    """Read the named colours of the light or the dark page."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE.replace("\n", " "))
    light = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[0]))
    return light if scheme == "light" else light | dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[1]))


def contrast(one: str, other: str) -> float:
    """Compute the contrast of two colours (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_signs_stand_out_from_their_ground(scheme: str) -> None:
    named = colours(scheme)
    assert set(named) == set(colours("light"))
    pale = {pair: contrast(named[pair[0]], named[pair[1]]) for pair in TEXTS}
    assert {pair: value for pair, value in pale.items() if value < 4.5} == {}
    weak = {pair: contrast(named[pair[0]], named[pair[1]]) for pair in SIGNS}
    assert {pair: value for pair, value in weak.items() if value < 3} == {}


def test_every_word_is_there_in_both_languages() -> None:
    pairs = dict(re.findall(r'^    "?([^":\s]+)"?: (\[".*"\]),$', SOURCES["words.js"], re.MULTILINE))
    words = {key: json.loads(pair) for key, pair in pairs.items()}
    used = set(re.findall(r'data-t(?:-label|-hint)?="([^"]+)"', (WEB / "page.html").read_text("utf-8")))
    for text in SOURCES.values():
        used |= set(re.findall(r'\bt\("([^"]+)"(?! \+)', text))
    assert used - set(words) == set()
    assert {key for key, pair in words.items() if len(pair) != 2 or not all(pair)} == set()
    holes = {key: [set(re.findall(r"\{(\w+)\}", text)) for text in pair] for key, pair in words.items()}
    assert {key for key, (chinese, english) in holes.items() if chinese != english} == set()


def test_text_enters_the_page_only_as_text() -> None:
    for name, text in SOURCES.items():
        assert not re.search(r"insertAdjacentHTML|outerHTML|document\.write|\beval\(|new Function", text), (
            name
        )
        assert not re.search(r"\.innerHTML\s*=", text), name
        assert "style=" not in text, name
    assert not re.search(r"\bon\w+=|style=|<script|https?:", (WEB / "page.html").read_text("utf-8"))
    assert not re.search(r"url\(|@import", assets.style())


def test_files_are_short() -> None:
    assert {name: text.count("\n") for name, text in SOURCES.items() if text.count("\n") > 400} == {}


class Reader(HTMLParser):
    """Collects tags, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self.tags.append((tag, facts))
        self._open = str(facts.get("id") or tag) if tag in ("script", "style") else ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open] = self.inside.get(self._open, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def test_the_served_page_refers_to_its_own_parts_only() -> None:
    reader = Reader(assets.page())
    links = [value for _, facts in reader.tags for key, value in facts.items() if key in ("src", "href")]
    assert links == ["icon.svg", "manifest.webmanifest", "desk.css", "desk.js", "#panels"]
    assert ("html", {"lang": "zh-CN", "data-source": "server"}) in reader.tags
    viewport = next(facts for _, facts in reader.tags if facts.get("name") == "viewport")
    assert "user-scalable" not in str(viewport["content"])
    ids = [facts["id"] for _, facts in reader.tags if "id" in facts]
    assert len(ids) == len(set(ids))
    controls = {facts.get("aria-controls") for _, facts in reader.tags} - {None}
    assert controls <= set(ids)


def test_one_file_holds_all_and_its_policy_names_its_scripts() -> None:
    bundle = dump({"name": "</script><b>"})
    reader = Reader(assets.single_file(bundle, "{}"))
    assert json.loads(reader.inside["boai-bundle"]) == {"name": "</script><b>"}
    policy = next(
        str(facts["content"])
        for _, facts in reader.tags
        if facts.get("http-equiv") == "Content-Security-Policy"
    )
    assert "unsafe" not in policy
    for part in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(reader.inside[part].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert ("html", {"lang": "zh-CN", "data-source": "file"}) in reader.tags
    links = [str(value) for _, facts in reader.tags for key, value in facts.items() if key in ("src", "href")]
    assert all(link.startswith(("data:", "#")) for link in links)


def test_the_page_can_be_put_on_a_phone() -> None:
    facts = json.loads(assets.manifest())
    assert facts["start_url"] == facts["scope"] == "./"
    assert assets.icon().startswith("<svg")
    assert assets.version() in assets.worker()


def test_the_map_is_made_once_and_again_for_other_data(tmp_path: Path) -> None:
    root = deskpage.make(tmp_path / "workspace")
    text = drawing.drawing(root)
    found = json.loads(text)
    assert found["key"] == drawing.drawing_key(root)
    assert [road["name"] for road in found["roads"]] == ["高速公路", "国道"]
    assert found["places"]["name"][:2] == ["东市", "西市"]
    path = root / drawing.FOLDER / f"map-{found['key']}.json"
    assert path.read_text(encoding="utf-8") == text
    path.write_text("{", encoding="utf-8")
    assert drawing.drawing(root) == text  # a damaged file is made anew
    manifest = json.loads((root / "boai.json").read_text(encoding="utf-8"))
    other = gridworld.grid_network(4, seconds=60)
    manifest["hashes"]["network"] = save_network(other, root / "network")
    (root / "boai.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert drawing.drawing_key(root) != found["key"]
