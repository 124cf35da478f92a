"""Overlay: closed and slowed roads over an immutable network; taking one back is free.

A measure closes edges (speed 0) or leaves a share of their usual speed. Where several concern an edge, the
strictest counts. ``under`` makes the network of now: all arrays are shared with the base but the times.
A measure may end by itself: `in_force` leaves out those that are over, and at the next write they leave the
file with an event (`expire`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .edge_runs import edges_of, runs_of
from .errors import InputError, Problem, WorkspaceError
from .folders import locked
from .moments import instant
from .network import CLOSED, Network, save_network
from .store import read_json, write_text

FILE = "closures.json"
"""Name of the file in the network's folder."""

SLOWEST = 0.01
"""Least share of the usual speed that is not a closure."""

SYSTEM = "系统"
"""Who ends a measure that ends by itself."""

_FORMAT = 2
_FORMATS = (1, 2)
"""Formats that are read: the first knows no reporter, no end and nobody who did something."""
_MOST_BYTES = 1 << 26
_LONGEST = int(np.iinfo(np.int32).max) - 1
_MOST_TEXT = 200
_MOST_MEASURES = 1000
_MOST_EDGES = 1 << 25
_MOST_NUMBER = 1 << 31
_WAIT_S = 2.0
"""How long one desk waits for another that is writing: it takes milliseconds."""
_FIX = "请用 boai network reopen 加路网文件夹 --all 清空后重新设置"


@dataclass(frozen=True)
class Measure:
    """Some edges that are closed or slowed."""

    number: int
    """By which it is taken back; never used twice."""
    speed: float
    """Share of the usual speed that is left; 0: closed."""
    edges: NDArray[np.int64]
    """Positions in the network, ascending."""
    what: str
    """What was chosen, in words: 道路 G60 沪昆高速."""
    reason: str
    """Why, as the user wrote it; may be empty."""
    since: str
    """When it was imposed, ISO 8601."""
    reporter: str = ""
    """Who reported it; may be empty."""
    until: str = ""
    """When it ends by itself, ISO 8601 with offset; empty: when it is taken back."""

    @property
    def is_closure(self) -> bool:
        """Whether nobody may pass."""
        return self.speed == 0

    def is_over(self, at: datetime) -> bool:
        """Tell whether it has ended by itself by a moment (with offset)."""
        end = instant(self.until)
        return end is not None and end <= at


@dataclass(frozen=True)
class Event:
    """One line of the history."""

    at: str
    """ISO 8601."""
    action: str
    """close, slow, reopen or expire."""
    number: int
    what: str
    reason: str
    who: str = ""
    """Who did it, or reported it; may be empty."""


@dataclass(frozen=True)
class Overlay:
    """The measures on one network (those in force: `in_force`), and all that was ever done."""

    network: str = ""
    """Hash of the network whose edges are meant."""
    measures: tuple[Measure, ...] = ()
    events: tuple[Event, ...] = ()


def impose(
    overlay: Overlay,
    edges: ArrayLike,
    *,
    speed: float = 0.0,
    what: str,
    reason: str = "",
    at: str = "",
    reporter: str = "",
    until: str = "",
) -> Overlay:
    """Close edges, or leave a share of their speed; returns a new overlay.

    Raises
    ------
    InputError
        The speed is neither 0 nor from ``SLOWEST`` to below 1, or too much is in force already.
    ValueError
        ``until`` is neither empty nor ISO 8601 with an offset; `moments.read_end` makes one of what is typed.
    """
    if not (speed == 0 or SLOWEST <= speed < 1):
        fix = f"0 为封闭; 减速请写 {SLOWEST} 到 1 之间的数, 例如 0.5 表示车速减半"
        raise InputError(Problem("车速比例", "应为 0, 或大于 0 且小于 1", f"{speed:g}", fix))
    if until and instant(until) is None:
        raise ValueError(f"no moment: {until[:_MOST_TEXT]}")
    used = [one.number for one in overlay.measures] + [event.number for event in overlay.events]
    number = 1 + max(used, default=0)
    chosen = np.unique(np.asarray(edges, np.int64))
    total = len(chosen) + sum(len(one.edges) for one in overlay.measures)
    if len(overlay.measures) >= _MOST_MEASURES or total > _MOST_EDGES:
        raise InputError(_too_much(f"{len(overlay.measures)} 条, 共 {total} 个路段"))
    who = _text(reporter)
    measure = Measure(number, float(speed), chosen, _text(what), _text(reason), at, who, until)
    event = Event(at, "slow" if speed else "close", number, measure.what, measure.reason, who)
    return replace(overlay, measures=(*overlay.measures, measure), events=(*overlay.events, event))


def _too_much(got: str) -> Problem:
    return Problem("封闭记录", "同时封闭或减速的道路太多", got, "请先用 boai network reopen 恢复不再需要的")


def _text(text: Any) -> str:
    """Shorten a text; what is no Unicode (from a command line) becomes a question mark."""
    return str(text)[:_MOST_TEXT].encode("utf-8", "replace").decode("utf-8")


def lift(
    overlay: Overlay,
    numbers: Sequence[int] | None = None,
    *,
    reason: str = "",
    at: str = "",
    who: str = "",
) -> Overlay:
    """Take measures back, all of them where none is named; returns a new overlay.

    Raises
    ------
    InputError
        With every number that is not in force.
    """
    known = {measure.number: measure for measure in overlay.measures}
    wanted = list(known) if numbers is None else list(dict.fromkeys(numbers))
    there = "、".join(map(str, known)) or "无"
    unknown = [number for number in wanted if number not in known]
    if unknown:
        fix = f"现有编号: {there}"
        raise InputError([Problem("编号", "没有这条封闭或减速", str(number), fix) for number in unknown])
    events = [Event(at, "reopen", n, known[n].what, _text(reason), _text(who)) for n in wanted]
    kept = tuple(measure for measure in overlay.measures if measure.number not in wanted)
    return replace(overlay, measures=kept, events=(*overlay.events, *events))


def in_force(overlay: Overlay, at: datetime) -> Overlay:
    """Leave out the measures that have ended by themselves at a moment (with offset); the history stays."""
    kept = tuple(one for one in overlay.measures if not one.is_over(at))
    return overlay if len(kept) == len(overlay.measures) else replace(overlay, measures=kept)


def expire(overlay: Overlay, at: datetime) -> Overlay:
    """Do as `in_force`, and note in the history which measures ended, and when: for the next write."""
    over = [one for one in overlay.measures if one.is_over(at)]
    over.sort(key=lambda one: (str(instant(one.until)), one.number))
    events = [Event(one.until, "expire", one.number, one.what, "", SYSTEM) for one in over]
    return replace(in_force(overlay, at), events=(*overlay.events, *events))


def under(network: Network, overlay: Overlay) -> Network:
    """Make the network of now: times of slowed edges longer, ``CLOSED`` on closed ones; else shared.

    Its hash is another one for other measures. Without measures it is the network itself.
    """
    if not overlay.measures:
        return network
    speed = np.ones(network.n_edges)
    for measure in overlay.measures:
        if len(measure.edges) and not 0 <= measure.edges[0] <= measure.edges[-1] < network.n_edges:
            raise WorkspaceError(Problem(FILE, "封闭记录里有路网没有的路段", str(measure.number), _FIX))
        speed[measure.edges] = np.minimum(speed[measure.edges], measure.speed)
    times = np.array(network.centiseconds, np.int32)
    slowed = np.flatnonzero((speed < 1) & (speed > 0) & (times > 0))
    times[slowed] = np.minimum(np.rint(times[slowed] / speed[slowed]), _LONGEST).astype(np.int32)
    times[speed == 0] = CLOSED
    digest = hashlib.sha256(str(network.meta.get("hash", "")).encode() + speed.tobytes()).hexdigest()
    return replace(network, centiseconds=times, meta={**network.meta, "hash": digest})


def changed_edges(before: Network, after: Network) -> NDArray[np.int64]:
    """List the edges whose times differ between two networks of the same roads."""
    return np.flatnonzero(np.asarray(before.centiseconds) != np.asarray(after.centiseconds))


def load_overlay(folder: Path, network: Network) -> Overlay:
    """Read the measures on a saved network; none where nothing was ever closed.

    Raises
    ------
    WorkspaceError
        The file is damaged, or speaks of another network.
    """
    path, own = folder / FILE, str(network.meta.get("hash", ""))
    found = _read(path, network.n_edges)
    if found is None:
        return Overlay(own)
    if found.network != own:
        raise WorkspaceError(Problem(str(path), "道路封闭记录属于另一个路网, 路段对不上", fix=_FIX))
    return found


def load_in_force(folder: Path, network: Network, at: datetime | None = None) -> Overlay:
    """Read the measures that count at a moment, by default now: all that asks for ways reads them by this.

    Raises as `load_overlay`.
    """
    return in_force(load_overlay(folder, network), at or datetime.now(UTC))


def _read(path: Path, most: int) -> Overlay | None:
    try:
        content = read_json(path, most_bytes=_MOST_BYTES)
        if content["format"] not in _FORMATS:
            raise ValueError("format")
        found = _from_json(content, most)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, OverflowError):
        raise WorkspaceError(Problem(str(path), "道路封闭记录已损坏, 无法读取", fix=_FIX)) from None
    return found


@contextmanager
def editing(folder: Path) -> Iterator[None]:
    """Hold the measures of a network for writing, so that two desks do not undo each other's work."""
    with locked(folder / ".closures.lock", str(folder), wait_s=_WAIT_S):
        yield


def save_overlay(overlay: Overlay, folder: Path) -> None:
    """Write the measures beside the arrays of their network; the old ones stay until the new are whole.

    Raises
    ------
    InputError
        They are too many to be read again.
    """
    write_text(folder / FILE, _as_text(overlay))


def _as_text(overlay: Overlay) -> str:
    text = json.dumps(_to_json(overlay), ensure_ascii=False, indent=1)
    size = len(text.encode())
    if size > _MOST_BYTES:
        raise InputError(_too_much(f"{size >> 20} MB"))
    return text


def set_aside(folder: Path) -> str:
    """Rename the file of the measures, whatever is in it, and return its new name; empty: there is none."""
    for number in itertools.count(1):
        aside = folder / f"closures.damaged-{number}.json"
        if not (aside.exists() or aside.is_symlink()):
            break
    with suppress(FileNotFoundError):
        (folder / FILE).rename(aside)
        return aside.name
    return ""


def save_over(
    network: Network, folder: Path, *, source: Path | None = None, at: datetime | None = None
) -> str:
    """Save a network where there may be one with measures, and return the hash of its content.

    The measures stay with the same network. On another one they would mean other roads: it keeps the history,
    and gets the measures that are in force on the folder it was loaded from (``source``), as far as they are
    not there already. ``at`` is the moment that counts, by default now.

    Raises
    ------
    InputError
        Measures are in force on the network that would be replaced by another.
    WorkspaceError
        Its file is damaged, or another process writes it.
    """
    at = at or datetime.now(UTC)
    own = () if source is None else in_force(load_overlay(source, network), at).measures
    with editing(folder) if folder.is_dir() else nullcontext():
        before = expire(_read(folder / FILE, _MOST_EDGES) or Overlay(), at)
        return save_network(network, folder, beside=lambda found: _moved(before, own, found, folder))


def check_none_in_force(overlay: Overlay, folder: Path) -> None:
    """Refuse to replace a network on which measures of an overlay are left; raises ``InputError``."""
    if overlay.measures:
        got = "、".join(f"{one.number}号 {one.what}" for one in overlay.measures)[:_MOST_TEXT]
        fix = f"请先记下, 用 boai network reopen {folder} --all 恢复, 换好路网后再重新设置"
        raise InputError(
            Problem(str(folder / FILE), "原有路网上还有封闭或减速在用, 换了路网就对不上", got, fix)
        )


def _moved(before: Overlay, own: Sequence[Measure], now: str, folder: Path) -> dict[str, str]:
    """Give the file for the network of a hash that takes the place of another."""
    if before.network != now:
        check_none_in_force(before, folder)
    after = replace(before, network=now)
    known = [(one.speed, runs_of(one.edges)) for one in after.measures]
    for one in own:
        if (one.speed, runs_of(one.edges)) in known:
            continue
        words = {"what": one.what, "reason": one.reason, "reporter": one.reporter}
        after = impose(after, one.edges, speed=one.speed, at=one.since, until=one.until, **words)
    return {FILE: _as_text(after)} if after.events else {}


def _to_json(overlay: Overlay) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "network": overlay.network,
        "measures": [{**vars(one), "edges": runs_of(one.edges)} for one in overlay.measures],
        "events": [vars(event) for event in overlay.events],
    }


def _from_json(content: dict[str, Any], most: int) -> Overlay:
    if type(content["measures"]) is not list or len(content["measures"]) > _MOST_MEASURES:
        raise ValueError("measures")
    measures: list[Measure] = []
    left = _MOST_EDGES
    for one in content["measures"]:
        edges = edges_of(str(one["edges"]), most=min(most, left))
        left -= len(edges)
        words = {key: _text(one[key]) for key in ("what", "reason", "since")}
        words["reporter"], words["until"] = _text(one.get("reporter", "")), _end(one.get("until", ""))
        measures.append(Measure(_number(one["number"]), _speed(one["speed"]), edges, **words))
    if len({one.number for one in measures}) < len(measures):
        raise ValueError("number")
    events = tuple(
        Event(
            number=_number(one["number"]),
            **{key: _text(one[key]) for key in ("at", "action", "what", "reason")},
            who=_text(one.get("who", "")),
        )
        for one in content["events"]
    )
    return Overlay(str(content["network"]), tuple(measures), events)


def _end(value: Any) -> str:
    if type(value) is not str or (value and instant(value) is None):
        raise ValueError("until")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or not 0 < value < _MOST_NUMBER:
        raise ValueError("number")
    return value


def _speed(value: Any) -> float:
    speed = float(value)
    if not (speed == 0 or SLOWEST <= speed < 1):
        raise ValueError("speed")
    return speed
