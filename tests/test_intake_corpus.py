"""Every file of the corpus against its expected verdict, and what must hold for any file whatever."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from boai.geodata.errors import InputError
from boai.geodata.intake.codes import CODES
from boai.geodata.intake.model import Intake
from boai.geodata.intake.pipeline import check, read, to_json
from boai.geodata.types import find_type
from intake_attacks import SECRET
from intake_corpus import CASES
from intake_files import TODAY, Case, Truth, misfits, sites

DAY = dt.date.fromisoformat(TODAY)
REFUSALS = {"doubtful": "crs_doubtful", "contradicted": "crs_contradicted"}
MOST_SECONDS = 30.0


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    names = [one.name for one in CASES]
    assert len(names) >= 60 and len(names) == len(set(names))


@pytest.mark.parametrize("true", ["WGS84", "GCJ-02", "BD-09"])
def test_the_telling_sites_can_be_told_and_the_deep_ones_cannot(true: str) -> None:
    from intake_files import DEEP

    telling, deep = sites(120), sites(12, DEEP, inside_m=5000)
    for other in {"WGS84", "GCJ-02", "BD-09"} - {true}:
        assert misfits(telling, true, other) >= 10
        assert misfits(deep, true, other) == 0


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_file(one: Case, tmp_path: Path) -> None:
    folder = tmp_path / "office" / "in"
    folder.mkdir(parents=True)
    made = one.make(folder)
    path, truth = made if isinstance(made, tuple) else (made, None)
    before = _tree(tmp_path)
    begin = time.process_time()  # other tests run at the same time
    intake, found = _read(path, one)
    assert time.process_time() - begin < MOST_SECONDS
    assert _tree(tmp_path) == before, "the intake wrote or changed a file"
    _assert_sound(found)
    _assert_expected(found, one)
    if truth is not None and found["ok"]:
        assert intake is not None
        _assert_quarantine(intake)
        _assert_true(intake.sites, truth, one, found)


def _read(path: Path, one: Case) -> tuple[Intake | None, dict[str, Any]]:
    """Read a file as `check` does, once, and keep the sites; what cannot be read is left to `check`."""
    try:
        intake = read(path, kind=one.kind, today=DAY, **one.options)
    except InputError:
        return None, check(path, kind=one.kind, today=DAY, **one.options)
    return intake, to_json(intake, find_type(one.kind, one.options.get("types")))


@pytest.mark.parametrize("name", ["clean_gcj02_xls_of_excel_97", "clean_utf8_csv", "clean_kmz"])
def test_checking_is_reading_and_does_the_same_again(name: str, tmp_path: Path) -> None:
    one = next(one for one in CASES if one.name == name)
    made = one.make(tmp_path)
    path = made[0] if isinstance(made, tuple) else made
    assert check(path, kind=one.kind, today=DAY, **one.options) == _read(path, one)[1]


# Damage: flipped, cut and inserted bytes in a good file of every format


BASES = (
    "clean_wgs84_unlabelled_xlsx", "clean_gcj02_xls_of_excel_97", "clean_ods", "clean_utf8_csv", "clean_gpkg",
    "clean_unicode_text_from_excel", "clean_geojson", "clean_shp_utf8_with_cpg", "clean_kml", "clean_kmz",
    "clean_gpx_from_a_receiver", "zip_with_gbk_names", "html_table_named_xls",
)  # fmt: skip


@pytest.mark.parametrize("seed", [0, *(pytest.param(i, marks=pytest.mark.slow) for i in range(1, 12))])
@pytest.mark.parametrize("base", BASES)
def test_damage_is_told_and_never_crashes(base: str, seed: int, tmp_path: Path) -> None:
    one = next(one for one in CASES if one.name == base)
    made = one.make(tmp_path)
    path = made[0] if isinstance(made, tuple) else made
    targets = [path.with_suffix(".dbf"), path.with_suffix(".shx"), path] if path.suffix == ".shp" else [path]
    rng = np.random.default_rng([seed, *base.encode()])
    good = {target: target.read_bytes() for target in targets}
    for _ in range(4):
        for target, data in good.items():
            target.write_bytes(_damaged(data, rng))
        _assert_sound(check(path, kind=one.kind, today=DAY, **one.options))


def _damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut a file, flip some of its bytes, repeat or drop a part of it."""
    at, size = int(rng.integers(len(data))), int(rng.integers(1, 200))
    way = int(rng.integers(4))
    if way == 0:
        return data[:at]
    if way == 1:
        flipped = np.frombuffer(data, np.uint8).copy()
        flipped[rng.integers(len(data), size=12)] = rng.integers(256, size=12)
        return flipped.tobytes()
    return data[:at] + data[at : at + size] * 3 + data[at:] if way == 2 else data[:at] + data[at + size :]


def _tree(folder: Path) -> dict[str, Any]:
    """Every file with its size and time of change, to see that reading leaves no trace."""
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() or path.is_symlink()
    }


def _assert_sound(found: dict[str, Any]) -> None:
    """What the contract promises for any file whatever."""
    text = json.dumps(found, ensure_ascii=False, allow_nan=False)
    assert SECRET not in text and "root:x:0" not in text and "Traceback" not in text
    for key in ("file", "kind", "title", "ok", "verdict", "verdicts", "rows", "mapping", "files", "counts"):
        assert key in found, key
    rows = found["rows"]
    assert rows["read"] == rows["good"] + rows["quarantined"]
    assert found["verdict"]["refused"] == (found["verdict"]["status"] in REFUSALS)
    assert found["ok"] == (rows["good"] > 0 and not found["verdict"]["refused"])
    for problem in found["problems"]:
        assert set(problem) == {"severity", "code", "file", "sheet", "row", "column", "what", "got", "fix"}
        assert problem["severity"] in ("error", "warning", "note")
        assert problem["code"] in CODES, problem["code"]
        assert re.search(r"[一-鿿]", problem["what"]), problem
        assert len(problem["got"]) <= 60
        assert problem["row"] is None or problem["row"] >= 1
        if problem["severity"] == "error":
            assert problem["fix"], problem
    if not found["ok"]:
        assert any(problem["severity"] == "error" for problem in found["problems"])
    counts = Counter(problem["severity"] for problem in found["problems"])
    for severity, number in found["counts"].items():
        assert number >= counts[severity]


def _assert_expected(found: dict[str, Any], one: Case) -> None:
    expected, verdict = one.expected, found["verdict"]
    story = json.dumps([verdict, found["rows"], found["problems"][:12]], ensure_ascii=False, indent=1)
    status, system = verdict["status"], verdict["system"]
    assert any(status == s and (y is None or system == y) for s, y in expected.verdicts), story
    rows = tuple(found["rows"][key] for key in ("read", "good", "quarantined"))
    assert rows in expected.rows, story
    if len(expected.verdicts) == 1 and len(expected.rows) == 1:
        assert found["ok"] == expected.ok, story
    errors = {problem["code"] for problem in found["problems"] if problem["severity"] == "error"}
    _assert_errors(errors, expected.errors, REFUSALS.get(status), story)
    codes = {problem["code"] for problem in found["problems"]}
    for wanted in expected.codes:
        assert codes & set(wanted.split("|")), f"{wanted} is missing: {story}"
    assert not codes & expected.absent, story
    if expected.quiet:
        assert not [p for p in found["problems"] if p["severity"] != "note"], story
    if expected.sentence:
        told = "\n".join(f"{p['what']} {p['got']} {p['fix']}" for p in found["problems"])
        assert re.search(expected.sentence, told), story


def _assert_errors(errors: set[str], expected: frozenset[str], refusal: str | None, story: str) -> None:
    """Each group of alternatives is met (``?``: may be), and there is no other error."""
    allowed = {code for group in expected for code in group.removeprefix("?").split("|")}
    assert errors <= allowed | ({refusal} if refusal else set()), story
    for group in expected:
        assert group.startswith("?") or errors & set(group.split("|")), f"{group} is missing: {story}"
    assert refusal is None or refusal in errors, story


def _assert_quarantine(intake: Any) -> None:
    """Every quarantined row has an error of its own, and no good row has one."""
    bad = {(f.file, f.sheet, f.row) for f in intake.findings if f.severity == "error" and f.row is not None}
    kept = set(zip(*(intake.quarantine[name] for name in ("file", "sheet", "row")), strict=True))
    good = set(zip(*(intake.sites[name] for name in ("file", "sheet", "row")), strict=True))
    assert kept <= bad and not good & bad and not good & kept
    assert all(intake.quarantine["problems"].astype(str).str.len() > 0)
    assert all(isinstance(cells, dict) and cells for cells in intake.quarantine["cells"])
    ids = intake.sites["id"][intake.sites["id"].notna() & (intake.sites["id"] != "")]
    assert ids.is_unique


def _assert_true(found: pd.DataFrame, truth: Truth, one: Case, told: dict[str, Any]) -> None:
    """Good rows are the true sites: coordinates in WGS84, and every value that the file told."""
    table = found.set_index("name")
    missing = set(truth["name"]) - set(table.index)
    assert not missing, sorted(missing)[:5]
    table = table.loc[truth["name"]]
    exact = truth["lon"].notna().to_numpy()
    for name in ("lon", "lat"):
        off = np.abs(table[name].to_numpy(float) - truth[name].to_numpy(float))[exact]
        assert off.size == 0 or off.max() <= one.expected.within_deg, (name, off.max())
        assert np.isfinite(table[name].to_numpy(float)).all()
    assert "position" in truth or set(table["position"][exact]) <= {"精确"}
    if told["verdict"]["status"] == "tested" and len(told["verdicts"]) <= 1:
        assert set(table["orig_crs"][exact]) == {told["verdict"]["system"]}
    for name in truth.columns.difference(["name", "lon", "lat"]):
        differ = [
            (key, got, wanted)
            for key, got, wanted in zip(truth["name"], table[name], truth[name], strict=True)
            if not _same(got, wanted)
        ]
        assert not differ, (name, differ[:5])


def _same(got: Any, wanted: Any) -> bool:
    """Compare a value with the truth: JSON as objects, numbers as numbers, everything else as text."""
    if isinstance(wanted, dict):
        return wanted.items() <= dict(got).items()
    if isinstance(wanted, (int, float, np.number)):
        return float(got) == float(wanted)
    if str(wanted).startswith("{"):
        return bool(json.loads(got) == json.loads(wanted))
    return str(got) == str(wanted)
