"""Marks: what a desk found out about a site by asking there, shared by all desks of a workspace."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ...geodata.errors import InputError, Problem, WorkspaceError
from ...geodata.moments import instant, read_end, written
from .parts import Mark, State
from .store import Store, count_up, counter

MARKS = "marks"
"""Counter of the changes of marks."""
_MOST = 2000
_MOST_TEXT = 200


def key(kind: str, id_: str) -> str:
    """Name a site among all layers, as `ground.Ground.marks` does.

    Examples
    --------
    >>> key("warehouse", "W1")
    'warehouse/W1'
    """
    return f"{kind}/{id_}"


def read_marks(store: Store, at: datetime) -> dict[str, Mark]:
    """Read the marks that hold at a time: {``kind/id``: mark}; none where nothing was ever stored."""
    if not store.exists:
        return {}
    with store.reading() as base:
        rows = base.execute("SELECT kind, id, state, note, who, at, until FROM marks ORDER BY kind, id")
        marks = [Mark(*row) for row in rows.fetchall()]
    return {key(one.kind, one.id): one for one in marks if holds(one, at)}


def marks_or_note(root: Path, at: datetime) -> tuple[dict[str, Mark], tuple[str, ...]]:
    """Read the marks; what cannot be read must not keep anybody from an answer, which then says so."""
    try:
        return read_marks(Store(root), at), ()
    except WorkspaceError as error:
        return {}, (f"站点标记 (空仓、已核实) 读不出来, 未计入: {error.problems[0].what}",)


def holds(mark: Mark, at: datetime) -> bool:
    """Tell whether a mark has not ended by itself."""
    return not _is_over(mark.until, at)


def changes(store: Store) -> int:
    """Return how often marks were changed."""
    if not store.exists:
        return 0
    with store.reading() as base:
        return counter(base, MARKS)


def put_mark(
    store: Store, kind: str, id_: str, state: State, *, note: str, who: str, at: datetime, until: str = ""
) -> Mark:
    """Mark a site; what was said of it before is replaced.

    Raises
    ------
    InputError
        ``until`` is no time that `moments.read_end` reads, or too many sites are marked.
    WorkspaceError
        The file cannot be written.
    """
    end = read_end(until, at=at, where="until")
    mark = Mark(kind, id_, state, note[:_MOST_TEXT], who[:_MOST_TEXT], written(at), end)
    with store.writing() as base:
        gone = [
            tuple(row) for row in base.execute("SELECT kind, id, until FROM marks") if _is_over(row[2], at)
        ]
        base.executemany("DELETE FROM marks WHERE kind = ? AND id = ? AND until = ?", gone)
        others = "SELECT count(*) FROM marks WHERE NOT (kind = ? AND id = ?)"
        if base.execute(others, (kind, id_)).fetchone()[0] >= _MOST:
            raise InputError(Problem("标记", f"最多标记 {_MOST} 处", fix="请先取消不再需要的"))
        base.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?, ?, ?)", tuple(vars(mark).values()))
        count_up(base, MARKS)
    return mark


def _is_over(until: str, at: datetime) -> bool:
    end = instant(until)
    return end is not None and end <= at


def take_mark(store: Store, kind: str, id_: str) -> None:
    """Take a mark back; raises ``InputError`` where there is none."""
    with store.writing() as base:
        if not base.execute("DELETE FROM marks WHERE kind = ? AND id = ?", (kind, id_)).rowcount:
            raise InputError(Problem("标记", "这个站点没有标记", f"{kind}/{id_}"[:60], "已标记的见 /marks"))
        count_up(base, MARKS)
