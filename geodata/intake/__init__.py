"""Intake: what an office sends, read, checked and judged; it comes in right or says why not."""

from .model import Evidence, Finding, HeaderMapping, Intake, RawTable, Verdict
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
