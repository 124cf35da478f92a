"""Tables of a report on its grounds: targets, standards, sources, proofs, and the numbers of the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...geodata.layers import KIND_NAMES, Kind
from ...scenarios.ledger.targets import TOTAL
from .. import style, words

if TYPE_CHECKING:
    from ...scenarios.run import Result
    from ...scenarios.sensitivity import Sensitivity
    from ...scenarios.world import World

_TARGETS = [
    "name", "resource", "year", "reading", "plan", "planned", "planned_max", "unit", "binding", "built",
    "reached", "left", "light", "state", "ambiguity", "source",
]  # fmt: skip


def targets_table(results: Sequence[Result]) -> pd.DataFrame:
    """List the targets of the plan as a whole (no single years), each in all of its readings."""
    tables = []
    for at, result in enumerate(results):
        table = result.targets
        if len(table):
            whole = table[table["year"] == TOTAL]
            single = table[~table["id"].isin(whole["id"])].drop_duplicates(["id", "reading"], keep="last")
            own = pd.concat([whole, single]).sort_index()
            own["plan"] = [_planned(row) for row in own.to_dict("records")]
            tables.append(own[["id", *_TARGETS]].assign(option=at, title=result.title))
    order = ["option", "title", "id", *_TARGETS]
    return pd.concat(tables, ignore_index=True)[order] if tables else pd.DataFrame(columns=order)


def _planned(row: Mapping[Any, Any]) -> str:
    """Write what a target asks for as the plan does: at least, or from one number to another.

    Examples
    --------
    >>> _planned({"planned": 1500, "planned_max": 1500, "comparator": ">="})
    '≥1,500'
    >>> _planned({"planned": 5, "planned_max": 8, "comparator": "范围"})
    '5–8'
    """
    least, most = row["planned"], row["planned_max"]
    if pd.isna(least):
        return ""
    sign = "≥" if row["comparator"] == ">=" else ""
    upper = "" if pd.isna(most) or most == least else f"–{int(most):,}"
    return f"{sign}{int(least):,}{upper}"


def target_counts(targets: pd.DataFrame) -> pd.DataFrame:
    """Count, result by result, the targets that are met, short, unknown, or met in one reading only."""
    rows = []
    for (at, title), own in targets.groupby(["option", "title"], sort=False):
        left = own.groupby("id", sort=False)["left"].agg(_standing)
        counts = {name: int((left == name).sum()) for name in ("met", "split", "short", "unknown")}
        rows.append({"option": at, "title": title, "targets": len(left), **counts})
    return pd.DataFrame(rows, columns=["option", "title", "targets", "met", "split", "short", "unknown"])


def _standing(left: pd.Series[Any]) -> str:
    if left.isna().any():
        return "unknown"
    return "met" if (left == 0).all() else "split" if (left == 0).any() else "short"


def standards_table(world: World, result: Result, kinds: Sequence[Kind]) -> pd.DataFrame:
    """State how far is near enough for each layer, who says so, and how sure it is."""
    rows = []
    for kind in kinds:
        standard = result.covers[kind].standard
        cited = [each.confidence for each in standard.cited]
        rows.append(
            {
                "kind": kind,
                "within": words.within(standard),
                "limits": "、".join(standard.limit_text(limit) for limit in standard.limits),
                "measure": words.measure_text(world, standard),
                "grade": standard.confidence,
                "source": standard.source,
                "values": len(cited),
                "assumed": cited.count("C"),
                "sentence": "；".join(standard.notes),
            }
        )
    return pd.DataFrame(rows)


def cited_table(result: Result, kinds: Sequence[Kind]) -> pd.DataFrame:
    """List where each value of the standards comes from."""
    rows = [
        {
            "kind": kind,
            "key_cited": each.key,
            "value_cited": each.value,
            "grade": each.confidence,
            "source": each.source,
            "note": each.note,
        }
        for kind in kinds
        for each in result.covers[kind].standard.cited
    ]
    return pd.DataFrame(rows, columns=["kind", "key_cited", "value_cited", "grade", "source", "note"])


def sources_table(
    world: World, results: Sequence[Result], kinds: Sequence[Kind], *, note: str = ""
) -> pd.DataFrame:
    """Name the origin of the data, what their labels mean, and what a reader must know.

    Parameters
    ----------
    note
        What a public release leaves out or rounds.
    """
    baseline = results[0]
    found = words.labels_by_layer(world, baseline, kinds)
    rows = [("标注", f"{said}: {style.LABELS.get(text, '')}") for text, said in found.items()]
    rows += [("公开版", note.removeprefix("公开版: "))] if note else []
    for kind in kinds:
        for text in words.sources(world, baseline, kind):
            item, _, content = text.partition(": ")
            shared = item in ("边界", "居民", "地名", "路网")
            rows.append((item if shared else f"{KIND_NAMES[kind]} {item}", content))
        if date := words.data_date(baseline, kind):
            rows.append((f"{KIND_NAMES[kind]} 库存日期", date))
    rows += [(f"方案 {result.title}", note) for result in results for note in result.notes]
    return pd.DataFrame(list(dict.fromkeys(rows)), columns=["item", "content"])


def proofs_table(results: Sequence[Result]) -> pd.DataFrame:
    """List the siting requests with their proven bounds."""
    tables = [
        pd.DataFrame(result.plans).rename(columns={"status": "solver"}).assign(option=at, title=result.title)
        for at, result in enumerate(results)
        if result.plans
    ]
    names = [
        "option", "title", "kind", "years", "rule", "p", "opened", "counts", "objective", "bound", "gap",
        "solver", "candidates", "limit_text", "note",
    ]  # fmt: skip
    if not tables:
        return pd.DataFrame(columns=names)
    table = pd.concat(tables, ignore_index=True)
    return table[[name for name in names if name in table.columns]]


def keys_table(results: Sequence[Result]) -> pd.DataFrame:
    """Number the results: the same number, the same data, scenario and version."""
    rows = [{"option": at, "title": result.title, "key": result.key} for at, result in enumerate(results)]
    return pd.DataFrame(rows)


def steadiness_table(found: Sequence[tuple[str, Kind, Sensitivity]]) -> pd.DataFrame:
    """Sum up analyses of how steady siting is: (title, layer, analysis) each."""
    rows = []
    for title, kind, each in found:
        same = each.moves[each.moves["regret"].notna()]
        rows.append(
            {
                "title": title,
                "kind": kind,
                "runs": len(each.moves),
                "same": int((same["stays"] == same["of"]).sum()),
                "regret": float(same["regret"].max()) if len(same) else float("nan"),
                "sentence": "；".join(each.sentences),
            }
        )
    return pd.DataFrame(rows, columns=["title", "kind", "runs", "same", "regret", "sentence"])
