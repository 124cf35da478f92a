"""How often: a bucket of requests for each client and each token, in the memory of one process.

The generic cell rate algorithm (ITU-T I.371, a token bucket that keeps one number): each name has the time at
which its bucket will be full again. A request that would bring it more than a whole bucket ahead is refused.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from ...geodata.errors import Problem
from .errors import Refusal

_FORM = re.compile(r"([0-9]{1,9})/([0-9]{0,5}) ?(second|minute|hour)s?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_MOST_NAMES = 20_000


class Rate(NamedTuple):
    """So many at once, and as many again within a time."""

    most: int
    within_s: float


def parse(text: str) -> Rate:
    """Read a rate; raises ``ValueError``.

    Examples
    --------
    >>> parse("200/4 seconds"), parse("10/minute")
    (Rate(most=200, within_s=4.0), Rate(most=10, within_s=60.0))
    """
    found = _FORM.fullmatch(text)
    if found is None or not int(found[1]) or found[2] in {"0", "00"}:
        raise ValueError(f"no rate: {text[:40]}")
    return Rate(int(found[1]), float(int(found[2] or 1) * _SECONDS[found[3]]))


class Rates:
    """Buckets of several sorts; threads may share them.

    Parameters
    ----------
    rates
        {sort: rate in the notation of `parse`}.
    clock
        Seconds that never go back.
    """

    def __init__(self, rates: dict[str, str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = {sort: parse(text) for sort, text in rates.items()}
        self._clock, self._lock = clock, Lock()
        self._full: dict[tuple[str, str], float] = {}

    def count(self, sort: str, name: str) -> None:
        """Count one; raises ``Refusal`` (429, with the seconds to wait) where the bucket is empty."""
        rate = self._rates[sort]
        step = rate.within_s / rate.most
        with self._lock:
            now = self._clock()
            full = max(self._full.get((sort, name), now), now)
            wait = full + step - rate.within_s - now
            if wait <= 1e-9:
                self._full[sort, name] = full + step
                if len(self._full) > _MOST_NAMES:
                    self._forget(now)
                return
        seconds = max(1, math.ceil(wait))
        fix = f"请 {seconds} 秒后再试"
        raise Refusal(429, Problem("请求", "太频繁", fix=fix), headers={"Retry-After": str(seconds)})

    def _forget(self, now: float) -> None:
        """Forget whose buckets are full; of a flood of names the fuller half."""
        kept = sorted((full, name) for name, full in self._full.items() if full > now)
        self._full = {name: full for full, name in kept[-_MOST_NAMES // 2 :]}
