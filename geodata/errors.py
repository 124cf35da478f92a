"""The errors that an office user may meet: one form, in Chinese, without a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input: where it is, what is wrong, what was got and how to mend it.

    Examples
    --------
    >>> print(Problem("aed.xlsx 第14行", "经度应在 73-136 之间", "521.3", "请检查经纬度是否写反"))
    aed.xlsx 第14行: 经度应在 73-136 之间, 得到 521.3; 请检查经纬度是否写反
    """

    where: str
    what: str
    got: str = ""
    fix: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}"
        if self.got:
            text += f", 得到 {self.got}"
        return f"{text}; {self.fix}" if self.fix else text


class BoaiError(Exception):
    """Any error that boai raises on purpose; its text is one readable sentence in Chinese per problem."""


class InputError(BoaiError, ValueError):
    """An input is wrong; carries every problem found, reported at once."""

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class WorkspaceError(InputError):
    """A workspace is missing, half written, or not what its manifest says."""


class UnavailableError(WorkspaceError):
    """A part of a workspace cannot be used now, though it is not damaged: in use, or of a newer boai."""


class PlaceError(InputError, LookupError):
    """A place name is unknown or ambiguous, or a point lies outside the province."""

    def __init__(
        self, problems: Problem | Sequence[Problem], candidates: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        super().__init__(problems)
        self.candidates: tuple[Mapping[str, Any], ...] = tuple(candidates)
        """Places that may be meant, best first: name, full_name, level, lon, lat, why."""
