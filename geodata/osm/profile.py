"""Profile: the rules of one mode, resolved from the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError, Problem
from .rule_table import MODES, read_table

LIKES = ("boai", "osmnx")


@dataclass(frozen=True)
class Profile:
    """How the ways and nodes are judged: for which mode, by which rules, for a vehicle of which size."""

    mode: str
    """``drive``, ``heavy`` or ``walk``."""
    like: str
    """``boai``, or ``osmnx`` for exactly the filter and the one-way rules of OSMnx."""
    ferries: bool
    """Whether ferries are used."""
    vehicle: Mapping[str, float]
    """Sizes that are held against posted limits: weight_t, axle_t, height_m, width_m, length_m."""
    keys: tuple[str, ...]
    """Keys of access, the most specific first."""
    oneway_keys: tuple[str, ...]
    """Keys of the one-way rule, the most specific first."""
    kmh: Mapping[str, float]
    """Speed by class where no limit is posted; 0 where the class is not used."""
    permitted: frozenset[str]
    """Classes that are used only where a tag of the mode allows it."""
    no_snap: frozenset[str]
    implied_oneway: frozenset[str]
    service_kinds: frozenset[str]
    """Values of ``service`` that are left out."""
    access: Mapping[str, str]
    """Value of access → permits, limited, closed or special."""
    oneway: Mapping[str, str]
    """Value of oneway → forward, backward, both or neither."""
    caps: Mapping[str, Mapping[str, float]]
    """Key (surface, …) → value → highest speed, 0 closes."""
    table: Mapping[str, Any] = field(repr=False)
    """The whole table, with the user's own values."""
    overrides: str = ""
    """Name of the user's own file of rules."""

    def described(self) -> dict[str, Any]:
        """Return the choices as plain values for a report: they decide what the network looks like."""
        own = self.table["modes"][self.mode]
        return {
            "mode": self.mode,
            "like": self.like,
            "ferries": self.ferries,
            "vehicle": dict(self.vehicle),
            "rules": self.overrides,
            "posted_share": own["posted_share"],
            "most_kmh": own["most_kmh"],
            "kmh": {name: kmh for name, kmh in self.kmh.items() if kmh},
        }


def read_profile(
    mode: str,
    *,
    like: str = "boai",
    weight_t: float | None = None,
    height_m: float | None = None,
    width_m: float | None = None,
    ferries: bool = True,
    overrides: Path | None = None,
) -> Profile:
    """Read the rules of a mode.

    Parameters
    ----------
    mode
        ``drive``, ``heavy`` or ``walk``.
    like
        ``boai``, or ``osmnx`` for comparison with OSMnx (no limits of size, no barriers, no ferries).
    weight_t, height_m, width_m
        The vehicle: laden tonnes, metres. Where None, those of the table (which has none for ``drive``).
        A given weight takes the axle load of the table's vehicle in proportion.
    ferries
        Whether ferries are used.
    overrides
        A YAML file of the user's with keys of ``tables/osm_rules.yaml`` to be changed.

    Raises
    ------
    InputError
        The mode, a size or something in the file is wrong; all at once.
    """
    sizes = {"weight_t": weight_t, "height_m": height_m, "width_m": width_m}
    _refuse(mode, like, sizes)
    table = read_table(overrides)
    own = table["modes"][mode]
    vehicle = {**own["vehicle"], **{name: float(size) for name, size in sizes.items() if size is not None}}
    _scale_axle(vehicle, own["vehicle"], given=weight_t)
    keys = own["keys"]
    if vehicle.get("weight_t", float("inf")) <= own["goods_until_t"]:
        keys = tuple("goods" if key == "hgv" else key for key in keys)
    classes = table["classes"]
    return Profile(
        mode=mode,
        like=like,
        ferries=ferries,
        vehicle=vehicle,
        keys=keys,
        oneway_keys=_oneway_keys(mode, keys),
        kmh={name: rule.get(mode, 0.0) for name, rule in classes.items()},
        permitted=frozenset(name for name, rule in classes.items() if mode in rule.get("permitted", ())),
        no_snap=frozenset(name for name, rule in classes.items() if not rule.get("snap", True)),
        implied_oneway=frozenset(name for name, rule in classes.items() if rule.get("oneway", False)),
        service_kinds=frozenset(table["service_kinds"].get(mode, ())),
        access={value: kind for kind, values in table["access"].items() for value in values},
        oneway={value: way for way, values in table["oneway"].items() for value in values},
        caps={key: _of_mode(table[key], mode) for key in ("surface", "tracktype", "smoothness", "ford")},
        table=table,
        overrides=overrides.name if overrides else "",
    )


def _refuse(mode: str, like: str, sizes: Mapping[str, float | None]) -> None:
    problems = []
    if mode not in MODES:
        problems.append(Problem("出行方式", f"应为 {'、'.join(MODES)} 之一", str(mode)))
    if like not in LIKES:
        problems.append(Problem("规则", f"应为 {'、'.join(LIKES)} 之一", str(like)))
    words = {"weight_t": "车辆总质量 (吨)", "height_m": "车高 (米)", "width_m": "车宽 (米)"}
    for name, size in sizes.items():
        if size is not None and not 0 < size <= 200:
            problems.append(Problem(words[name], "应大于 0, 不超过 200", str(size)))
    if problems:
        raise InputError(problems)


def _scale_axle(vehicle: dict[str, float], own: Mapping[str, float], *, given: float | None) -> None:
    if given is not None and "axle_t" in own and "weight_t" in own:
        vehicle["axle_t"] = own["axle_t"] * given / own["weight_t"]


def _oneway_keys(mode: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    own = tuple(f"oneway:{key}" for key in keys if key != "access")
    return own if mode == "walk" else (*own, "oneway")


def _of_mode(group: Mapping[str, Any], mode: str) -> Mapping[str, float]:
    """Pick the values of a mode; heavy vehicles take those of driving where they have none of their own."""
    found = group.get(mode)
    if found is None:
        found = group["drive"]
    return dict(found)
