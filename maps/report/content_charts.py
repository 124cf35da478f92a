"""Charts of a report: who is covered before and after, what each base adds, how far the nearest site is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...geodata.layers import KIND_NAMES, Kind
from .. import style
from .facts_charts import BASES, CITIES, WAYS
from .model import Chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...scenarios.run import Result
    from ...scenarios.world import World

SIZE, LOW = (85.0, 47.0), (85.0, 36.0)
"""Millimetres of a chart; the second where many scenarios take the room."""


def cities(results: Sequence[Result], kind: Kind, size: tuple[float, float]) -> Chart:
    """Draw the cover of the cities, before and after."""

    def draw(width: float, height: float) -> Figure:
        from .. import charts  # noqa: PLC0415 (matplotlib is slow to import)

        return charts.cities(results, kind, width, height, titled=False)

    name = style.spaced(KIND_NAMES[kind]).strip()
    text = f"各设区市{name}的覆盖比例，现状和各方案；数字在附表“{CITIES}”。"
    return Chart(f"{name}：各设区市的覆盖", draw, *size, text, half=True)


def bases(results: Sequence[Result], kind: Kind, size: tuple[float, float] = SIZE) -> Chart:
    """Draw what each new base adds."""

    def draw(width: float, height: float) -> Figure:
        from .. import charts  # noqa: PLC0415

        return charts.bases(results, kind, width, height, titled=False)

    name = style.spaced(KIND_NAMES[kind]).strip()
    text = f"每新增一处{name}后的累计覆盖比例，每个方案一条线；数字在附表“{BASES}”。"
    return Chart(f"{name}：每新增一{style.UNITS[kind]}，覆盖多少", draw, *size, text, half=True)


def minutes(world: World, results: Sequence[Result], kind: Kind, size: tuple[float, float] = SIZE) -> Chart:
    """Draw how many residents are within each time of their nearest site."""

    def draw(width: float, height: float) -> Figure:
        from .. import charts  # noqa: PLC0415

        return charts.minutes(world, results, kind, width, height, titled=False)

    name = style.spaced(KIND_NAMES[kind]).strip()
    by = "时间" if results[0].covers[kind].standard.mode == "drive" else "距离"
    text = f"到最近一处{name}的{by}以内的居民比例，现状和各方案各一条线；数字在附表“{WAYS}”。"
    return Chart(f"{name}：多少{by}以内够得着", draw, *size, text, half=True)
