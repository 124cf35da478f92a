"""Sums of what the cities have reported: by city, against the plan's figures, against the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ...geodata.demand import Demand
from .form import COVER_FIELDS, is_by_county
from .form_lines import Value
from .lights import GREY, RED, Standing, judge
from .progress import NOT_BINDING
from .returns import Return
from .stock import count, stock_of, unit_codes, unit_names
from .targets import Figure, Ledger, Reading, Target, bounds

NOT_RETURNED = "没有市上报"
REPEATED = "与同市的另一个文件重复, 已计一次"
"""Doubt of a value that counts, but only once."""

_VALUES = [
    "file", "city", "county", "code", "id", "name", "unit", "reported", "required", "check", "remark",
    "evidence", "doubt", "sheet", "cell", "got",
]  # fmt: skip
_MATRIX = [
    "id",
    "name",
    "city",
    "unit",
    "reported",
    "required",
    "recorded",
    "difference",
    "check",
    "remark",
    "state",
]
_SUMMARY = [
    "id", "name", "scope", "comparator", "binding", "unit", "reading", "planned", "planned_max", "reported",
    "recorded", "difference", "cities", "left", "light", "state", "ambiguity",
]  # fmt: skip
HEADERS = {
    "file": "文件", "city": "设区市", "county": "县区", "code": "代码", "id": "代号", "name": "目标",
    "unit": "单位", "reported": "上报", "required": "应有数", "check": "与登记库核对", "remark": "说明",
    "evidence": "佐证材料", "doubt": "为何没有计入", "sheet": "工作表", "cell": "单元格", "got": "表里写的",
    "recorded": "登记库", "difference": "上报减登记库", "state": "状态", "scope": "范围",
    "comparator": "比较", "binding": "约束性",
    "reading": "读法", "planned": "全省计划", "planned_max": "计划上限", "cities": "已报的市", "left": "还差",
    "light": "灯", "ambiguity": "原文歧义", "what": "问题", "fix": "怎么办", "counts": "是否计入",
    **COVER_FIELDS,
}  # fmt: skip
"""Chinese headers of the tables of a collection."""


def value_table(
    returns: Iterable[Return], ledger: Ledger, names: Mapping[str, tuple[str, str]]
) -> pd.DataFrame:
    rows = []
    for each in returns:
        for value in each.values:
            target = ledger.target(value.target)
            city, county = names[value.code]
            told = {"name": target.name, "unit": target.reported_unit} if target else {}
            own = {name: getattr(value, name) for name in Value.__dataclass_fields__ if name != "target"}
            rows.append(
                {"file": each.file, "city": city, "county": county, "id": value.target, **told, **own}
            )
    return pd.DataFrame(rows, columns=_VALUES).astype({"reported": "Int64", "required": "Int64"})


def recorded_by_city(
    target: Target,
    year: int,
    demand: Demand,
    layers: Mapping[Any, Any],
    resources: Mapping[str, pd.DataFrame] | None,
) -> dict[str, int] | None:
    """Count what the registry has by city, "" the province; None where nobody recorded the resource."""
    stock = stock_of(target.kind, layers, resources)
    if stock is None:
        return None
    cities = count(target, stock, (year,), demand, digits=4)
    whole = count(target, stock, (year,), demand, digits=0).of("").built
    return {**dict(zip(cities.codes, cities.columns.built.tolist(), strict=True)), "": whole}


def matrix_table(
    targets: Sequence[Target],
    values: pd.DataFrame,
    demand: Demand,
    recorded: Mapping[str, dict[str, int] | None],
) -> pd.DataFrame:
    """Put the good values together by target and city."""
    names = unit_names(demand)
    counties = unit_codes(demand, 6)
    rows = []
    for target in targets:
        own, known = values[values["id"] == target.id], recorded[target.id]
        for city in unit_codes(demand, 4):
            wanted = {code for code in counties if code.startswith(city)} if is_by_county(target) else {city}
            row = _reported(target, own[own["code"].str.startswith(city)], wanted)
            row |= {"city": names[city][0], "recorded": None if known is None else known[city]}
            if row["reported"] is not None and known is not None:
                row["difference"] = row["reported"] - known[city]
            rows.append(row)
    whole = dict.fromkeys(("reported", "required", "recorded", "difference"), "Int64")
    return pd.DataFrame(rows, columns=_MATRIX).astype(whole)


def _reported(target: Target, here: pd.DataFrame, wanted: set[str]) -> dict[str, Any]:
    """Sum what one city says on a target; of coverage no unit counts more often than it needs."""
    good = here[(here["doubt"] == "") & here["reported"].notna()]
    most = target.each if target.measure == "units" else None
    return {
        "id": target.id, "name": target.name, "unit": target.unit,
        "reported": int(good["reported"].clip(upper=most).sum()) if len(good) else None,
        "required": _required(good), "check": _joined(here["check"]), "remark": _joined(here["remark"]),
        "state": _state(here, good, wanted),
    }  # fmt: skip


def _required(good: pd.DataFrame) -> int | None:
    known = good["required"].dropna()
    return int(known.sum()) if len(known) else None


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _state(here: pd.DataFrame, good: pd.DataFrame, wanted: set[str]) -> str:
    """Say whether a city has reported on a target."""
    doubtful = (here["got"] != "") & ~here["doubt"].isin(["", REPEATED])
    if doubtful.any():
        return "存疑"
    there = wanted & set(good["code"])
    if not there:
        return "未报"
    left = len(wanted) - len(there)
    return f"部分县未报 (缺 {left} 个)" if left else "已报"


def summary_table(
    ledger: Ledger,
    year: int,
    matrix: pd.DataFrame,
    recorded: Mapping[str, dict[str, int] | None],
    as_of: int | None,
) -> pd.DataFrame:
    """Hold the sums against the province's figures, every reading side by side."""
    sums = {str(name): int(own["reported"].sum()) for name, own in matrix.groupby("id", sort=False)}
    rows = []
    for target in ledger.asked(year):
        own, known = matrix[matrix["id"] == target.id], recorded[target.id]
        shared = {
            "id": target.id, "name": target.name, "scope": target.scope, "unit": target.unit,
            "comparator": target.comparators.get(year, target.comparator),
            "binding": target.binding_in(year), "ambiguity": target.ambiguity,
            "cities": f"{int((own['state'] == '已报').sum())}/{len(own)}",
            "recorded": None if known is None else known[""],
        }  # fmt: skip
        if own["reported"].notna().any():
            total = sums[target.id]
            shared |= {"reported": total, "difference": None if known is None else total - known[""]}
        for way in target.ways():
            taken = _elsewhere(ledger, way, year, sums)
            rows.append(
                shared
                | _held(target, own, _due(ledger, way, year), taken, (year, as_of))
                | {"reading": way.text}
            )
    whole = dict.fromkeys(("planned", "planned_max", "reported", "recorded", "difference", "left"), "Int64")
    return pd.DataFrame(rows, columns=_SUMMARY).astype(whole)


def _held(
    target: Target,
    own: pd.DataFrame,
    due: tuple[int, Figure | None],
    taken: int,
    when: tuple[int, int | None],
) -> dict[str, Any]:
    """Hold the cities' numbers on a target against one figure, less what counts elsewhere."""
    least, most = bounds(due[1])
    by_cities = least is None and bool(own["required"].notna().all())
    if by_cities:
        least = most = int(own["required"].sum())
    row: dict[str, Any] = {"planned": least, "planned_max": most}
    if own["reported"].isna().all():
        return row | {"light": GREY, "state": NOT_RETURNED}
    total = max(0, int(own["reported"].sum()) - taken)
    standing = Standing(
        least, most, target.unit, total, total, unreported=int((own["state"] != "已报").sum())
    )
    light, state = judge(standing, due=due[0], as_of=when[1])
    state += " (应有数由各市填报)" if by_cities else ""
    state += NOT_BINDING if light == RED and target.is_soft(when[0]) else ""
    return row | {"light": light, "state": state, "left": None if least is None else max(0, least - total)}


def _due(ledger: Ledger, way: Reading, year: int) -> tuple[int, Figure | None]:
    """Return the figure that counts in a year, and the year at whose end it is due."""
    if year in way.years:
        return year, way.years[year]
    later = [each for each in sorted(way.years) if each >= year] or sorted(way.years)[-1:]
    return (later[0], way.years[later[0]]) if later else (ledger.last, way.total)


def _elsewhere(ledger: Ledger, way: Reading, year: int, sums: Mapping[str, int]) -> int:
    """Count what meets the other target, which does not count here as well."""
    other = None if way.apart_from is None else ledger.target(way.apart_from)
    if other is None:
        return 0
    asked = bounds(other.ways()[0].years.get(year))[0] or 0
    return min(sums.get(other.id, 0), asked)
