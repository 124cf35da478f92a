"""A tiny world whose every secret is known, and all the texts and numbers that a product's files hold."""

from __future__ import annotations

import base64
import json
import re
import shutil
import sqlite3
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import mapworld
import numpy as np
import pandas as pd
import yaml
from boai.geodata.layers import Layer
from boai.maps.page_pack import unpack
from boai.scenarios.run import Result, run
from boai.scenarios.schema import parse_scenario
from boai.scenarios.world import World
from numpy.typing import NDArray

PEOPLE = ("欧阳秘一", "司马密二", "诸葛隐三")
PHONES = ("13979112345", "0791-86262333", "000-7654321")
STOCK = ("防化服", "47110815")
HOUSES = ("秘密大院北楼", "某某路88号")
SECRETS = (*PEOPLE, *PHONES, *STOCK, *HOUSES, "987654", "13812345678", "03:17")
"""Texts that no product for the public may hold."""


def make() -> tuple[World, list[Result]]:
    """A world full of secrets, its baseline and a scenario that tells some more."""
    world = mapworld.make_world()
    layers = {kind: _with_secrets(layer) for kind, layer in world.layers.items()}
    hosts = pd.DataFrame(
        {
            "id": ["h1"], "name": ["实验小学"], "lon": [115.1], "lat": [28.1], "county_code": ["360102"],
            "county": ["甲县"], "city": ["东市"], "level": [""], "host": [HOUSES[0]], "status": ["已建"],
            "year": [np.nan], "capacity": [987654.0], "example": [True],
        }
    )  # fmt: skip
    world = replace(world, layers=layers, resources={"school": hosts})
    lon, lat = float(world.demand.lon[-1]) + 0.00119, float(world.demand.lat[-1]) - 0.00151
    stock = ":".join(STOCK)
    changes: list[dict[str, Any]] = [
        {"open": {"kind": "warehouse", "id": "new", "name": f"{HOUSES[1]}新库", "year": 2025, "lon": lon,
                  "lat": lat, "stock": stock}},
        {"resize": {"kind": "warehouse", "id": "warehouse-0", "stock": stock, "capacity": 987654}},
        {"retime": {"kind": "warehouse", "id": "warehouse-0", "hours": "周一 03:17-04:00"}},
        {"grow": {"unit": "全省", "percent": 10}},
    ]  # fmt: skip
    text = {
        "name": "plan",
        "title": "计划",
        "description": f"联系{PEOPLE[0]} 13812345678",
        "changes": changes,
    }
    plan = run(world, parse_scenario(yaml.safe_dump(text)))
    return world, [mapworld.baseline(world), plan]


def _with_secrets(layer: Layer) -> Layer:
    table = layer.table.assign(
        keeper=f"{PEOPLE[0]}、{PEOPLE[2]}", phone=f"{PHONES[0]};{PHONES[1]}", stock='{"防化服": 47110815}',
        stock_date="2024-02-29", capacity=987654.0, host=HOUSES[0], hours="周一 03:17-04:00",
        readiness_min=37.0, source=f"{PEOPLE[1]}上报 {PHONES[2]}",
    )  # fmt: skip
    if layer.kind == "warehouse":  # nothing else stands where they stand
        table = table.assign(name=f"{HOUSES[0]}仓库", lon=table["lon"] + 0.00137, lat=table["lat"] + 0.00173)
    if layer.kind == "aed":  # the public must find them
        table = table.assign(host="火车站", hours="周一至周日 08:00-20:00")
    return replace(layer, table=table)


def places(results: list[Result]) -> NDArray[np.float64]:
    """(n, 2) true places of all stores."""
    tables = [result.layers["warehouse"].table[["lon", "lat"]].to_numpy(float) for result in results]
    return np.unique(np.vstack(tables), axis=0)


def texts_in(value: Any) -> Iterator[str]:
    """Give every text inside a world, a result, a table, a list."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, pd.DataFrame):
        for name in value.columns:
            yield from texts_in(value[name].tolist())
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from texts_in(getattr(value, each.name))
    elif hasattr(value, "items"):
        for key, each in value.items():
            yield from texts_in(key)
            yield from texts_in(each)
    elif isinstance(value, np.ndarray):
        yield from (str(each) for each in value.ravel().tolist() if isinstance(each, str))
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from texts_in(each)


def numbers_in(value: Any) -> Iterator[NDArray[np.float64]]:
    """Give every array of numbers inside the tables of a world or a result."""
    if isinstance(value, pd.DataFrame):
        yield value.select_dtypes("number").to_numpy(float).ravel()
    elif isinstance(value, Layer):
        yield from numbers_in(value.table)
    elif hasattr(value, "items"):
        for each in value.values():
            yield from numbers_in(each)
    elif isinstance(value, list | tuple):
        yield np.array([each for each in value if isinstance(each, float)])
        for each in value:
            yield from numbers_in(each)


def file_texts(folder: Path) -> str:
    """Put together what all files of a folder hold, whatever they are packed in."""
    return "\n".join(text for path in sorted(folder.rglob("*")) if path.is_file() for text in _texts(path))


def _texts(path: Path) -> Iterator[str]:
    yield path.name
    content = path.read_bytes()
    if path.suffix == ".pdf":
        tool = shutil.which("pdftotext")
        if tool is not None:
            yield subprocess.run(
                [tool, "-raw", str(path), "-"], capture_output=True, check=True
            ).stdout.decode()
        yield from _in_pdf(content)
        return
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as parts:
            for name in parts.namelist():
                yield name
                yield parts.read(name).decode("utf-8", "replace")
        return
    if content.startswith(b"SQLite format 3"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
            base.text_factory = lambda text: text.decode("utf-8", "replace")
            yield "\n".join(base.iterdump())
    for code in ("utf-8", "gb18030"):
        text = content.decode(code, "replace")
        yield text
        yield re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    yield from _packed(content)


def _in_pdf(content: bytes) -> Iterator[str]:
    """Give what stands outside the pages of a PDF: titles, bookmarks, links, and streams of any kind."""
    yield content.decode("latin-1")
    for text in re.findall(rb"\((\xfe\xff.*?)\)", content, re.DOTALL):
        yield text[2:].decode("utf-16-be", "replace")
    for found in re.finditer(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        with suppress(zlib.error):
            yield zlib.decompress(found[1]).decode("latin-1")


def _packed(content: bytes) -> Iterator[str]:
    """Unpack arrays in base64, also those of `maps.page_pack`, and write their numbers as texts."""
    for found in re.finditer(rb'{"t":"(\w+)","n":\d+,"z":"[A-Za-z0-9+/=]*"}', content):
        values = unpack(json.loads(found[0]))
        if found[1] == b"text":
            yield "\n".join(values)
        elif len(values) < 100_000:
            yield " ".join(map(str, values.tolist()))
    for found in re.finditer(rb'"([A-Za-z0-9+/]{24,}={0,2})"', content):
        try:
            raw = base64.b64decode(found[1], validate=True)
        except ValueError:
            continue
        yield raw.decode("utf-8", "replace")
        for form in ("<i4", "<f4", "<f8"):
            size = int(form[2])
            with np.errstate(invalid="ignore"):
                values = np.frombuffer(raw[: len(raw) // size * size], form).astype(float)
            if len(values) < 100_000:
                yield " ".join(f"{value:.6f}" for value in values[np.isfinite(values)].tolist())


def places_told(text: str, places: NDArray[np.float64]) -> list[str]:
    """Find places as a text tells them: one number to a metre, or both to a hundred metres side by side."""
    found = []
    for place in places.tolist():
        forms = {f"{value:.{digits}f}" for value in place for digits in (5, 6)}
        forms |= {str(round(value * scale)) for value in place for scale in (100_000, 1_000_000)}
        found += [form for form in forms if form in text]
        for digits in (3, 4):
            lon, lat = (re.escape(f"{value:.{digits}f}") for value in place)
            found += re.findall(f"{lon}.{{1,60}}{lat}|{lat}.{{1,60}}{lon}", text)
    return found
