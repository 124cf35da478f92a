"""Logs: questions with their answers, written in batches by a thread; dispatches, written at once.

A question is answered whatever becomes of its line in the log: a full disk or a damaged file is told by
/health, and lines that find no room in memory are counted. A dispatch is recorded before it is confirmed.
"""

from __future__ import annotations

import json
import logging
import queue
import sqlite3
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...geodata.errors import InputError, Problem, WorkspaceError
from ...geodata.moments import written
from ..desk.dispatch import next_number
from ..desk.store import Store
from .audit import plain

_LOG = logging.getLogger(__name__)
_WAIT_S = 0.5
_BATCH = 500
_MOST_WAITING = 5000
_MOST_KEPT = 200_000
"""Questions that are kept; the oldest go first."""
_MOST_TEXT = 4000

Line = tuple[str, str, str, str, str]


class QuestionLog:
    """Writes questions and answers, and never keeps a client waiting."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: queue.Queue[Line] = queue.Queue(_MOST_WAITING)
        self._held: list[Line] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.lost = 0
        """Lines that found no room since the start."""
        self.trouble = ""
        """Why the log cannot be written now, in Chinese."""

    def put(self, *, at: datetime, client: str, version: str, question: Any, answer: Any) -> None:
        """Take down a question and its answer; returns at once."""
        texts = (_json(question), _json(answer))
        try:
            self._waiting.put_nowait((written(at), plain(client), version, *texts))
        except queue.Full:
            self.lost += 1

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._run, name="boai-log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is waiting, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)
        self.flush()

    def _run(self) -> None:
        while not self._stop.wait(_WAIT_S):
            self.flush()

    def flush(self) -> None:
        """Write what is waiting; what cannot be written now is tried again."""
        while True:
            while len(self._held) < _BATCH:
                try:
                    self._held.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            if not self._held or not self._write(self._held):
                return
            self._held = []

    def _write(self, lines: list[Line]) -> bool:
        try:
            with self._store.writing() as base:
                base.executemany(
                    "INSERT INTO questions (at, client, version, question, answer) VALUES (?, ?, ?, ?, ?)",
                    lines,
                )
                base.execute(
                    "DELETE FROM questions WHERE number <= (SELECT max(number) FROM questions) - ?",
                    (_MOST_KEPT,),
                )
        except WorkspaceError as error:
            if not self.trouble:
                _LOG.warning("log of questions: %s", error)
            self.trouble = error.problems[0].what
            return False
        self.trouble = ""
        return True


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, default=str)[:_MOST_TEXT]


def brief(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of an answer what a log needs: the place, and whose help arrives when."""
    place = answer["place"]
    return {
        "place": {key: place.get(key) for key in ("name", "lon", "lat")},
        "sites": [[card["id"], card["eta_min"], card["status"]] for card in answer["sites"]],
        "closures": [one["number"] for one in answer["closures"]],
    }


def add_dispatch(
    store: Store, record: Mapping[str, Any], *, key: str, who: str, at: datetime
) -> tuple[dict[str, Any], bool]:
    """Record a dispatch under the next number of the day; with a key that is known, give the old record.

    Returns
    -------
    dict, bool
        The record as kept, and whether it is new.

    Raises
    ------
    InputError
        The key was used by somebody else.
    WorkspaceError
        It could not be written: nothing is recorded.
    """
    with store.writing() as base:
        known = _under(base, key, who)
        if known is not None:
            return known, False
        day = written(at)[:10]
        rows = base.execute("SELECT record ->> '$.number' FROM dispatches WHERE at >= ?", (day,))
        number = next_number(at, [text for (text,) in rows.fetchall() if text])
        kept = {**record, "number": number, "recorded_by": who}
        base.execute(
            "INSERT INTO dispatches (at, who, key, version, record) VALUES (?, ?, ?, ?, ?)",
            (
                written(at),
                who,
                key or f"auto {number}",
                str(record["version"]),
                json.dumps(kept, ensure_ascii=False),
            ),
        )
    return kept, True


def recorded(store: Store, *, key: str, who: str) -> dict[str, Any] | None:
    """Give the dispatch that was recorded with a key; raises ``InputError`` where it is somebody else's."""
    if not (key and store.exists):
        return None
    with store.reading() as base:
        return _under(base, key, who)


def _under(base: sqlite3.Connection, key: str, who: str) -> dict[str, Any] | None:
    if not key:
        return None
    row = base.execute("SELECT who, record FROM dispatches WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    if row["who"] != who:
        raise InputError(Problem("key", "这个键已被别人用过", fix="请换一个"))
    return dict(json.loads(row["record"]))


def dispatch_of(store: Store, number: str, wanted: Mapping[str, Any]) -> datetime:
    """Return when a dispatch was recorded that says the same as ``wanted`` (`dispatch.record`).

    Raises
    ------
    InputError
        Nothing is recorded under the number, or something else: a sheet must not bear a number that is not
        its own.
    """
    found = None
    if store.exists:
        with store.reading() as base:
            query = "SELECT record FROM dispatches WHERE record ->> '$.number' = ?"
            found = base.execute(query, (number,)).fetchone()
    kept = None if found is None else json.loads(found["record"])
    if kept is None or _decided(kept) != _decided(json.loads(json.dumps(wanted))):
        what = "值班记录里没有这个编号, 或记录的内容与此不同"
        raise InputError(Problem("编号", what, number[:20], "请先记录, 再用得到的编号"))
    return datetime.fromisoformat(kept["at"])


def _decided(record: Mapping[str, Any]) -> tuple[object, ...]:
    """Take from a record what somebody decided: not the times, which change with the roads."""
    place = [round(float(record["place"][axis]), 5) for axis in ("lon", "lat")]
    sites = sorted((one["id"], sorted(one["carry"].items())) for one in record["sites"])
    return record["kind"], place, sites, record["who"], record["note"]


def read_dispatches(store: Store, *, offset: int = 0, limit: int = 100) -> tuple[int, list[dict[str, Any]]]:
    """List dispatches, the newest first: (how many there are, those asked for)."""
    if not store.exists:
        return 0, []
    with store.reading() as base:
        total = base.execute("SELECT count(*) FROM dispatches").fetchone()[0]
        query = "SELECT record FROM dispatches ORDER BY number DESC LIMIT ? OFFSET ?"
        return total, [json.loads(row["record"]) for row in base.execute(query, (limit, offset))]


def read_questions(store: Store, *, offset: int = 0, limit: int = 100) -> tuple[int, list[dict[str, Any]]]:
    """List questions, the newest first: (how many there are, those asked for)."""
    if not store.exists:
        return 0, []
    with store.reading() as base:
        total = base.execute("SELECT count(*) FROM questions").fetchone()[0]
        query = "SELECT * FROM questions ORDER BY number DESC LIMIT ? OFFSET ?"
        return total, [_question(row) for row in base.execute(query, (limit, offset))]


def _question(row: Any) -> dict[str, Any]:
    found = dict(row)
    for name in ("question", "answer"):
        try:
            found[name] = json.loads(found[name])
        except ValueError:  # it was too long to be kept whole
            found[name] = {"text": found[name]}
    return found
