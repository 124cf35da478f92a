"""Files of graphs that OSMnx saved (GraphML, GeoPackage) to a table of nodes and edges.

GraphML is XML: it is read with expat, entities are refused, nothing is evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, Problem
from ..intake import geopackage
from ..intake.features import from_wkb
from ..intake.markup import Attributes, parse_xml
from .line_geopackage import opened, read_table
from .line_layer import damaged, read_content

MOST_EDGES = 10_000_000
LONGEST_VALUE = 10_000_000
"""Most characters of one value: the geometry of a long edge is text."""

_MOST_KEYS = 500
_FIX = "请用 OSMnx 的 save_graphml 或 save_graph_geopackage 保存的文件"


@dataclass(frozen=True)
class GraphTable:
    """n nodes and e edges as they stand in the file."""

    node: Sequence[str]
    """(n,) ids, distinct."""
    x: NDArray[np.float64]
    """(n,) in ``crs``."""
    y: NDArray[np.float64]
    tail: NDArray[np.int64]
    """(e,) position of the node."""
    head: NDArray[np.int64]
    shape: Sequence[Any]
    """(e,) shapely line, or None where the edge is straight."""
    columns: Mapping[str, Sequence[Any]]
    """Attribute → (e,) values."""
    directed: bool
    """Whether each direction is an edge of its own; else ``oneway`` tells."""
    crs: str


def read_graph_file(path: Path) -> GraphTable:
    """Read a GraphML file or a GeoPackage with the layers ``nodes`` and ``edges``.

    Raises
    ------
    InputError
        It cannot be read, is damaged, or is no graph with places.
    """
    file = path.name
    content = read_content(path, file)
    if content[:16] == b"SQLite format 3\0":
        return _geopackage(content, file)
    if content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return _GraphML(file).read(content)
    raise InputError(Problem(file, "不是 GraphML 或 GeoPackage 路网文件", fix=_FIX))


def _ends(nodes: Sequence[str], ends: Sequence[Sequence[str]], file: str) -> tuple[Any, Any]:
    """Number the nodes by which edges are given, and check that all are there."""
    number = {node: at for at, node in enumerate(nodes)}
    if len(number) < len(nodes):
        raise damaged(file, "有重复的节点编号")
    try:
        tail, head = (np.array([number[node] for node in side], np.int64) for side in ends)
    except KeyError as error:
        raise damaged(file, f"有边引用了不存在的节点 {str(error.args[0])[:40]}") from None
    if not len(tail):
        raise InputError(Problem(file, "路网中没有边", fix=_FIX))
    return tail, head


def _numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    """Read texts as numbers; NaN where they are none."""
    out = np.full(len(values), np.nan)
    for at, value in enumerate(values):
        try:
            out[at] = float(value)
        except (TypeError, ValueError):
            continue
    return out


# ---------------------------------------------------------------------------------------------- GraphML


class _GraphML:
    """The handlers of one parse."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.keys: dict[str, tuple[str, str]] = {}
        self.facts: dict[str, dict[str, str]] = {"graph": {}, "node": {}, "edge": {}}
        self.nodes: list[tuple[str, dict[str, str]]] = []
        self.edges: list[tuple[str, str, dict[str, str]]] = []
        self.directed = True
        self.inside = "graph"
        self.key = ""
        self.text: list[str] = []

    def read(self, content: bytes) -> GraphTable:
        """Parse the file and check what it gave."""
        if b"<!DOCTYPE" in content[:65536]:
            raise damaged(self.file, "XML 带有文档类型声明 (DOCTYPE), 不读取")
        parse_xml([content], start=self.start, end=self.end, text=self.data, file=self.file)
        if not self.nodes:
            raise InputError(Problem(self.file, "不是路网 GraphML, 没有节点", fix=_FIX))
        crs = self.facts["graph"].get("crs", "EPSG:4326")
        x, y = (_numbers([facts.get(key) for _, facts in self.nodes]) for key in ("x", "y"))
        if np.isnan(x).any() or np.isnan(y).any():
            raise InputError(Problem(self.file, "有节点没有坐标 (x、y)", fix=_FIX))
        columns = self._columns()
        shapes = _of_wkt(columns.pop("geometry", [None] * len(self.edges)))
        names = [name for name, _ in self.nodes]
        ends = [edge[0] for edge in self.edges], [edge[1] for edge in self.edges]
        tail, head = _ends(names, ends, self.file)
        return GraphTable(names, x, y, tail, head, shapes, columns, self.directed, crs)

    def _columns(self) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {}
        for at, (_, _, facts) in enumerate(self.edges):
            for name, value in facts.items():
                if name not in columns:
                    columns[name] = [None] * len(self.edges)
                columns[name][at] = value
        return columns

    def start(self, name: str, attributes: Attributes) -> None:
        """Open an element."""
        if name == "key":
            if len(self.keys) >= _MOST_KEYS:
                raise damaged(self.file, "GraphML 的属性种类过多")
            self.keys[attributes.get("id", "")] = (attributes.get("attr.name", ""), attributes.get("for", ""))
        elif name == "graph":
            self.directed = attributes.get("edgedefault", "directed") != "undirected"
        elif name == "node":
            self._open("node")
            self.nodes.append((attributes.get("id", ""), self.facts["node"]))
        elif name == "edge":
            if len(self.edges) >= MOST_EDGES:
                raise damaged(self.file, f"路网不能超过 {MOST_EDGES} 条边")
            self._open("edge")
            self.edges.append(
                (attributes.get("source", ""), attributes.get("target", ""), self.facts["edge"])
            )
        elif name == "data":
            self.key, self.text = attributes.get("key", ""), []

    def _open(self, kind: str) -> None:
        self.inside, self.facts[kind] = kind, {}

    def end(self, name: str) -> None:
        """Close an element."""
        if name == "data" and self.key in self.keys:
            self.facts[self.inside][self.keys[self.key][0]] = "".join(self.text)
            self.key = ""
        elif name in ("node", "edge"):
            self.inside = "graph"

    def data(self, text: str) -> None:
        """Take a run of text."""
        if self.key:
            self.text.append(text)
            if len(self.text) > 1000 and sum(map(len, self.text)) > LONGEST_VALUE:
                raise damaged(self.file, "GraphML 中有一项内容过长")


def _of_wkt(texts: Sequence[str | None]) -> list[Any]:
    """Read lines written as text; None where there is none or it is no line."""
    import shapely  # noqa: PLC0415  (a quarter of a second)

    plain = [text if text and text[:10].upper() == "LINESTRING" else None for text in texts]
    with np.errstate(invalid="ignore"):
        return list(shapely.from_wkt(np.array(plain, object), on_invalid="ignore"))


# ------------------------------------------------------------------------------------------- GeoPackage


def _geopackage(content: bytes, file: str) -> GraphTable:
    """Read the layers that ``save_graph_geopackage`` writes, with one row per edge or per two-way edge."""
    import shapely  # noqa: PLC0415  (a quarter of a second)

    with opened(content, file) as base:
        entries = {entry.name: entry for entry in geopackage.contents(base, file) if entry.geometry}
        if not {"nodes", "edges"} <= set(entries):
            raise InputError(Problem(file, "缺少 nodes 或 edges 图层", fix=_FIX))
        nodes, points = read_table(base, "nodes", entries["nodes"].geometry, file)
        edges, blobs = read_table(base, "edges", entries["edges"].geometry, file)
    if "osmid" not in nodes or not {"u", "v"} <= set(edges):
        raise InputError(Problem(file, "nodes 图层应有 osmid 列, edges 图层应有 u、v 列", fix=_FIX))
    with np.errstate(invalid="ignore"):
        places, lines = np.array(from_wkb(points), object), np.array(from_wkb(blobs), object)
    if len(places) and (shapely.get_type_id(places) != 0).any():
        raise InputError(Problem(file, "nodes 图层中有节点没有坐标点", fix=_FIX))
    directed = not {"from", "to"} <= set(edges)
    ends = [[str(node) for node in edges.pop(key)] for key in (("u", "v") if directed else ("from", "to"))]
    lines[shapely.get_type_id(lines) != 1] = None
    names = [str(node) for node in nodes["osmid"]]
    x, y = shapely.get_x(places), shapely.get_y(places)
    tail, head = _ends(names, ends, file)
    return GraphTable(names, x, y, tail, head, list(lines), edges, directed, entries["nodes"].crs)
