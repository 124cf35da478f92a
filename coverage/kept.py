"""The last few answers, kept as long as what they were made of lives.

For data that never change (a network, the residents, their arrays): the same objects give the same answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Generic, TypeVar
from weakref import ref

_Answer = TypeVar("_Answer")


class Kept(Generic[_Answer]):
    """Keeps the last few answers by the identity of their objects, which it does not keep alive.

    Examples
    --------
    >>> class Thing: ...
    >>> kept, thing = Kept[int](most=2), Thing()
    >>> [kept.get((thing,), key, lambda: key + 1) for key in (1, 1, 2)]
    [2, 2, 3]
    """

    def __init__(self, most: int) -> None:
        self._found: deque[tuple[tuple[ref[Any], ...], Hashable, _Answer]] = deque(maxlen=most)
        self._lock = Lock()

    def get(self, of: tuple[object, ...], key: Hashable, make: Callable[[], _Answer]) -> _Answer:
        """Return the answer for objects and a key, made at the first call."""
        with self._lock:
            alive = [each for each in self._found if all(one() is not None for one in each[0])]
            self._found.clear()
            self._found.extend(alive)
            for objects, own, answer in alive:
                if own == key and all(a() is b for a, b in zip(objects, of, strict=True)):
                    return answer
        answer = make()
        with self._lock:
            self._found.append((tuple(ref(one) for one in of), key, answer))
        return answer
