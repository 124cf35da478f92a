"""What actions cost, as an office states it: boai knows no price of its own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .fields import Line
from .reading import Model

Price = Annotated[float, Field(strict=False, ge=0, le=1e12)]
"""A price in the unit of the table."""


class Costs(Model):
    """Prices of actions by layer, in one unit; what is not listed has no known price."""

    unit: Line = "万元"
    open: Annotated[dict[str, Price], Field(max_length=20)] = Field(default_factory=dict)
    """Layer → price of one new site."""
    close: Annotated[dict[str, Price], Field(max_length=20)] = Field(default_factory=dict)
    move: Annotated[dict[str, Price], Field(max_length=20)] = Field(default_factory=dict)
