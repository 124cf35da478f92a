"""What OSMnx makes of an OSM file: its own filter, its own graph, for comparison with boai's networks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import osmium
import osmnx as ox

_PART = re.compile(r'\["([^"]+)"(?:(!?~)"([^"]*)")?\]')


@dataclass(frozen=True)
class Truth:
    """A file as OSMnx sees it."""

    raw: nx.MultiDiGraph
    """Largest component, not simplified."""
    simple: nx.MultiDiGraph
    """The same, simplified."""
    tags: Mapping[int, Mapping[str, str]]
    """All tags of the ways that the filter keeps."""


def passes(tags: Mapping[str, str], wanted: str) -> bool:
    """Evaluate an Overpass filter as OSMnx writes it: ["key"], ["key"!~"regex"]."""
    parts = _PART.findall(wanted)
    assert "".join(f'["{k}"{o}"{v}"]' if o else f'["{k}"]' for k, o, v in parts) == wanted
    for key, operator, pattern in parts:
        if not operator and key not in tags:
            return False
        if operator == "!~" and key in tags and re.search(pattern, tags[key]):
            return False
    return True


def read(path: Path, mode: str, work: Path) -> Truth:
    """Filter a file by OSMnx's text and let OSMnx read the rest."""
    target = work / f"{path.name.split('.')[0]}-{mode}.osm"
    tags = _filtered(path, target, ox._overpass._get_network_filter(mode))
    both = mode in ox.settings.bidirectional_network_types
    raw = ox.graph_from_xml(target, bidirectional=both, simplify=False, retain_all=False)
    return Truth(raw, ox.simplify_graph(raw), tags)


def _filtered(path: Path, target: Path, wanted: str) -> dict[int, dict[str, str]]:
    """Write the ways that pass, and their nodes; OSMnx refuses ways that leave the file, so these are split.

    The parts of a split way have numbers above those of all ways. Returns the tags by number.
    """
    ways = {}
    for way in osmium.FileProcessor(str(path), osmium.osm.WAY):
        tags = {tag.k: tag.v for tag in way.tags}
        if passes(tags, wanted):
            ways[way.id] = ([node.ref for node in way.nodes], tags)
    used = {ref for refs, _ in ways.values() for ref in refs}
    found, written, fresh = set(), {}, max(ways) + 1
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for node in osmium.FileProcessor(str(path), osmium.osm.NODE):
            if node.id in used:
                writer.add_node(node.replace(tags={}))
                found.add(node.id)
        for number, (refs, tags) in ways.items():
            parts = [list(run) for here, run in itertools.groupby(refs, found.__contains__) if here]
            for at, part in enumerate(parts):
                written[number if at == 0 else fresh] = tags
                writer.add_way(osmium.osm.mutable.Way(id=number if at == 0 else fresh, nodes=part, tags=tags))
                fresh += at > 0
    return written


def km_by_class(raw: nx.MultiDiGraph, classes: Any) -> dict[str, float]:
    """Length of each class, each road once (OSMnx marks the second direction as reversed)."""
    total: dict[str, float] = {}
    for _, _, facts in raw.edges(data=True):
        if not facts["reversed"]:
            name = facts["highway"] if facts["highway"] in classes else "other"
            total[name] = total.get(name, 0.0) + facts["length"] / 1000
    return total
