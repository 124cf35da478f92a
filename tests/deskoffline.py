"""What the tests of the offline desk share: its scripts alone, and the same questions in Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import deskpage
import numpy as np
from boai.app.desk import answers, assets, where
from boai.app.desk.ground import Ground
from boai.app.desk.need import need
from boai.app.desk.parts import CHINA, WhatIf
from boai.maps.page_pack import dump

NOW = datetime(2026, 11, 22, 16, 3, 7, tzinfo=CHINA)
ANSWERING = (
    "angles.js", "datums.js", "links.js", "pasted.js", "places.js", "where.js", "unpack.js", "ways.js",
    "vault.js", "local-facts.js", "local-plan.js", "local-answer.js", "local-need.js", "local.js",
)  # fmt: skip
"""The scripts that answer without a server; they need no page."""
_LOOSE = {"metres": 1.0, "km": 0.11, "off_road_m": 0.11}
"""Lengths are kept to a decimetre for each hop; of equally quick ways any is right."""
_OWN = ("offline", "calculated_m", "outside_m", "water", "features")
"""What only one side says, and lines: of two equally quick ways each may draw another."""


def bare(bundle: dict[str, Any], path: Path) -> Path:
    """Write a page of the answering scripts alone."""
    assert set(ANSWERING) <= set(assets.SCRIPTS)
    code = "\n;\n".join([assets._map_asset("gcj02.js"), *map(assets._web, ANSWERING)])
    data = f'<script id="boai-bundle" type="application/json">{dump(bundle)}</script>'
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8>{data}<script>{code}</script>", encoding="utf-8")
    return path


@contextmanager
def opened(browser: Any, path: Path, size: str = "desktop") -> Iterator[Any]:
    """Open a file without any network; a request or a complaint fails the test."""
    context = browser.new_context(**deskpage.SIZES[size], offline=True)
    page = context.new_page()
    asked, complaints = list[str](), list[str]()
    page.on("request", lambda one: asked.append(one.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    page.goto(path.as_uri())
    try:
        yield page
    finally:
        context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []


def in_page(page: Any, method: str, *rest: Any) -> Any:
    """Call a method of ``boai.local``; what it refuses comes back as ``{"refused": …}``."""
    script = "([name, rest]) => boai.local[name](...rest).catch((error) => ({ refused: error }))"
    return page.evaluate(script, [method, list(rest)])


def in_python(ground: Ground, method: str, question: dict[str, Any]) -> dict[str, Any]:
    """Ask the same of the server's own functions."""
    asked = {
        name: value for name, value in question.items() if name not in ("lon", "lat", "at", "what_if", "now")
    }
    place = None
    if "area" not in question:
        place = where.resolve(
            ground, question.get("at", ""), lon=question.get("lon"), lat=question.get("lat")
        )
    trial = WhatIf(empty=tuple((question.get("what_if") or {}).get("empty", ())))
    if method == "need":
        return need(ground, place, **asked, what_if=trial, now=NOW)
    assert place is not None
    return answers.nearest(ground, place, **asked, what_if=trial, now=NOW)


def differences(here: Any, there: Any, path: str = "") -> list[str]:
    """List where two answers differ beyond what is meant to."""
    name = path.rsplit(".", maxsplit=1)[-1]
    if name in _OWN or (name == "warning" and "省界" in here):
        return []
    if isinstance(here, dict) and isinstance(there, dict):
        keys = sorted({*here, *there})
        return [text for key in keys for text in differences(here.get(key), there.get(key), f"{path}.{key}")]
    if isinstance(here, list) and isinstance(there, list):
        if name == "notes":
            here = [text for text in here if not text.startswith(("离线按", "没有水面数据"))]
            there = [text for text in there if not text.startswith("没有水面数据")]
        if len(here) != len(there):
            return [f"{path}: {here} / {there}"]
        pairs = zip(here, there, strict=True)
        return [text for a, b in pairs for text in differences(a, b, path)]
    loose = _LOOSE.get(name, 0.0)
    if isinstance(here, int | float) and isinstance(there, int | float) and abs(here - there) <= loose:
        return []
    return [] if here == there else [f"{path}: {here!r} / {there!r}"]


def questions(ground: Ground, points: Any, seed: int) -> list[tuple[str, dict[str, Any]]]:
    """Draw questions at points: nearest stores and teams, some of them empty, and needs."""
    rng, drawn = np.random.default_rng(seed), []
    ids = [site["id"] for site in ground.live["warehouse"].sites]
    items = sorted(
        {item for site in ground.live["warehouse"].sites for item in json.loads(site["stock"] or "{}")}
    )
    specialities = ["", *sorted({site["speciality"] for site in ground.live["team"].sites})]
    for number, (lon, lat) in enumerate(points):
        some = rng.choice(ids, size=int(rng.integers(0, min(4, len(ids)))), replace=False).tolist()
        asked: dict[str, Any] = {"lon": lon, "lat": lat, "what_if": {"empty": some}}
        if number % 3 == 2:
            own = {str(rng.choice(items)): int(rng.integers(1, 20_000))} if rng.random() < 0.5 else {}
            people = {} if own and rng.random() < 0.5 else {"persons": int(rng.integers(1, 60_000))}
            own = {name: count for name, count in own.items() if name != "家庭包" or not people}
            share = {"share": float(rng.choice([0.1, 0.35, 1.0]))}
            drawn.append(("need", {**asked, **people, **({"items": own} if own else {}), **share}))
        elif number % 3 == 1:
            drawn.append(
                ("nearest", {**asked, "kind": "team", "k": 5, "speciality": str(rng.choice(specialities))})
            )
        else:
            drawn.append(("nearest", {**asked, "kind": "warehouse", "k": int(rng.choice([1, 3, 12, 20]))}))
    return [(method, question) for method, question in drawn if method != "need" or len(question) > 4]
