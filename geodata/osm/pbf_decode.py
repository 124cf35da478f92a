"""From the bytes of a block to its nodes and roads, with their distinct tags as Python texts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import gather
from .pbf_file import Refused
from .pbf_messages import (
    FOR_LABEL,
    FOR_NODE,
    FOR_WAY,
    HISTORY,
    NODES,
    OK,
    RELATIONS,
    UNUSUAL,
    WAYS,
    Keys,
    Pairs,
    codes,
    survey,
    texts,
)
from .pbf_objects import Nodes, Small, Ways, distinct, read_nodes, read_ways
from .pbf_wire import Bytes
from .raw import NAME_KEYS, NODE_KEYS, WAY_KEYS

_Value = TypeVar("_Value")
_TagSet = tuple[tuple[str, str], ...]

_TAGS = sorted(WAY_KEYS | NODE_KEYS)
_NAMES = (*_TAGS, "ref", *NAME_KEYS)
"""Keys by code: those that the rules look at, by name, then those that make labels."""
_ORDER = np.array(sorted(range(len(_NAMES)), key=lambda code: _NAMES[code].encode()), np.int16)
_SPELT = [_NAMES[code].encode() for code in _ORDER.tolist()]
_LETTERS = np.frombuffer(b"".join(_SPELT), np.uint8)
_ENDS = np.cumsum([len(text) for text in _SPELT], dtype=np.int64)
_ROLE = np.array(
    [FOR_WAY * (name in WAY_KEYS) + FOR_NODE * (name in NODE_KEYS) or FOR_LABEL for name in _NAMES], np.uint8
)
_SALT = secrets.randbits(62)


@dataclass(frozen=True)
class Numbered(Generic[_Value]):
    """Items of a block and their distinct values."""

    of: Small
    """(items,) position in ``values``."""
    values: list[_Value]
    broken: NDArray[np.bool_]
    """(values,) whether a text in it was no UTF-8, and is replaced."""


@dataclass(frozen=True)
class Block:
    """What a block holds of roads."""

    counts: dict[str, int]
    """All nodes, ways, relations; roads left out as too short."""
    size: int
    """Bytes unpacked."""
    references: int
    """References of all its roads."""
    nodes: Nodes
    node_tags: Numbered[_TagSet]
    ways: Ways
    way_tags: Numbered[_TagSet]
    way_labels: Numbered[tuple[str, str]]


def decode(data: bytes, name: str) -> Block:
    """Decode an unpacked PrimitiveBlock of the file ``name``.

    Raises
    ------
    InputError
        It is damaged, or holds deleted objects.
    Refused
        It is written in an uncommon way.
    """
    view = np.frombuffer(data, np.uint8)
    status, facts, rows = survey(view)
    _check(status, name)
    text = texts(view, facts)
    keys, ferry = _keys(view, text)
    status, nodes = read_nodes(view, facts, rows, keys)
    _check(status, name)
    status, ways = read_ways(view, facts, rows, keys, ferry)
    _check(status, name)
    counts = {"nodes": NODES, "ways": WAYS, "relations": RELATIONS}
    here = {what: int(facts[place]) for what, place in counts.items()}
    read = _Texts(data, text, name)
    return Block(
        {**here, "short_ways": int(ways.short)},
        len(data),
        len(ways.reference),
        nodes,
        _numbered(nodes.start, nodes.pairs, (0, len(_TAGS)), read, tuple),
        ways,
        _numbered(ways.tags, ways.pairs, (0, len(_TAGS)), read, tuple),
        _numbered(ways.tags, ways.pairs, (len(_TAGS), len(_NAMES)), read, _label),
    )


def _check(status: int, name: str) -> None:
    if status == HISTORY:
        raise gather.history(name)
    if status == UNUSUAL:
        raise Refused("uncommon encoding")
    if status != OK:
        raise gather.damaged(name, "数据块的内容不对")


def _keys(data: Bytes, text: tuple[Small, Small]) -> tuple[Keys, NDArray[np.bool_]]:
    """Find the keys among the strings of a block, and the strings "ferry"."""
    found = codes(data, *text, _LETTERS, _ENDS)
    code = np.where(found >= 0, _ORDER[found], np.int16(-1))
    ferry = codes(data, *text, _FERRY, _FERRY_END) == 0
    return Keys(code, _ROLE, _NAMES.index("highway"), _NAMES.index("route")), ferry


_FERRY = np.frombuffer(b"ferry", np.uint8)
_FERRY_END = np.array([5], np.int64)


class _Texts:
    """The strings of a block, decoded once each."""

    def __init__(self, data: bytes, place: tuple[Small, Small], name: str) -> None:
        self._data, self._name = data, name
        self._first, self._size = place
        self._known: dict[int, tuple[str, bool]] = {}

    def __call__(self, number: int) -> tuple[str, bool]:
        """Return a string and whether it was broken."""
        found = self._known.get(number)
        if found is None:
            first = int(self._first[number])
            found = self._known[number] = self._decode(self._data[first : first + int(self._size[number])])
        return found

    def _decode(self, raw: bytes) -> tuple[str, bool]:
        if b"\0" in raw:
            raise gather.damaged(self._name, "文字里有空字节")
        try:
            return raw.decode(), False
        except UnicodeDecodeError:
            return raw.decode("utf-8", "replace"), True


def _numbered(
    start: Small,
    pairs: Pairs,
    span: tuple[int, int],
    read: _Texts,
    make: Callable[[list[tuple[str, str]]], _Value],
) -> Numbered[_Value]:
    """Number the distinct tags with codes in ``span`` of the items of a block."""
    of, examples = distinct(start, pairs, span, _SALT)
    code, number = pairs[0].tolist(), pairs[1].tolist()
    values, broken = [], np.zeros(len(examples), bool)
    firsts, ends = start[examples].tolist(), start[examples + 1].tolist()
    for at, (first, last) in enumerate(zip(firsts, ends, strict=True)):
        tags = []
        for i in range(first, last):
            if span[0] <= code[i] < span[1]:
                text, bad = read(number[i])
                tags.append((_NAMES[code[i]], text))
                broken[at] |= bad
        values.append(make(tags))
    return Numbered(of, values, broken)


def _label(tags: list[tuple[str, str]]) -> tuple[str, str]:
    return gather.label_of(dict(tags))
