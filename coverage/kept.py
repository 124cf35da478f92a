"""The last few answers, kept as long as what they were made of lives.

For data that never change (a network, the residents, their arrays): the same objects give the same answer.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import ref

_Answer = TypeVar("_Answer")
_Place = tuple[tuple[int, ...], Hashable]


class _Ref(ref[Any]):
    """A reference that knows where the answer is kept that was made of its object."""

    __slots__ = ("place",)
    place: _Place


class _Entry(NamedTuple, Generic[_Answer]):
    of: tuple[_Ref, ...]
    answer: _Answer

    def holds(self, of: tuple[object, ...]) -> bool:
        return all(own() is one for own, one in zip(self.of, of, strict=True))


class Kept(Generic[_Answer]):
    """Keeps the last few answers by the identity of their objects, which it does not keep alive, and a key.

    Found at once, however many there are; what was asked for longest ago goes first. Without objects the key
    alone counts. Threads may share it.

    Examples
    --------
    >>> class Thing: ...
    >>> kept, thing = Kept[int](most=2), Thing()
    >>> [kept.get((thing,), key, lambda: key + 1) for key in (1, 1, 2)]
    [2, 2, 3]
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._found: OrderedDict[_Place, _Entry[_Answer]] = OrderedDict()
        self._dead: deque[_Ref] = deque()

    def get(self, of: tuple[object, ...], key: Hashable, make: Callable[[], _Answer]) -> _Answer:
        """Return the answer for objects and a key, made at the first call.

        Two threads that ask at once may both make it. Errors are not kept.
        """
        place = tuple(map(id, of)), key
        with self._lock:
            self._sweep()
            kept = self._found.get(place)
            if kept is not None and kept.holds(of):
                self._found.move_to_end(place)
                return kept.answer
        answer = make()
        with self._lock:
            self._found[place] = _Entry(tuple(self._refer(one, place) for one in of), answer)
            self._found.move_to_end(place)
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return answer

    def _refer(self, one: object, place: _Place) -> _Ref:
        found = _Ref(one, self._dead.append)  # takes no lock: an object may die at any point
        found.place = place
        return found

    def _sweep(self) -> None:
        """Forget the answers whose objects have died."""
        while self._dead:
            place = self._dead.popleft().place
            kept = self._found.get(place)
            if kept is not None and any(own() is None for own in kept.of):
                del self._found[place]
