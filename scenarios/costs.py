"""What actions cost, as an office states it: boai knows no price of its own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from ..geodata.layers import KIND_NAMES
from .fields import Line, Money, Short
from .reading import Model

OTHER = "其他"
"""Level that stands for all levels which are not listed."""


def _by_level(value: Any) -> Any:
    """Write one price of a layer as that of all its levels; what is no table is left to the model."""
    if not isinstance(value, Mapping):
        return value
    return {kind: price if isinstance(price, Mapping) else {OTHER: price} for kind, price in value.items()}


def _known_kinds(value: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Refuse layers that there are not: a price nobody would find must not be passed over."""
    for kind in value:
        if kind not in KIND_NAMES:
            close = difflib.get_close_matches(kind, KIND_NAMES, n=1, cutoff=0.5)
            fix = f"是否想写 {close[0]}?" if close else f"可用: {', '.join(KIND_NAMES)}"
            raise ValueError(f"没有图层 {kind[:40]}; {fix}")
    return value


Prices = Annotated[
    dict[str, Annotated[dict[Short, Money], Field(max_length=20)]],
    Field(max_length=20),
    BeforeValidator(_by_level, json_schema_input_type=dict[str, Money | dict[Short, Money]]),
    AfterValidator(_known_kinds),
]
"""Layer → level → price; a layer with one price for all levels may be written ``warehouse: 80``."""


class Costs(Model):
    """Prices of actions by layer, in one unit; what is not listed has no known price.

    Examples
    --------
    >>> costs = Costs(open={"warehouse": {"县级": 80, "市级": 200}, "home": 10})
    >>> [costs.price("open", *site) for site in (("warehouse", "市级"), ("home", "省级"))]
    [200.0, 10.0]
    >>> costs.price("open", "warehouse", "省级") is None and costs.price("open", "aed", "") is None
    True
    """

    model_config = ConfigDict(title="价格")

    unit: Line = Field(default="万元", description="所有价格的单位, 默认 万元")
    open: Prices = Field(
        default_factory=dict, description="新设一处: 图层 → 价格, 或 图层 → 级别 → 价格 (其他: 未列出的级别)"
    )
    close: Prices = Field(default_factory=dict, description="撤销一处")
    move: Prices = Field(default_factory=dict, description="迁移一处, 按它的级别")
    resize: Prices = Field(default_factory=dict, description="一处改变容量、库存或人数")
    retime: Prices = Field(default_factory=dict, description="一处改变开放时间")

    def price(self, action: str, kind: str, level: str = "") -> float | None:
        """Find the price of an action on one site of a layer and level; None where nobody stated one."""
        table = getattr(self, action) if action in PRICED else {}
        prices: Mapping[str, float] = table.get(kind, {})
        return prices.get(level, prices.get(OTHER))

    @property
    def stated(self) -> bool:
        """Whether any price is stated."""
        return any(getattr(self, action) for action in PRICED)


PRICED = ("open", "close", "move", "resize", "retime")
"""Actions that are paid for; roads and residents that change are circumstances."""
