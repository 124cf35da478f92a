"""The safe reader of OSM files of every format: pyosmium, the Python binding of libosmium.

One pass over all objects in Python, without libosmium's filters and tables of ids and places: these take no
negative ids and hundreds of megabytes where ids lie far apart. It shares nothing with the fast reader but
limits, refusals and the cleaning of names, so each is the other's test.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import osmium
from numpy.typing import NDArray

from ..errors import InputError
from . import gather
from .raw import NAME_KEYS, NODE_KEYS, WAY_KEYS, RawRoads

_FAILURES = (RuntimeError, ValueError, LookupError, ArithmeticError, osmium.InvalidLocationError)
"""What pyosmium raises about a bad file, apart from MemoryError."""

_WAY_KEYS = WAY_KEYS.union(("ref", *NAME_KEYS))
_BATCH, _MOST_KNOWN = 100_000, 300_000
_MOST_X, _MOST_Y = 1_800_000_000, 900_000_000


def read_osmium(path: Path, *, name: str, form: str, progress: gather.Progress | None = None) -> RawRoads:
    """Read the roads of an OSM file.

    Parameters
    ----------
    name
        How errors call the file.
    form
        pbf, osm, osm.gz or osm.bz2; it is not guessed from the name.

    Raises
    ------
    InputError
        The file is damaged, a history or a change file, holds too much, or has no roads or no coordinates.
    """
    try:
        source = _Source(path, form)
        if source.header.has_multiple_object_versions:
            raise gather.history(name)
        if progress is not None:
            progress(f"读入 {name}")
        found = _Found(name, gather.Limits(name, path.stat().st_size))
        found.read(source.objects())
        if not found.way:
            raise gather.no_roads(name)
        raw = _joined(found, name)
        if source.locates_ways and 2 * raw.counts["missing_nodes"] > len(raw.way_node):
            raise gather.no_places(name)  # they stand in the ways, which only few programs write
        return raw
    except InputError:
        raise
    except _FAILURES as error:
        raise _translated(error, name) from None


def _translated(error: BaseException, name: str) -> InputError:
    text = str(error)
    if "required feature" in text.lower():
        return gather.unknown_feature(name, text.rpartition(":")[2].strip())
    return gather.damaged(name, text)


class _Source:
    """A file with its format.

    libosmium takes "-" and "https:…" for no files, and on Windows opens no path with Chinese letters; so the
    path is absolute, or the file is read into memory.
    """

    def __init__(self, path: Path, form: str) -> None:
        whole = str(path.resolve())
        if whole.isascii():
            self._file: Any = osmium.io.File(whole, form)
        else:
            self._file = osmium.io.FileBuffer(path.read_bytes(), form)
        with osmium.io.Reader(self._file, osmium.osm.NOTHING) as reader:
            self.header = reader.header()
        features = {self.header.get(f"pbf_optional_feature_{number}") for number in range(10)}
        self.locates_ways = "LocationsOnWays" in features

    def objects(self) -> Iterable[Any]:
        """Start to read all objects."""
        return osmium.FileProcessor(self._file)


class _Found:
    """What a file holds: all nodes, and the roads, in the order of the file."""

    def __init__(self, name: str, limits: gather.Limits) -> None:
        self._name, self._limits, self._seen = name, limits, set[int]()
        self.sets, self.labels = gather.tag_sets(name), gather.labels(name)
        self.node, self.x, self.y = array("q"), array("i"), array("i")
        self.node_tags: dict[int, tuple[tuple[tuple[str, str], ...], bool]] = {}
        self.way, self.start, self.reference = array("q"), array("q", [0]), array("q")
        self.way_tags, self.way_label = array("i"), array("i")
        self._known: dict[tuple[tuple[str, str], ...], tuple[int, int]] = {}
        self.ways = self.relations = self.short = self.again = self.broken = 0

    def read(self, objects: Iterable[Any]) -> None:
        """Look at every object of a file once."""
        for found in objects:
            kind = found.type_str()
            if kind == "n":
                place = found.location
                if len(found.tags):
                    self._tagged(found)
                self.node.append(found.id)
                self.x.append(place.x)
                self.y.append(place.y)
                if len(self.node) % _BATCH == 0:
                    self._limits.add(nodes=_BATCH)
            elif kind == "w":
                self._way(found)
            elif kind == "r":
                self.relations += 1

    def _tagged(self, node: Any) -> None:
        """Keep the tags of the node that comes next."""
        tags, broken = _tags(node, NODE_KEYS)
        if tags:
            self.node_tags[len(self.node)] = gather.as_pairs(tags), broken

    def _way(self, way: Any) -> None:
        """Keep a way where it is a road with two different nodes in a row and its id is new."""
        self.ways += 1
        tags, broken = _tags(way, _WAY_KEYS)
        if not gather.is_road(tags):
            return
        if way.deleted:
            raise gather.history(self._name)
        nodes = [node.ref for node in way.nodes]
        nodes = [node for node, before in zip(nodes, [None, *nodes], strict=False) if node != before]
        self._limits.add(references=len(nodes))
        if len(nodes) < 2:
            self.short += 1
        elif way.id in self._seen:
            self.again += 1
        else:
            self._seen.add(way.id)
            self.way.append(way.id)
            self.reference.extend(nodes)
            self.start.append(len(self.reference))
            tag_set, label = self._numbers(tags)
            self.way_tags.append(tag_set)
            self.way_label.append(label)
            self.broken += broken

    def _numbers(self, tags: dict[str, str]) -> tuple[int, int]:
        """Number the tags of a road: (set, label); equal ones are looked at once."""
        key = tuple(tags.items())
        found = self._known.get(key)
        if found is None:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            pairs = gather.as_pairs(gather.road_tags(tags))
            found = self._known[key] = self.sets.number(pairs), self.labels.number(gather.label_of(tags))
        return found


def _tags(thing: Any, keys: frozenset[str]) -> tuple[dict[str, str], bool]:
    """Return the tags with some keys, the last of equal keys, and whether a text was no UTF-8."""
    try:
        return {key: tag.v for tag in thing.tags if (key := tag.k) in keys}, False
    except UnicodeDecodeError:
        pass
    tags, broken = {}, False
    for key in keys:
        try:
            value = thing.tags.get(key)
        except UnicodeDecodeError as error:
            value, broken = error.object.decode("utf-8", "replace"), True
        if value is not None:
            tags[key] = value
    return tags, broken


def _joined(found: _Found, name: str) -> RawRoads:
    """Look the references up and number everything."""
    reference, ident = np.array(found.reference, np.int64), np.array(found.node, np.int64)
    known, first = np.unique(ident, return_index=True)
    again = ident[np.setdiff1d(np.arange(len(ident)), first, assume_unique=True)]
    row = first[_among(known, reference)]
    x, y = np.array(found.x, np.int32)[row], np.array(found.y, np.int32)[row]
    inside = (np.abs(x.astype(np.int64)) <= _MOST_X) & (np.abs(y.astype(np.int64)) <= _MOST_Y)
    if not inside.any():
        raise gather.no_places(name)
    kept = ident[row[inside]]
    at = np.minimum(np.searchsorted(kept, reference), len(kept) - 1)
    way_node = np.where(kept[at] == reference, at, -1).astype(np.int32)
    rows = row[inside].tolist()
    tagged = [(number, found.node_tags[row]) for number, row in enumerate(rows) if row in found.node_tags]
    node_tags = [found.sets.number(pairs) for _, (pairs, _) in tagged]
    return RawRoads(
        node_id=kept,
        x=x[inside],
        y=y[inside],
        way_id=np.array(found.way, np.int64),
        way_start=np.array(found.start, np.int64),
        way_node=way_node,
        way_tags=np.array(found.way_tags, np.int32),
        way_label=np.array(found.way_label, np.int32),
        tagged_node=np.array([number for number, _ in tagged], np.int32),
        node_tags=np.array(node_tags, np.int32),
        tag_sets=tuple(dict(pairs) for pairs in found.sets.values()),
        labels=found.labels.values(),
        counts={
            "nodes": len(ident),
            "ways": found.ways,
            "relations": found.relations,
            "short_ways": found.short,
            "kept_ways": len(found.way),
            "missing_nodes": int((way_node < 0).sum()),
            "misplaced_nodes": int((~inside).sum()),
            "duplicate_nodes": int(np.isin(again, kept).sum()) if len(again) else 0,
            "duplicate_ways": found.again,
            "broken_texts": found.broken + sum(broken for _, (_, broken) in tagged),
        },
    )


def _among(known: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the ascending ids that are wanted (``np.isin`` hashes, and is slow on ids in clusters)."""
    marked, at = np.zeros(len(known), bool), np.searchsorted(known, wanted)
    inside = at < len(known)
    at, wanted = at[inside], wanted[inside]
    marked[at[known[at] == wanted]] = True
    return marked
