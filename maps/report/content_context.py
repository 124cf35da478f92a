"""What the templates of a report name: rows of its tables, chosen and put in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...geodata.layers import KIND_NAMES, Kind
from .. import style, words
from .content_advice import Advice, advise
from .facts import Book, Cell, Row, formal
from .facts_options import WAYS
from .trace import TRACE, WORKBOOK

if TYPE_CHECKING:
    from ...scenarios.run import Result
    from ...scenarios.world import World

MOST_GAINS = 2
"""Lines on what bases add one by one; all stand in the workbook."""
MOST_GAPS, FEW_GAPS = 6, 4
"""Rows of the table of gaps on the pages; the second where many scenarios take the room."""
MOST_OPTIONS, FEW_OPTIONS = 8, 5
"""Rows of the table of options on the pages; the second where many scenarios take the room."""
MOST_NAMED = 3
"""Scenarios that conclusion and targets tell one by one."""


@dataclass(frozen=True)
class Shown:
    """A layer as the texts name it."""

    kind: Kind
    name: str
    is_driven: bool
    row: Row
    """Of the sheet 概况."""
    standard: Row
    """Of the sheet 标准."""


def layers_of(result: Result, kinds: Sequence[Kind], book: Book) -> list[Shown]:
    """List the layers with their rows."""
    return [
        Shown(
            kind,
            KIND_NAMES[kind],
            result.covers[kind].standard.mode == "drive",
            book.row("概况", kind=KIND_NAMES[kind]),
            book.row("标准", kind=KIND_NAMES[kind]),
        )
        for kind in kinds
    ]


def focus_of(layers: Sequence[Shown], book: Book) -> Shown | None:
    """Choose the layer that headline, map and charts show.

    The one whose sites most scenarios change; of several, the one in which the scenarios differ most from
    each other in residents served, then the one in which they move the share most, then the first that is
    driven to and has sites.
    """

    def moved(layer: Shown) -> tuple[float, ...]:
        rows = book.rows("方案", kind=layer.name)
        served = [row.served.number for row in rows] or [0.0]
        points = max((abs(row.points.number) for row in rows), default=0.0)
        return sum(bool(row.actions) for row in rows), max(served) - min(served), points

    order = sorted(layers, key=lambda layer: (not layer.row.sites, not layer.is_driven))
    return max(order, key=moved) if order else None


def context(
    world: World, results: Sequence[Result], layers: Sequence[Shown], focus: Shown | None, book: Book
) -> dict[str, Any]:
    """Collect what the templates name."""
    return {
        **_today(world, results[0], layers, focus, book),
        **_options(book, focus),
        **_targets(book, len(results)),
        "steady": book.rows("稳定性"),
        "crowded": is_crowded(book),
        "workbook": WORKBOOK,
        "trace": TRACE,
    }


def _today(
    world: World, result: Result, layers: Sequence[Shown], focus: Shown | None, book: Book
) -> dict[str, Any]:
    """Collect what is said of today: labels, who is reached, gaps, how sure the limits are."""
    kinds = [layer.kind for layer in layers]
    labels = words.labels_by_layer(world, result, kinds)
    stocked = [layer for layer in layers if layer.row.sites]
    gaps = book.rows("缺口", option=0, kind=focus.name) if focus in stocked and focus else []
    grades = {grade: [each for each in layers if each.standard.grade.value == grade] for grade in "ABC"}
    return {
        "labels": list(labels),
        "shaky": f"数据为{'、'.join(labels.values())}" if labels else "",
        "marks": [
            (said, formal(style.LABELS[label])) for label, said in labels.items() if label in style.LABELS
        ],
        "province": str(world.units.province["name"].iloc[0]),
        "everyone": layers[0].row.residents if layers else Cell.nothing(),
        "layers": layers,
        "stocked": stocked,
        "reached": _by_limit(stocked),
        "focus": focus,
        "top_gap": gaps[0] if gaps else None,
        "any_gap": any(layer.row.gaps for layer in layers),
        "grades": {grade: own for grade, own in grades.items() if own},
    }


def _by_limit(layers: Iterable[Shown]) -> list[list[Shown]]:
    """Put layers of one limit together, those that are driven to first."""
    found: dict[object, list[Shown]] = {}
    for layer in sorted(layers, key=lambda layer: not layer.is_driven):
        found.setdefault(layer.row.within.value, []).append(layer)
    return list(found.values())


def _options(book: Book, focus: Shown | None) -> dict[str, Any]:
    """Collect what is said of the scenarios: what they do, bring and cost, and how good they are."""
    options, advice = [row for row in book.rows("方案总览") if row.option], advise(book)
    name = focus.name if focus else ""
    leading = _leading(options, advice)
    units = {row.cost_unit.value for row in options if row.cost_unit}
    return {
        "options": options,
        "headline": [_line(row, book, name) for row in leading] if focus else [],
        "more_options": len(options) > len(leading),
        "advice": advice,
        "priced": bool(options) and len(units) == 1 and not any(row.all_unpriced for row in options),
        "any_price": any(row.all_cost.known for row in options),
        "units": len(units),
        "bills": [_bill(row, book) for row in options if row.all_cost.known],
        "unpriced": [row for row in options if row.actions and not row.all_cost.known],
        "cheapest": _cheapest(book),
        "trades": book.rows("取舍", **({"kind": name} if is_crowded(book) else {})),
        "gains": _gains(book, name, len(options)),
        "apart": [row for row in options if row.apart],
        "flooded": [row for row in options if row.out_of_service],
        "growing": [row for row in book.rows("方案", kind=name) if row.growth],
        "hours": [row for row in book.rows("方案") if row.open_points.known],
        "beaten": [row for row in options if row.dominated.yes],
        "proof": [row for row in options if row.plans],
        "proven": all(row.plans.value == row.proven.value for row in options),
    }


def _leading(options: Sequence[Row], advice: Advice) -> list[Row]:
    """Choose the scenarios to tell one by one, in their order: those of the advice, then the first."""
    told = [row.option.value for row in (advice.best, advice.least) if row is not None]
    order = sorted(options, key=lambda row: row.option.value not in told)
    return sorted(order[:MOST_NAMED], key=lambda row: row.option.number)


def _line(row: Row, book: Book, layer: str) -> dict[str, Any]:
    """Say of a scenario what it does, and what comes of it in the layer that is shown."""
    own = book.row("方案", option=row.option.value, kind=layer)
    before, after = own.share_before.number, own.share.number
    same = style.share_text(before) == style.share_text(after)
    way = "" if same or not own.share_before.known else "升到" if after > before else "降到"
    did = [(word, row[name]) for name, word in zip(WAYS, _DID, strict=True) if row[name]]
    return {"title": row.title, "did": did, "elsewhere": did and not own.actions, "row": own, "way": way}


_DID = ("新增", "撤销", "迁移", "扩缩容", "调整开放时间")
"""Words for what is done to sites, in the order of ``WAYS``."""


def _bill(row: Row, book: Book) -> dict[str, Any]:
    """Say what a scenario costs, and for each layer that is priced in full what 10 000 residents cost."""
    layers = [each for each in book.rows("费用", option=row.option.value) if each.per_10k.known]
    costs = {name: row[name] for name in ("title", "all_cost", "all_unpriced", "cost_unit")}
    return {**costs, "layers": layers}


def _cheapest(book: Book) -> list[Row]:
    """Find for each layer the scenario that gains residents for the least, where two can be compared.

    Those with other residents, roads or limits cannot.
    """
    found = []
    fair = {row.option.value for row in book.rows("方案总览") if not row.apart}
    rows = (row for row in book.rows("费用") if row.per_10k.known and row.option.value in fair)
    for own in _alike(rows, ("kind",)):
        if len(own) > 1 and len({row.cost_unit.value for row in own}) == 1:
            found.append(min(own, key=lambda row: row.per_10k.number))
    return found


def _gains(book: Book, layer: str, count: int) -> list[dict[str, Any]]:
    """Choose what to say of single bases: the layer that is shown first, then those with most to gain."""
    rows = [row for row in book.rows("逐处收益") if row.total and row.count.number > 2]
    alike = _alike(rows, ("kind", "total", "count", "first", "last", "eighty"))
    alike.sort(key=lambda own: (own[0].kind.value != layer, -own[0].total.number))
    return [
        {"row": own[0], "who": who(own, count).removesuffix("相同")}
        for own in alike[: 1 if is_crowded(book) else MOST_GAINS]
    ]


def _alike(rows: Iterable[Row], names: Sequence[str]) -> list[list[Row]]:
    """Put rows together that hold the same in some columns."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name].value for name in names), []).append(row)
    return list(found.values())


def who(rows: Sequence[Row], count: int) -> str:
    """Name the scenarios of some rows; of ``count`` in all."""
    if len(rows) == count > 1:
        return "各方案相同"
    return "、".join(f"「{row.title.value}」" for row in rows)


def _targets(book: Book, count: int) -> dict[str, Any]:
    """Collect what is said of the targets, and of those whose text can be read in several ways.

    Where there are many scenarios, only the one that meets most targets is told.
    """
    best = best_for_targets(book)
    told = [*range(1, count)] if count - 1 <= MOST_NAMED or best is None else [best.option.value]
    judged = [
        row for row in book.rows("目标", option=0) if row.reading and row.planned.known and row.left.known
    ]
    ways = [own for own in _alike(judged, ("name",)) if len({row.planned.value for row in own}) > 1]
    return {
        "targets": [row for row in book.rows("目标汇总") if not row.option or row.option.value in told],
        "no_more_met": best is not None and best.met.value == book.row("目标汇总", option=0).met.value,
        "undated": any("未写年份" in str(row.state.value) for row in book.rows("目标")),
        "readings": [
            {
                "name": own[0].name,
                "ways": own,
                "built": own[0].built,
                "unit": own[0].unit,
                "then": [book.row("目标", option=at, name=own[0].name.value) for at in told],
            }
            for own in ways
        ],
    }


def best_for_targets(book: Book) -> Row | None:
    """Choose the scenario that meets most targets, the first of several; None without any."""
    rows = [row for row in book.rows("目标汇总") if row.option]
    return max(rows, key=lambda row: row.met.number) if rows else None


def own_rows(rows: Iterable[Row], focus: Shown | None) -> list[Row]:
    """Leave the rows of the layer that is shown."""
    return [row for row in rows if focus is not None and row.kind.value == focus.name]


def chosen_gaps(layers: Sequence[Shown], focus: Shown | None, book: Book) -> list[Row]:
    """Choose the gaps of the pages: most of the layer that is shown, the largest of each other."""
    found: Mapping[str, list[Row]] = {
        layer.name: book.rows("缺口", option=0, kind=layer.name) for layer in layers if layer.row.sites
    }
    name = focus.name if focus else ""
    others = [rows[0] for other, rows in found.items() if rows and other != name]
    most = FEW_GAPS if is_crowded(book) else MOST_GAPS
    return [*found.get(name, [])[: max(1, most - len(others))], *others]


def is_crowded(book: Book) -> bool:
    """Tell whether so many scenarios are told that what the appendix repeats must leave the two pages."""
    return len(book.rows("方案总览")) > MOST_NAMED + 1


def _does(row: Row) -> bool:
    """Tell whether a scenario does anything to a layer but let its residents grow."""
    return bool(row.actions or row.gained or row.lost or row.out_of_service) or not row.gained.known


def chosen_options(layers: Sequence[Shown], count: int, book: Book) -> tuple[list[tuple[str, Row]], int]:
    """Choose the rows of the table of options, the largest changes where they are too many.

    Returns
    -------
    Whom a row is about, and the row, layer by layer: scenarios alike in a layer share one; and how many rows
    are left out.
    """
    rows: list[tuple[str, Row]] = []
    for layer in layers:
        touched = [row for row in book.rows("方案", kind=layer.name) if _does(row)]
        alike = _alike(touched, ("opened", "gained", "lost", "share", "second_share", "share_before"))
        rows += [(who(own, count), own[0]) for own in alike]
    most = FEW_OPTIONS if is_crowded(book) else MOST_OPTIONS
    order = sorted(range(len(rows)), key=lambda at: -(rows[at][1].gained.number + rows[at][1].lost.number))
    return [rows[at] for at in sorted(order[:most])], max(0, len(rows) - most)
