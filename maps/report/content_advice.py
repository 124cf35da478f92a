"""What a report recommends, by stated rules; where the rules do not decide, it says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .facts import Book, Row

Rule = Literal["none", "apart", "keep", "single", "best", "trade"]


@dataclass(frozen=True)
class Advice:
    """A recommendation."""

    rule: Rule
    """none: there is no scenario. apart: none can be compared with the baseline. keep: none is better.
    single: one is left. best: of those left, one covers most in every layer. trade: none does."""
    best: Row | None = None
    least: Row | None = None
    """The one that changes least, where it is another."""
    loses: bool = False
    """Whether the best takes cover from somebody."""


def advise(book: Book) -> Advice:
    """Recommend a scenario by the tables 方案总览 and 方案.

    Scenarios that another beats (`scenarios.dominance`) are left out, as are those that cannot be compared
    with the baseline. Nobody weighs one layer against another, nor cover against sites.
    """
    options = [row for row in book.rows("方案总览") if row.option]
    fair = [row for row in options if not row.apart]
    left = [row for row in fair if not row.dominated.yes and _any(book, row, "gained")]
    if not fair:
        return Advice("apart" if options else "none")
    if not left:
        return Advice("keep")
    most = [row for row in left if all(_leads(book, row, other) for other in left)]
    if not most:
        return Advice("trade")
    best, least = (min(rows, key=lambda row: row.actions.number) for rows in (most, left))
    loses = _any(book, best, "lost")
    if len(left) == 1:
        return Advice("single", best, loses=loses)
    return Advice("best", best, None if least.actions.value == best.actions.value else least, loses)


def _any(book: Book, row: Row, name: str) -> bool:
    return any(own[name] for own in book.rows("方案", option=row.option.value))


def _leads(book: Book, row: Row, other: Row) -> bool:
    """Tell whether a scenario covers at least as many as another in every layer."""
    mine, theirs = (
        {own.kind.value: own.served.number for own in book.rows("方案", option=one.option.value)}
        for one in (row, other)
    )
    return all(served >= theirs.get(kind, 0.0) for kind, served in mine.items())
