"""Sentences of pages and sheets: headlines, labels and sources, all from the tables of the results."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage.measures import density
from ..geodata.layers import KIND_NAMES, Kind, shown_kinds
from ..scenarios.phases import MYOPIC
from . import style

if TYPE_CHECKING:
    from ..coverage.standards import Standard
    from ..geodata.demand import Demand
    from ..geodata.network import Network
    from ..scenarios.run import Result
    from ..scenarios.world import World


_VEHICLES = {"heavy": "按重型车能走的道路和车速"}


def province_row(result: Result, kind: Kind, limit: float) -> pd.Series:
    """Pick the row of the whole province for a resource type and a limit."""
    return unit_rows(result, kind, "省", limit).iloc[0]


def headlines(results: Sequence[Result]) -> tuple[str, ...]:
    """Write the sentences to be read out: who is reached, the largest gap, what the first scenario adds.

    The third is left out where there is no scenario beside the baseline.
    """
    baseline, *others = results
    sentences = [_reached(baseline), _largest_gap(baseline)]
    if others:
        sentences.append(_added(baseline, others[0]))
    return tuple(sentences)


def within(standard: Standard) -> str:
    """Say the main limit of a standard: 1小时车程 or 步行270米."""
    return within_limit(standard, standard.main)


def within_limit(standard: Standard, limit: float) -> str:
    """Say one of the limits of a standard."""
    text = standard.limit_text(limit)
    return f"{text}车程" if standard.mode == "drive" else f"步行{text}"


def _reached(result: Result) -> str:
    parts = []
    for kind in shown_kinds([result.layers]):
        name, standard = KIND_NAMES[kind], result.covers[kind].standard
        row = province_row(result, kind, standard.main)
        parts.append(
            (standard.mode, f"{style.share_text(row['share'])} 在{style.spaced(name)}{within(standard)}以内")
        )
    parts.sort(key=lambda part: part[0])  # driving before walking, else in the order of the types
    total = result.units.loc[result.units["level"] == "省", "residents"].iloc[0]
    return f"现状: 全省 {style.people_text(total)}中, " + ", ".join(text for _, text in parts) + "。"


def _largest_gap(result: Result) -> str:
    standard, gaps = result.covers["warehouse"].standard, result.gaps["warehouse"]
    if gaps.empty:
        return f"缺口: 全省居民都在备灾仓库{within(standard)}以内。"
    gap = gaps.iloc[0]
    site = one_line(gap["nearest_site"], longest=30)
    far = f"最近的是{site}, 到其中部约 {gap['cost_text']}" if site else "没有可到达的站点"
    return (
        f"最大缺口: {gap['city']}{gap['name']}, {style.people_text(gap['residents'])}"
        f"在备灾仓库{within(standard)}以外, {far}。"
    )


def nearest_text(gap: Mapping[Any, Any]) -> str:
    """Say which site is nearest to a gap and how far it is."""
    if not gap["nearest_site"]:
        return "没有可到达的站点"
    return f"最近 {gap['nearest_site']} · {gap['cost_text']}"


def _added(baseline: Result, plan: Result) -> str:
    kinds = [kind for kind in KIND_NAMES if (plan.added["kind"] == kind).any()]
    others = 0 if plan.done.empty else int((plan.done["action"] != "open").sum())
    if not kinds and not others:
        return f"{plan.title}: 没有新增站点。"
    kind: Kind = "warehouse" if "warehouse" in kinds or not kinds else kinds[0]
    count = int((plan.added["kind"] == kind).sum())
    did = f"新增 {count} {style.UNITS[kind]}{KIND_NAMES[kind]}后, " if kinds else "没有新增站点, "
    if others:
        did = did.replace("后, ", ", ") + f"另有 {others:,} 项改动; {KIND_NAMES[kind]}"
    standard = plan.covers[kind].standard
    left = round(_outside(plan, kind))
    rest = f", 仍有 {style.people_text(left)}在{within(standard)}以外" if left else ""
    return f"{plan.title}: {did}{_change(baseline, plan, kind)}{rest}。"


def _outside(result: Result, kind: Kind) -> float:
    row = province_row(result, kind, result.covers[kind].standard.main)
    return float(row["residents"] - row["served"])


def _change(baseline: Result, plan: Result, kind: Kind) -> str:
    """Say how many are within the scenario's main limit, before and after: never two limits compared."""
    old, new = (result.covers[kind].standard for result in (baseline, plan))
    after = province_row(plan, kind, new.main)
    if new.main not in old.limits:
        return f"{within(new)}覆盖 {style.share_text(after['share'])} (现状没有这一档上限, 不能比较)"
    before = province_row(baseline, kind, new.main)
    more = int(after["served"] - before["served"])
    shares = [style.share_text(row["share"]) for row in (before, after)]
    then = "升至" if after["share"] >= before["share"] else "降至"
    people = f", {'多' if more > 0 else '少'}覆盖 {style.people_text(abs(more))}" if more else ""
    if before["share"] == after["share"]:
        return f"{within(new)}覆盖仍为 {shares[1]}{people}"
    return f"{within(new)}覆盖由 {shares[0]} {then} {shares[1]}{people}"


def residents_of(world: World, result: Result) -> Demand:
    """Return the residents that a result counts: those of the world, or those that its scenario lets grow."""
    if not len(result.residents) or np.array_equal(result.residents, world.demand.residents):
        return world.demand
    return replace(world.demand, residents=result.residents)


def county_values(world: World, result: Result, kind: Kind) -> NDArray[np.float64]:
    """Figure that colours each county (``style.county_measure``), by code; NaN where nobody lives."""
    standard = result.covers[kind].standard
    per = style.county_measure(standard).per
    if per:
        table = density(residents_of(world, result), result.layers[kind])
        return table.loc[table["level"] == "县", "per_10k"].to_numpy(np.float64) * (per / 10_000)
    return unit_rows(result, kind, "县", standard.main)["share"].to_numpy(np.float64)


def one_line(text: object, *, longest: int = 80) -> str:
    """Make a text harmless to show: one line, no control or direction marks, at most ``longest`` long.

    Examples
    --------
    >>> one_line("修水\\u202e县\\n仓库")
    '修水县 仓库'
    """
    shown = str(text)
    if not shown.isprintable():  # what is printable holds none of the marks, and no blank but the space
        kept = (" " if mark.isspace() else mark for mark in shown)
        shown = "".join(mark for mark in kept if unicodedata.category(mark) not in {"Cc", "Cf", "Cs"})
    shown = shown.strip()
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def stock_text(stock: str) -> str:
    """Write a stock, JSON of item and number, as a line of text; anything else is shown as it is.

    Examples
    --------
    >>> stock_text('{"棉被": 1200, "帐篷": 30}')
    '棉被 1,200、帐篷 30'
    """
    try:
        items = json.loads(stock)
    except (ValueError, RecursionError):
        return one_line(stock)
    if not isinstance(items, Mapping):
        return one_line(stock)
    numbers = (f"{value:,}" if isinstance(value, int) else value for value in items.values())
    return one_line("、".join(f"{name} {number}" for name, number in zip(items, numbers, strict=True)))


def unit_rows(result: Result, kind: Kind, level: str, limit: float) -> pd.DataFrame:
    """Pick the rows of one level (省, 市, 县) for a resource type and a limit, ordered by code."""
    table = result.units
    chosen = (table["kind"] == kind) & (table["level"] == level) & (table["limit"] == limit)
    rows: pd.DataFrame = table[chosen].sort_values("code")
    return rows


def site_counts(world: World, result: Result, kind: Kind) -> list[int]:
    """Count the sites of each county, in the order of the codes."""
    table = density(world.demand, result.layers[kind])
    return [int(count) for count in table.loc[table["level"] == "县", "sites"]]


def labels(world: World, result: Result, kind: Kind) -> tuple[str, ...]:
    """Labels of a map: 示例数据 for synthetic sites, 近似路网 where driving uses such a network."""
    found = [result.layers[kind].label]
    if result.covers[kind].standard.mode == "drive":
        found.append(world.network.label)
    return tuple(label for label in found if label)


def labels_by_layer(world: World, result: Result, kinds: Iterable[Kind]) -> dict[str, str]:
    """Name for each label the layers that it speaks of, where it is not true of all.

    Returns
    -------
    dict
        Label → label with layers in brackets, e.g. 示例数据（AED）; alone where all have it.
    """
    found: dict[str, list[str]] = {}
    shown = list(kinds)
    for kind in shown:
        for label in labels(world, result, kind):
            found.setdefault(label, []).append(KIND_NAMES[kind])
    whole = {label for label, names in found.items() if len(names) == len(shown)} | {world.network.label}
    return {
        label: label if label in whole else f"{label}（{'、'.join(names)}）" for label, names in found.items()
    }


def sources(world: World, result: Result, kind: Kind) -> tuple[str, ...]:
    """Name the origin of everything on the map of a layer."""
    standard = result.covers[kind].standard
    drive = standard.mode == "drive"
    listed = [
        ("边界", world.units.source),
        ("居民", f"{world.demand.meta.get('source', '')}, 按规则分配到网格"),
        ("地名", "GeoNames (CC BY 4.0)"),
        ("站点", _site_sources(result.layers[kind].table["source"])),
        ("另有站点", world.layers[kind].note),
        ("路网", _network_source(world.roads(standard)) if drive or world.follows_ways(standard) else ""),
        ("标准", f"{standard.source} (可信度 {standard.confidence})" if standard.source else ""),
        ("口径", measure_text(world, standard)),
        ("分县", "" if drive else style.county_measure(standard).note),
        ("选址", MYOPIC if MYOPIC in result.notes else ""),
        *(("注意", note) for note in result.far.get(kind, ())),
    ]
    return tuple(f"{word}: {text}" for word, text in listed if text)


def measure_text(world: World, standard: Standard) -> str:
    """Say what the limits of a standard measure on the roads that a world has."""
    return "步行路网距离(沿真实道路)" if world.follows_ways(standard) else standard.measure_text


def _site_sources(column: pd.Series[Any], *, most: int = 3) -> str:
    """Name where the sites come from, the most frequent first; those that state nothing are counted too."""
    stated = column.fillna("").astype(str).str.strip()
    counts = stated[stated != ""].value_counts(sort=False)
    names = sorted(map(str, counts.index), key=lambda name: (-int(counts[name]), name))
    silent = int((stated == "").sum())
    parts = [f"登记库 (来源未填) {silent:,} 处"] if silent else []
    parts += names[:most]
    rest = len(names) - most
    return "、".join(parts) + (f" 等 {len(names)} 种" if rest > 0 else "")


def site_word(kind: Kind, level: str, there: Collection[str]) -> str:
    """Name in a legend the sign of a level: the lowest also stands for sites whose level is not known.

    Examples
    --------
    >>> site_word("warehouse", "省级", {"省级", ""}), site_word("warehouse", "县级", {"县级", ""})
    ('省级备灾仓库', '县级、未定级')
    >>> site_word("warehouse", "县级", {""}), site_word("aed", "", {""})
    ('未定级备灾仓库', 'AED')
    """
    markers, name = style.markers(kind), KIND_NAMES[kind]
    strange = set(there) - {marker.level for marker in markers}
    if not strange or not level or level != markers[-1].level:
        return f"{level}{name}"
    return f"{level}、未定级" if level in there else f"未定级{name}"


def credit(network: Network) -> str:
    """Name whose roads a network is made of, as their licence asks for; empty where none asks.

    The date is the day that the file states, up to which it follows OpenStreetMap; none where it states none.
    """
    if "OpenStreetMap" not in str(network.meta.get("licence", "")):
        return ""
    made = _data_date(network)
    return "道路 © OpenStreetMap 贡献者 (ODbL)" + (f", 数据日期 {made}" if made else "")


def road_credit(world: World, standard: Standard) -> str:
    """Name whose roads a standard is measured on; empty where it is measured on none, or none asks."""
    on_roads = standard.mode == "drive" or world.follows_ways(standard)
    return credit(world.roads(standard)) if on_roads else ""


def _data_date(network: Network) -> str:
    made = str(network.meta.get("made", ""))[:10]
    return made if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", made) else ""


def _network_source(network: Network) -> str:
    if network.label in style.LABELS:
        return f"{network.label}: {style.LABELS[network.label]}"
    source, owner, made = one_line(network.meta.get("source", "")), credit(network), _data_date(network)
    parts = (owner, source, f"数据日期 {made}" if made and not owner else "", _VEHICLES.get(network.mode, ""))
    return ", ".join(part for part in parts if part)


def data_date(result: Result, kind: Kind) -> str:
    """Dates that the stock of a layer states, the oldest and the newest; empty where there is none."""
    dates = [date for date in result.layers[kind].table["stock_date"].astype(str) if date]
    return " 至 ".join(dict.fromkeys((min(dates), max(dates)))) if dates else ""
