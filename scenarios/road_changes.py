"""Roads that a scenario closes or slows: chosen on the networks for driving and walking, laid over them.

What is slowed matters to vehicles alone: on foot metres count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geodata import selection
from ..geodata.errors import InputError, Problem
from ..geodata.network import CLASSES, Network
from ..geodata.overlay import Overlay, impose, under
from ..geodata.road_names import edges_of_roads
from .actions import Block, Flood, Point, Slow
from .areas import Area
from .cache import part_hash
from .world import World

Edges = NDArray[np.int64]
_EMPTY: Edges = np.empty(0, np.int64)


class _Chosen(NamedTuple):
    """The edges of one thing, on each network."""

    thing: tuple[str, ...]
    """What two changes must not set to different speeds: a road, a way, a place, an area, a class, all."""
    words: str
    edges: tuple[Edges, ...]


class Roads:
    """The networks while the changes of a scenario are resolved."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.networks = [world.network, *([world.walk] if world.walk is not None else [])]
        self._measures: list[tuple[float, tuple[Edges, ...]]] = []
        self._by: dict[tuple[str, ...], tuple[float, str]] = {}
        """(speed, where) of each thing."""

    def change(self, action: Block | Slow | Flood, where: str) -> dict[str, Any]:
        """Check one change against the networks and those before it; returns what it does.

        Raises
        ------
        InputError
            Roads that no network has; or another change sets another speed for the same thing.
        """
        speed = getattr(action, "speed", 0.0)
        chosen = self._chosen(action, where)
        problems = [
            Problem(
                where,
                f"与 {self._by[one.thing][1]} 矛盾: {one.words}, 那里写的是{_effect(self._by[one.thing][0])}",
                _effect(speed),
                "请删去其中一项",
            )
            for one in chosen
            if one.thing in self._by and self._by[one.thing][0] != speed
        ]
        if problems:
            raise InputError(problems)
        for one in chosen:
            self._by.setdefault(one.thing, (speed, where))
        edges = tuple(
            np.unique(np.concatenate([one.edges[i] for one in chosen])) for i in range(len(self.networks))
        )
        if speed > 0:  # on foot metres count, not minutes
            edges = (edges[0], *(_EMPTY for _ in edges[1:]))
            if not len(edges[0]) and not isinstance(action, Flood):
                raise InputError(Problem(where, "驾车路网里没有这些道路; 减速只影响驾车", chosen[0].words))
        self._measures.append((speed, edges))
        count = sum(len(own) for own in edges)
        label = f", {self.world.network.label}" if self.world.network.label else ""
        words = f"{_effect(speed)} {'、'.join(one.words for one in chosen)}"[:200]
        return {"detail": f"{words} ({count:,} 个路段{label})", "edges": count}

    def apply(self) -> tuple[Network, Network | None]:
        """Return the changed networks for driving and walking; the world's own where nothing changes.

        Raises
        ------
        InputError
            Too many roads are closed or slowed.
        """
        found = []
        for i, network in enumerate(self.networks):
            if self._measures and not network.meta.get("hash"):  # others are told apart by their content
                network = replace(network, meta={**network.meta, "hash": part_hash(network)})  # noqa: PLW2901
            overlay = Overlay(str(network.meta.get("hash", "")))
            for speed in sorted({speed for speed, _ in self._measures}):
                edges = np.concatenate([own[i] for other, own in self._measures if other == speed])
                if len(edges):
                    overlay = impose(overlay, edges, speed=speed, what="方案")
            found.append(under(network, overlay))
        return found[0], found[1] if len(found) > 1 else None

    def _chosen(self, action: Block | Slow | Flood, where: str) -> list[_Chosen]:
        if isinstance(action, Flood):
            return [self._in_area(action.area, f"{where}.area", needed=False)]
        for name, choose in (("road", self._by_name), ("way", self._by_way), ("classes", self._by_class)):
            items = getattr(action, name)
            if items is not None:
                return self._each(items, f"{where}.{name}", choose)
        if action.near is not None:
            return [self._near(action.near, f"{where}.near")]
        if action.area is not None:
            return [self._in_area(action.area, f"{where}.area", needed=True)]
        edges = tuple(np.arange(network.n_edges, dtype=np.int64) for network in self.networks)
        return [_Chosen(("all",), "全部道路", edges)]

    def _each(
        self, items: Sequence[Any], where: str, choose: Callable[[Any, str], list[_Chosen]]
    ) -> list[_Chosen]:
        """Choose the roads of several names or numbers; every one that is unknown is told."""
        found, problems = list[_Chosen](), list[Problem]()
        for item in dict.fromkeys(items):
            try:
                found += choose(item, where)
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)
        return found

    def _by_name(self, name: str, where: str) -> list[_Chosen]:
        """Choose the roads of a name: one thing for each road, so that G60 and 沪昆高速 are the same."""
        named: list[str] = []

        def choose(network: Network) -> Edges:
            edges, names = edges_of_roads(network, [name], where=where)
            named.extend(names)
            return edges

        edges = self._on_any(choose, where)
        return [
            _Chosen(("road", one), one, tuple(self._of_road(own, one, i) for i, own in enumerate(edges)))
            for one in dict.fromkeys(named)
        ]

    def _of_road(self, edges: Edges, name: str, i: int) -> Edges:
        network = self.networks[i]
        rows = [row for row, own in enumerate(network.roads) if own == name] if len(edges) else []
        return edges[np.isin(np.asarray(network.road)[edges], rows)]

    def _by_way(self, way: int, where: str) -> list[_Chosen]:
        edges = self._on_any(lambda network: selection.by_way(network, [way], where=where), where)
        return [_Chosen(("way", str(way)), f"way {way}", edges)]

    def _near(self, at: Point, where: str) -> _Chosen:
        def choose(network: Network) -> Edges:
            return selection.near(network, at.lon, at.lat, within_m=at.within_m, where=where)

        words = f"{at.lon:g},{at.lat:g} 周围 {at.within_m:g} 米的道路"
        try:
            return _Chosen(
                ("near", f"{at.lon!r},{at.lat!r},{at.within_m!r}"), words, self._on_any(choose, where)
            )
        except InputError as error:
            raise InputError(
                [replace(one, fix=one.fix.replace("--within", "within_m")) for one in error.problems]
            ) from None

    def _by_class(self, name: str, where: str) -> list[_Chosen]:
        if all(network.road_class is None for network in self.networks):
            label = self.world.network.label
            fix = "请改用 road (道路名称)、near 或 area"
            raise InputError(Problem(where, "这个路网没有道路等级", label or name, fix))
        number = CLASSES.index(name)
        edges = tuple(
            _EMPTY if network.road_class is None else np.flatnonzero(np.asarray(network.road_class) == number)
            for network in self.networks
        )
        if not any(len(own) for own in edges):
            there = sorted({CLASSES[i] for n in self.networks if n.road_class is not None
                            for i in np.unique(np.asarray(n.road_class)).tolist() if i})  # fmt: skip
            raise InputError(Problem(where, "路网里没有这个等级的道路", name, f"路网里有 {'、'.join(there)}"))
        return [_Chosen(("class", name), f"等级 {name} 的道路", edges)]

    def _in_area(self, area: Area, where: str, *, needed: bool) -> _Chosen:
        shape = area.shape
        words = f"{area.name}内的道路"
        try:
            edges = self._on_any(lambda network: selection.inside(network, shape, where=where), where)
        except InputError:
            if needed:
                raise
            edges = tuple(_EMPTY for _ in self.networks)
        return _Chosen(("area", area.wkt), words, edges)

    def _on_any(self, choose: Callable[[Network], Edges], where: str) -> tuple[Edges, ...]:
        """Choose on every network; what at least one of them has is there."""
        found: list[Edges] = []
        errors: list[InputError] = []
        for network in self.networks:
            try:
                if not network.n_edges:
                    raise InputError(Problem(where, "路网里没有道路"))
                found.append(choose(network))
            except InputError as error:
                found.append(_EMPTY)
                errors.append(error)
        if errors and not any(len(own) for own in found):
            raise errors[0]
        return tuple(found)


def _effect(speed: float) -> str:
    return "封闭" if speed == 0 else f"减速到 {100 * speed:g} %"
