"""How many random cases a test draws: a quarter in `make test`, all in `make test-slow`."""

from __future__ import annotations

import os

FULL = os.environ.get("BOAI_EXAMPLES") == "full"


def many(count: int) -> int:
    """Give the number of cases to draw of so many."""
    return count if FULL else max(10, count // 4)
