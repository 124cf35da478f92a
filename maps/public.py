"""What may leave the house: a map's review number, and a world without what is not for the public."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..geodata.errors import InputError, Problem
from . import style
from .public_places import GRID_DEG, STEP_M, STEP_S, Grid, raised
from .public_texts import Texts

if TYPE_CHECKING:
    from ..coverage.measures import Cover
    from ..coverage.standards import Standard
    from ..geodata.layers import Layer
    from ..scenarios.run import Result
    from ..scenarios.world import World

NOTE = (
    "公开版: 不含联系人、电话、库存、容量和地址; "
    f"备灾仓库的位置取整到 {GRID_DEG:g} 度 (约 5 公里), 不是准确位置, 行车时间按 {STEP_S // 60} 分钟进位"
)
"""What a reader of a public product must know."""

_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川蜀贵黔云滇藏陕秦甘陇青宁新"
_NUMBER = re.compile(
    rf"(?P<office>GS(?:[{_PROVINCES}])?|[\u4e00-\u9fff]{{1,2}}S)\((?P<year>(?:19|20)\d\d)年?\)(?P<count>\d{{1,6}})号?"
)
_BRACKETS = str.maketrans("〔［【[]】］〕（）", "(((())))()")
_FORMS = "GS(2024)0001号 (自然资源部)、GS京(2024)0001号 (部委托省级)、赣S(2024)001号 (省级)"


@dataclass(frozen=True)
class Release:
    """For whom a product is made: the house, or the public under a review number.

    Raises
    ------
    InputError
        The number is none, see `release`.

    Examples
    --------
    >>> Release().stamp, Release("赣S(2024)001号").stamp
    ('内部使用 不得公开', '审图号: 赣S(2024)001号')
    """

    number: str = ""
    """审图号 in its normal form; empty for the house."""

    def __post_init__(self) -> None:
        """Hold the number against its forms: whatever is stamped on a map has passed here."""
        if self.number and normal_number(self.number) != self.number:
            raise InputError(_wrong(self.number))

    @property
    def public(self) -> bool:
        """Whether it is for the public."""
        return bool(self.number)

    @property
    def stamp(self) -> str:
        """What stands at the lower left of every product."""
        return f"审图号: {self.number}" if self.number else style.STAMP

    @property
    def note(self) -> str:
        """What a public product leaves out or rounds; empty for the house."""
        return NOTE if self.number else ""


def release(number: str, *, public: bool) -> Release:
    """Say for whom a product is made, as the user asked on the command line.

    Parameters
    ----------
    number
        审图号 as it was typed: brackets, digits and letters of half or full width, blanks, with or without
        the word 审图号 before it and 号 behind.
    public
        Whether the product leaves the house.

    Raises
    ------
    InputError
        A public product without a number; a number without a public product, for it would be stamped on what
        shows contacts and stock; or a number of none of the forms that offices give: GS(year)n号 of the
        ministry, GS京(year)n号 of a province by its order, 赣S(year)n号 of a province, 成S(year)n号 of a city
        (《地图审核管理规定》: office, year and number; forms as they stand on published maps, such as
        GS(2019)1719号, GS京(2022)1061号, 沪S〔2023〕093号, 苏S(2017)003号).

    Examples
    --------
    >>> release("审图号：赣 S〔２０２４〕００１ 号", public=True)
    Release(number='赣S(2024)001号')
    >>> release("", public=False).public
    False
    """
    given = number.strip()
    if not public:
        if given:
            fix = "对外公开的请加 --public; 内部使用的不写审图号"
            raise InputError(Problem("--review-number", "写了审图号, 但没有要求公开", _shown(given), fix))
        return Release()
    if not given:
        fix = f"请先送自然资源主管部门审核, 再用 --review-number 写审图号, 例如 {_FORMS}"
        raise InputError(Problem("--public", "没有审图号的地图不得公开", fix=fix))
    found = normal_number(given)
    if not found:
        raise InputError(_wrong(given))
    return Release(found)


def normal_number(text: str) -> str:
    """Write a review number in its normal form; empty where it is none.

    Examples
    --------
    >>> normal_number("gs（2019）1719 号"), normal_number("GS京[2022]1061"), normal_number("赣2024-1")
    ('GS(2019)1719号', 'GS京(2022)1061号', '')
    """
    plain = unicodedata.normalize("NFKC", text[:80].translate(_BRACKETS)).upper()
    plain = re.sub(r"\s+", "", plain)
    plain = re.sub(r"^审图号:?", "", plain)
    found = _NUMBER.fullmatch(plain)
    if found is None or not int(found["count"]):
        return ""
    return f"{found['office']}({found['year']}){found['count']}号"


def _wrong(text: str) -> Problem:
    return Problem("--review-number", "不是审图号", _shown(text), f"应写成 {_FORMS}")


def _shown(text: str) -> str:
    return "".join(mark if mark.isprintable() else " " for mark in text)[:40]


def for_public(world: World, results: Sequence[Result]) -> tuple[World, list[Result]]:
    """Make the world and the results that products for the public are drawn from.

    Every product is made of these, so nothing slips through by one of them. What stays of a site is listed
    (`_KEPT`), whatever else there is becomes empty: contacts, stock and its date, capacity, members,
    opening hours and houses but those of AEDs, which the public must find. Stores move to a fixed grid
    (`public_places`), times to the nearest store are raised to five minutes, and texts lose telephones,
    persons and what tells where a store is (`public_texts`). Who is covered, and every table of residents,
    stays as it is. Nothing is computed anew: the classes of a map of stores still follow from their true
    places, so that somebody with the same roads could narrow them down from the borders of the classes.

    The input stays as it is; applied twice it gives the same.
    """
    texts, grid = Texts(world, results), Grid(world.units)
    tables = _Tables(texts, grid)
    public = replace(
        world,
        layers={kind: tables.layer(layer) for kind, layer in world.layers.items()},
        resources=_Resources(world.resources, texts),
    )
    return public, [tables.result(each) for each in results]


_KEPT = {
    "id", "name", "county_code", "county", "city", "lon", "lat", "level", "status", "year", "speciality",
    "position", "source",
}  # fmt: skip
"""Attributes of a site that the public may see."""
_KEPT_OF: Mapping[str, frozenset[str]] = {"aed": frozenset({"host", "hours"})}
_PLAIN = ("units", "targets", "admin", "summary", "given_up", "schedules")
"""Tables of a result that hold no site's place."""
_ROADS = frozenset({"block", "slow", "flood", "grow"})
"""Changes that concern no site: they are told in full."""
_TOLD = _ROADS | {"open", "close", "move"}
_BRIEF = {"resize": "规模有改动", "retime": "开放时间有改动"}
"""What is told of the other changes."""


@dataclass(frozen=True)
class _Tables:
    """Makes the tables of results public."""

    texts: Texts
    grid: Grid

    def layer(self, layer: Layer) -> Layer:
        """Leave what the public may see of the sites of a layer."""
        kept = _KEPT | _KEPT_OF.get(layer.kind, frozenset())
        table = self.texts.table(_blanked(layer.table, kept))
        if layer.kind == "warehouse":
            table = self.moved(table).assign(position="近似")
        return replace(layer, table=table)

    def moved(self, table: pd.DataFrame) -> pd.DataFrame:
        """Move the sites of a table to the grid."""
        lon, lat = self.grid.rounded(table["lon"], table["lat"], table["county_code"])
        return table.assign(lon=lon, lat=lat)

    def cover(self, kind: str, cover: Cover) -> Cover:
        if kind != "warehouse":
            return cover
        return replace(cover, cost=raised(cover.cost, cover.standard.limits, _step(cover.standard)))

    def compliance(self, table: pd.DataFrame) -> pd.DataFrame:
        """Tell when the farthest resident is reached in the same steps, never past the time that is asked."""
        found = self.texts.table(table)
        if found.empty:
            return found
        step, exact, limit = STEP_S / 60, found["worst_min"], found["limit_min"]
        steps = np.ceil(exact / step) * step
        return found.assign(worst_min=steps.mask(exact <= limit, np.minimum(steps, limit)))

    def gaps(self, kind: str, table: pd.DataFrame, cover: Cover | None) -> pd.DataFrame:
        """Tell how far the nearest store is in the same steps as in the cells."""
        found = self.texts.table(table)
        if kind != "warehouse" or cover is None or table.empty:
            return found
        unit, limits = (60 if cover.standard.mode == "drive" else 1), cover.standard.limits
        cost = raised(table["cost"].to_numpy() * unit, limits, _step(cover.standard)).astype(float)
        return found.assign(cost=cost / unit, cost_text=[cover.standard.far_text(each) for each in cost])

    def added(self, table: pd.DataFrame) -> pd.DataFrame:
        found = self.texts.table(table)
        own = found["kind"] == "warehouse"
        if own.any():
            moved = self.moved(found[own])
            for name in ("lon", "lat"):
                found[name] = found[name].mask(own, moved[name])
        return found

    def done(self, table: pd.DataFrame) -> pd.DataFrame:
        """Tell of changed hours, stock and capacity only that they change."""
        if table.empty:
            return table
        found = self.texts.table(table)
        known = found["action"].isin(_TOLD)
        brief = [
            f"{name}: {_BRIEF.get(action, '有改动')}"
            for action, name in zip(found["action"], found["name"], strict=True)
        ]
        return found.assign(detail=found["detail"].where(known, brief))

    def result(self, result: Result) -> Result:
        """Make a result public, every table and text of it."""
        return _with_public_summary(self._result(result))

    def _result(self, result: Result) -> Result:
        told = self.texts
        plain: dict[str, Any] = {name: told.table(getattr(result, name)) for name in _PLAIN}
        return replace(
            result,
            **plain,
            title=told.clean(result.title),
            layers={kind: self.layer(layer) for kind, layer in result.layers.items()},
            compliance=self.compliance(result.compliance),
            covers={kind: self.cover(kind, cover) for kind, cover in result.covers.items()},
            gaps={
                kind: self.gaps(kind, table, result.covers.get(kind)) for kind, table in result.gaps.items()
            },
            added=self.added(result.added),
            done=self.done(result.done),
            costs=self.done(result.costs),
            plans=told.inside(result.plans),
            provenance=_provenance(result.provenance, told),
            notes=tuple(dict.fromkeys((NOTE, *map(told.clean, result.notes)))),
            far={kind: tuple(map(told.clean, notes)) for kind, notes in result.far.items()},
            work={},
        )


def _step(standard: Standard) -> float:
    """Seconds or metres to multiples of which what a standard measures is raised."""
    return STEP_S if standard.mode == "drive" else STEP_M


def _with_public_summary(result: Result) -> Result:
    """Tell within how long 90 % of the residents reach a store from the times that the public sees."""
    from ..scenarios.sides import p90  # noqa: PLC0415 (every process of a batch pays for what it imports)

    own = result.summary["kind"] == "warehouse" if len(result.summary) else np.zeros(0, bool)
    if "warehouse" not in result.covers or not own.any() or not result.residents.any():
        return result
    text = result.covers["warehouse"].standard.cost_text_up(p90(result, "warehouse"))
    return replace(result, summary=result.summary.assign(p90_text=result.summary["p90_text"].mask(own, text)))


def _blanked(table: pd.DataFrame, kept: Collection[str]) -> pd.DataFrame:
    """Empty the columns that are not kept: NaN for numbers, "" for texts."""
    gone = [name for name in table.columns if name not in kept]
    numbers = {name for name in gone if pd.api.types.is_numeric_dtype(table[name].dtype)}
    blank = {name: np.nan if name in numbers else "" for name in gone}
    return table.assign(**blank)


def _provenance(made: Mapping[str, Any], texts: Texts) -> dict[str, Any]:
    """Leave of the scenario what concerns no site; which sites it changes is in the tables."""
    found: dict[str, Any] = texts.inside(dict(made))
    asked = found.get("scenario") or {}
    changes = [
        {name: value if name in _ROADS else {} for name, value in each.items() if value}
        for each in asked.get("changes", [])
    ]
    kept = {name: asked.get(name, "") for name in ("name", "title", "description")}
    return found | {"scenario": kept | {"changes": changes}}


class _Resources(Mapping[str, "pd.DataFrame"]):
    """Sites of other types without house and capacity; read when they are asked for."""

    def __init__(self, own: Mapping[str, pd.DataFrame], texts: Texts) -> None:
        self._own, self._texts = own, texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def __getitem__(self, code: str) -> pd.DataFrame:
        return self._texts.table(_blanked(self._own[code], {*_KEPT, "lon", "lat", "example"}))
