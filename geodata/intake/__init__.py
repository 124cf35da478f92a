"""Intake: what an office sends, read, checked and judged; it comes in right or says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .model import Evidence, Finding, HeaderMapping, Intake, RawTable, Verdict

if TYPE_CHECKING:
    from .pipeline import check, read, to_json

__all__ = [
    "Evidence",
    "Finding",
    "HeaderMapping",
    "Intake",
    "RawTable",
    "Verdict",
    "check",
    "read",
    "to_json",
]


def __getattr__(name: str) -> Any:
    """Import the pipeline when it is first used: it takes most of a second, which the desk has not."""
    if name in ("check", "read", "to_json"):
        from . import pipeline  # noqa: PLC0415

        return getattr(pipeline, name)
    raise AttributeError(name)
