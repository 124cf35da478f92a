"""Records: one site as the registry stores, hashes and checks it; the standard library only."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

from ..errors import BoaiError, InputError, Problem, WorkspaceError
from ..layers import COLUMNS as TITLES
from ..store import REBUILD

Record = dict[str, Any]
"""Column → value of one site, in the order of ``COLUMNS``, without what is missing."""

COLUMNS = (
    "id", "name", "city", "county", "county_code", "township", "address", "lon", "lat", "orig_x", "orig_y",
    "orig_crs", "position", "level", "host", "status", "year", "owner", "keeper", "deputy", "phone", "hours",
    "capacity", "stock", "stock_date", "readiness_min", "source", "verified_on", "attributes", "extras",
    "example",
)  # fmt: skip
"""Columns of a site: the common attributes (``types.COMMON`` without ``crs``: lon and lat are WGS84), the
type's own attributes and the unmapped columns of its file as JSON objects, and whether it is synthetic."""

OBJECTS = ("attributes", "extras")
NUMBERS = ("lon", "lat", "orig_x", "orig_y", "year", "capacity", "readiness_min")
IN_SERVICE = ("", "已建")
"""States of a site that take part in coverage."""

FORMAT = 1
"""Format of the stored tables."""

MEND = f"请用备份恢复它; 若里面只有示例数据, {REBUILD}"
"""What to do about a damaged registry: building anew would throw real sites away."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_MODULUS = 1 << 256
_KIND = re.compile(r"(?!(?:boai|gpkg|sqlite|rtree|idx)_)[a-z][a-z0-9_]{1,30}")
_SHOWN = 20
_LONGEST = 500
"""Characters of what has an index: an entry of PostgreSQL's takes 2704 bytes."""


def check_code(kind: str) -> str:
    """Return the code of a resource type if it can name a layer; raises ``InputError``."""
    if not _KIND.fullmatch(kind):
        raise InputError(Problem("图层", "没有这个图层", str(kind)[:40], "代码应为小写字母、数字和下划线"))
    return kind


def tidy(text: str) -> str:
    """Replace what neither store can hold: NUL and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def dump(value: Any) -> str:
    """Write JSON in the one form that is stored and hashed."""
    return _JSON.encode(value)


def load_object(text: str | None) -> dict[str, Any]:
    """Read a stored JSON object; raises ``ValueError`` for anything else."""
    try:
        found = json.loads(text) if text else {}
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def merge(stored: Record, patch: Mapping[str, Any]) -> Record:
    """Give a record new values: None empties a column, a dict of own attributes changes those it names."""
    new = {**stored, **patch}
    if isinstance(new.get("attributes"), dict):
        own = {**load_object(stored.get("attributes")), **new["attributes"]}
        own = {name: own[name] for name in sorted(own) if own[name] is not None}
        new["attributes"] = dump(own) if own else None
    return {name: new[name] for name in COLUMNS if new.get(name) is not None}


def difference(old: Record, new: Record) -> tuple[Record, Record]:
    """Return what changed, before and after: the columns that differ, None where there was nothing."""
    changed = [name for name in COLUMNS if old.get(name) != new.get(name)]
    return {name: old.get(name) for name in changed}, {name: new.get(name) for name in changed}


def record_hash(kind: str, record: Record) -> int:
    """SHA-256 of a site, as a number."""
    return int.from_bytes(hashlib.sha256(f"{kind}\n{dump(record)}".encode()).digest())


def add_hashes(*hashes: str | int) -> str:
    """Sum of hashes modulo 2^256, as 64 hex digits: the hash of a set of sites, whatever their order.

    Sites come and go by adding and subtracting theirs (AdHash: Bellare and Micciancio 1997, EUROCRYPT,
    LNCS 1233:163-192). It finds damage and edits by other programs; it is no signature.

    Examples
    --------
    >>> add_hashes(add_hashes(5, 7), -7) == add_hashes(5)
    True
    """
    numbers = (int(each, 16) if isinstance(each, str) else each for each in hashes)
    return f"{sum(numbers) % _MODULUS:064x}"


def sum_stated(hashes: Iterable[Any], where: str) -> str:
    """Sum up hashes as a file or a server states them; raises ``WorkspaceError`` for what is none."""
    try:
        return add_hashes(*(str(each) for each in hashes))
    except ValueError:
        raise WorkspaceError(Problem(where, "图层内容与登记不符", fix=MEND)) from None


@contextmanager
def sound(where: str) -> Iterator[None]:
    """Read what another program may have changed: values that cannot be used are a ``WorkspaceError``."""
    try:
        yield
    except BoaiError:
        raise
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError):
        raise WorkspaceError(Problem(where, "图层内容与登记不符", "在 boai 之外被改动", MEND)) from None


def from_row(values: Iterable[Any]) -> Record:
    """Make a record of a database row in the order of ``COLUMNS``."""
    record = {name: value for name, value in zip(COLUMNS, values, strict=True) if value is not None}
    for name in NUMBERS:
        if isinstance(record.get(name), int):
            record[name] = float(record[name])
    if record.pop("example", False):
        record["example"] = True
    return record


def check_records(records: Iterable[Record], where: str, error: type[InputError] = WorkspaceError) -> None:
    """Refuse values that no site can have; all are told at once."""
    problems = []
    fix = MEND if error is WorkspaceError else ""
    for record in records:
        for name in _wrong(record):
            site = f"{where} {str(record.get('id', ''))[:40]}".strip()
            got = repr(record.get(name))[:40]
            problems.append(Problem(site, f"{TITLES.get(name, name)}不对", got, fix))
    if problems:
        more = [Problem(where, f"另有 {len(problems) - _SHOWN} 处问题")] if len(problems) > _SHOWN else []
        raise error([*problems[:_SHOWN], *more])


def check_layer(kind: str, records: Sequence[Record], stated: str | None, where: str) -> None:
    """Hold the sites of a layer against what a site can be, and against the hash that is stated of them."""
    check_records(records, where)
    if add_hashes(*(record_hash(kind, record) for record in records)) != (stated or add_hashes()):
        raise WorkspaceError(Problem(where, "图层内容与登记不符", "在 boai 之外被改动", MEND))


def _wrong(record: Record) -> list[str]:
    """Name the columns whose value no site can have."""
    wrong = [name for name, value in record.items() if not _POSSIBLE.get(name, _is_text)(value)]
    wrong += [name for name in ("id", "name") if name not in record]
    if ("lon" in record) != ("lat" in record):
        wrong.append("lat" if "lon" in record else "lon")
    return wrong


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_filled(value: Any) -> bool:
    return type(value) is str and bool(value.strip())


def _is_object(value: Any) -> bool:
    try:
        return type(value) is str and bool(load_object(value))
    except ValueError:
        return False


def _between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: type(value) is float and isfinite(value) and low <= value <= high


_POSSIBLE: dict[str, Callable[[Any], bool]] = {
    "id": lambda value: _is_filled(value) and len(value) <= _LONGEST,
    "name": _is_filled,
    "county": lambda value: _is_text(value) and len(value) <= _LONGEST,
    "county_code": lambda value: _is_text(value) and len(value) <= _LONGEST,
    "lon": _between(73, 136),
    "lat": _between(3, 54),
    "orig_x": _between(-1e9, 1e9),
    "orig_y": _between(-1e9, 1e9),
    "year": lambda value: _between(0, 9999)(value) and value.is_integer(),
    "capacity": _between(0, 1e15),
    "readiness_min": _between(0, 1e9),
    "attributes": _is_object,
    "extras": _is_object,
    "example": lambda value: value is True,
}


def gpkg_point(record: Mapping[str, Any]) -> bytes | None:
    """Encode a site's place as GeoPackage geometry (OGC 12-128r18, 2.1.3: header, EPSG:4326, WKB point)."""
    if record.get("lon") is None:
        return None
    return struct.pack("<2sBBiBIdd", b"GP", 0, 1, 4326, 1, 1, record["lon"], record["lat"])
