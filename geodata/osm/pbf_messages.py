"""One block of a PBF file, a PrimitiveBlock, taken apart by compiled kernels: messages, sizes, strings.

Field numbers are those of ``osmformat.proto`` (https://wiki.openstreetmap.org/wiki/PBF_Format). Kernels
return a status, which whoever calls them checks; no length, index or count in the file is taken on trust.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .pbf_wire import PIECE, VARINT, Bytes, count, field, varint, zero

OK, DAMAGED, UNUSUAL, HISTORY = range(4)
"""Status of a kernel: good; damaged; written as hardly any program does; holds deleted objects."""

TEXT_AT, TEXT_END, TEXTS, UNIT, LAT, LON, NODES, NODE_TAGS, WAYS, WAY_TAGS, REFERENCES, RELATIONS = range(12)
"""Places in the facts of a block: where its strings are and how many, unit and offsets of coordinates in
nanodegrees, upper bounds of what it holds."""

FOR_WAY, FOR_NODE, FOR_LABEL = 1, 2, 4
"""Roles of a key, added up: the rules look at it on ways, or on nodes; it makes the label of ways."""

NOWHERE = 2**31 - 1
"""Longitude of a node that lies outside the world."""

LONGEST_TEXT = 1024
"""Most bytes of a string, as in libosmium: 256 characters in UTF-8."""

NODE, DENSE, WAY, RELATION = 1, 2, 3, 4
"""Messages of a PrimitiveGroup by the numbers of their fields."""

NUMBER = -2
"""In place of the end of a field's content: the field is a number."""

MOST_MESSAGES, MOST_NODES, MOST_REFERENCES = 2_000_000, 8_000_000, 16_000_000
"""Most in one block; programs write 8 000 objects to a block."""

PARTS = 12
"""Fields of a message above which nothing is of interest."""

Ints = NDArray[np.int64]
Pairs = tuple[NDArray[np.int16], NDArray[np.int32]]
"""Tags one after the other: codes of keys, numbers of strings."""


class Keys(NamedTuple):
    """The keys that are looked for."""

    code: NDArray[np.int16]
    """(strings of the block,) place of a string among the keys, -1 where it is none."""
    role: Bytes
    """(keys,) sum of ``FOR_…``."""
    highway: int
    """Place of the key ``highway``."""
    route: int
    """Place of the key ``route``."""


@compiled
def survey(data: Bytes) -> tuple[int, Ints, Ints]:
    """Find the messages of a block: (status, facts, rows of kind, first byte, end of nodes and ways)."""
    facts, rows = np.zeros(12, np.int64), np.empty((256, 3), np.int64)
    used, at = zero(), zero()
    facts[UNIT] = 100
    while at < len(data):
        number, kind, value, begin, at = field(data, at, len(data))
        if at < 0:
            return DAMAGED, facts, rows[:0]
        if number == 1 and kind == PIECE:
            if facts[TEXT_END] > 0:
                return UNUSUAL, facts, rows[:0]
            facts[TEXT_AT], facts[TEXT_END] = begin, at
        elif number == 2 and kind == PIECE:
            rows, used = _messages(data, begin, at, rows, used)
            if used < 0:
                return DAMAGED, facts, rows[:0]
        elif kind == VARINT and number in (17, 19, 20):
            facts[UNIT if number == 17 else LAT if number == 19 else LON] = value
    if facts[UNIT] <= 0 or facts[UNIT] > 1_000_000_000:
        return DAMAGED, facts, rows[:0]
    return _measure(data, rows[:used], facts), facts, rows[:used]


@compiled
def _messages(data: Bytes, at: int, end: int, rows: Ints, used: int) -> tuple[Ints, int]:
    """Add the messages of a group to the rows: (rows, how many or -1)."""
    while at < end:
        number, kind, _, begin, at = field(data, at, end)
        if at < 0 or used >= MOST_MESSAGES:
            return rows, -1
        if kind == PIECE and NODE <= number <= RELATION:
            if used == len(rows):
                rows = _longer(rows)
            rows[used, 0], rows[used, 1], rows[used, 2] = number, begin, at
            used += 1
    return rows, used


@compiled
def _longer(rows: Ints) -> Ints:
    """Copy rows into twice the space; a loop, because slices take seconds to compile."""
    longer = np.empty((2 * len(rows), 3), np.int64)
    for i in range(len(rows)):
        longer[i, 0], longer[i, 1], longer[i, 2] = rows[i, 0], rows[i, 1], rows[i, 2]
    return longer


@compiled
def parts(data: Bytes, at: int, end: int, found: Ints) -> int:
    """Find the fields of a message: ``found[number]`` is first byte and end, or value and ``NUMBER``.

    What is not there is (0, 0). Returns a status; a field that comes twice is unusual.
    """
    for number in range(PARTS):
        found[number, 0] = found[number, 1] = 0
    while at < end:
        number, kind, value, begin, at = field(data, at, end)
        if at < 0:
            return DAMAGED
        if number >= PARTS or kind not in (VARINT, PIECE):
            continue
        if found[number, 0] != 0 or found[number, 1] != 0:
            return UNUSUAL
        found[number, 0] = begin if kind == PIECE else value
        found[number, 1] = at if kind == PIECE else NUMBER
    return OK


@compiled
def _measure(data: Bytes, rows: Ints, facts: Ints) -> int:
    """Count strings, nodes, ways, references and tags into the facts; returns a status."""
    facts[TEXTS] = _count_texts(data, facts[TEXT_AT], facts[TEXT_END])
    if facts[TEXTS] < 0:
        return DAMAGED
    found, status = np.empty((PARTS, 2), np.int64), OK
    for row in range(len(rows)):
        kind = rows[row, 0]
        if kind == RELATION:
            facts[RELATIONS] += 1
            continue
        status = parts(data, rows[row, 1], rows[row, 2], found)
        if status == OK and kind == NODE:
            facts[NODES] += 1
            status = _add(data, found, 2, facts, NODE_TAGS)
        elif status == OK and kind == DENSE:
            status = max(_add(data, found, 1, facts, NODES), _add(data, found, 10, facts, NODE_TAGS))
        elif status == OK:
            facts[WAYS] += 1
            status = max(_add(data, found, 2, facts, WAY_TAGS), _add(data, found, 8, facts, REFERENCES))
        if facts[NODES] > MOST_NODES or facts[REFERENCES] > MOST_REFERENCES:
            status = DAMAGED
        if status != OK:
            return status
    return OK


@compiled
def _add(data: Bytes, found: Ints, number: int, facts: Ints, place: int) -> int:
    """Add the length of a packed array to a fact; an array that is not packed is unusual."""
    if found[number, 1] == NUMBER:
        return UNUSUAL
    length = count(data, found[number, 0], found[number, 1])
    facts[place] += max(length, 0)
    return DAMAGED if length < 0 else OK


@compiled
def _count_texts(data: Bytes, at: int, end: int) -> int:
    total = zero()
    while at < end:
        number, kind, value, _, at = field(data, at, end)
        if at < 0 or (number == 1 and (kind != PIECE or value > LONGEST_TEXT)):
            return -1
        total += number == 1
    return total


@compiled
def texts(data: Bytes, facts: Ints) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Find the strings of a surveyed block: (first byte, bytes) of each."""
    first, size = np.empty(facts[TEXTS], np.int32), np.empty(facts[TEXTS], np.int32)
    at, used = facts[TEXT_AT], 0
    while at < facts[TEXT_END]:
        number, _, value, begin, at = field(data, at, facts[TEXT_END])
        if number == 1:
            first[used], size[used] = begin, value
            used += 1
    return first, size


@compiled
def codes(
    data: Bytes, first: NDArray[np.int32], size: NDArray[np.int32], keys: Bytes, ends: Ints
) -> NDArray[np.int16]:
    """Look strings up among keys (their bytes one after the other, sorted; and their ends): place or -1."""
    code = np.full(len(first), -1, np.int16)
    for text in range(len(first)):
        low, high = 0, len(ends)
        while low < high:
            middle = (low + high) // 2
            begin = ends[middle - 1] if middle > 0 else 0
            order = _compare((data, first[text], size[text]), (keys, begin, ends[middle] - begin))
            if order == 0:
                code[text] = middle
                break
            if order > 0:
                low = middle + 1
            else:
                high = middle
    return code


@compiled
def _compare(one: tuple[Bytes, int, int], other: tuple[Bytes, int, int]) -> int:
    """Compare two strings (bytes, first, length): negative, 0 or positive."""
    (a, a_at, a_size), (b, b_at, b_size) = one, other
    for i in range(min(a_size, b_size)):
        if a[a_at + i] != b[b_at + i]:
            return -1 if a[a_at + i] < b[b_at + i] else 1
    return a_size - b_size


@compiled
def keep(code: int, text: int, first: int, used: int, pairs: Pairs) -> int:
    """Put a tag among those of its item, ``first:used``, by code; of the same key the last counts."""
    at = used
    while at > first and pairs[0][at - 1] >= code:
        at -= 1
    if at < used and pairs[0][at] == code:
        pairs[1][at] = text
        return used
    for i in range(used, at, -1):
        pairs[0][i], pairs[1][i] = pairs[0][i - 1], pairs[1][i - 1]
    pairs[0][at], pairs[1][at] = code, text
    return used + 1


@compiled
def tags(data: Bytes, found: Ints, wanted: tuple[Keys, int], used: int, pairs: Pairs) -> int:
    """Keep the tags of a node or way whose keys have a wanted role: the new end of the pairs, or -1."""
    keys, roles = wanted
    key_at, key_end, at, end = found[2, 0], found[2, 1], found[3, 0], found[3, 1]
    first = used
    while key_at < key_end and at < end:
        key, key_at = varint(data, key_at, key_end)
        text, at = varint(data, at, end)
        if key_at < 0 or at < 0 or not (0 <= key < len(keys.code) and 0 <= text < len(keys.code)):
            return -1
        code = keys.code[key]
        if code >= 0 and keys.role[code] & roles:
            used = keep(code, text, first, used, pairs)
    return -1 if key_at < key_end or at < end else used


@compiled
def deleted(data: Bytes, at: int, end: int) -> int:
    """Tell whether an Info or a DenseInfo says that an object is deleted; returns a status."""
    while at < end:
        number, kind, value, begin, at = field(data, at, end)
        if at < 0:
            return DAMAGED
        if number == 6 and kind == VARINT and value == 0:
            return HISTORY
        if number == 6 and kind == PIECE:
            for i in range(begin, at):
                if data[i] == 0:
                    return HISTORY
    return OK


@compiled
def place(value: int, offset: int, unit: int) -> int:
    """Turn a stored coordinate into 1e-7 degrees, towards zero as libosmium does."""
    nano = offset + value * unit
    return nano // 100 if nano >= 0 else -((-nano) // 100)


@compiled
def nowhere(x: int, y: int) -> bool:
    """Whether a place in 1e-7 degrees lies outside the world."""
    return not (-1_800_000_000 <= x <= 1_800_000_000 and -900_000_000 <= y <= 900_000_000)
