"""The latest things made for an object, found by a key at once; threads may share it.

Like ``coverage.kept.Kept``, which looks through all it has and is for a few things.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Generic, TypeVar
from weakref import ref

Made = TypeVar("Made")


class Latest(Generic[Made]):
    """At most so many things, each made for an owner and a key; that which was asked for longest ago goes.

    Owners are told apart as objects: what was made for data that have changed since is never handed out. They
    are not kept alive, plain objects aside.

    Examples
    --------
    >>> class Thing: ...
    >>> owner, made = Thing(), Latest(2)
    >>> made.get(owner, "a", lambda: 1), made.get(owner, "a", lambda: 2), made.get(Thing(), "a", lambda: 3)
    (1, 1, 3)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[int, Hashable], tuple[Callable[[], Any], Made]] = OrderedDict()
        self._lock = Lock()

    def get(self, owner: object, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what is kept, or make it; two threads that ask at once may both make it."""
        place = id(owner), key
        with self._lock:
            kept = self._kept.get(place)
            if kept is not None and kept[0]() is owner:
                self._kept.move_to_end(place)
                return kept[1]
        made = make()
        with self._lock:
            for gone in [at for at, (whose, _) in self._kept.items() if whose() is None]:
                del self._kept[gone]
            self._kept[place] = _hold(owner), made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made


def _hold(owner: object) -> Callable[[], Any]:
    """Refer to an object, weakly where that can be."""
    try:
        return ref(owner)
    except TypeError:
        return lambda: owner
