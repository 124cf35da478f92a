"""Requests for new sites, as they are written in the file of a scenario."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ..geodata.layers import Kind
from .fields import Text, Year, printable
from .reading import Model


class Siting(Model):
    """A request to place new sites of a kind in a year."""

    kind: Kind
    year: Year
    rule: Literal["mclp", "each_county", "each_city"] = "mclp"
    """``mclp``: where they cover the most residents; ``each_…``: at the seat of every unit that lacks one."""
    number: Annotated[int, Field(ge=1, le=5000)] | None = None
    """Sites to place by ``mclp``."""
    level: Annotated[str, Field(max_length=20), AfterValidator(printable)] = ""
    """Level that the new sites get."""
    candidates: Literal["settlements", "seats", "cells"] | None = None
    """Where sites may go; by default settlements for driving, populous cells for walking."""
    limit: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Limit that counts as covered, minutes (driving) or metres (walking); by default the main limit."""
    note: Text = ""

    @model_validator(mode="after")
    def _number(self) -> Self:
        if self.rule == "mclp" and self.number is None:
            raise ValueError("rule 为 mclp 时应写明 number (新增几处)")
        if self.rule != "mclp" and (self.number, self.candidates, self.limit) != (None, None, None):
            raise ValueError("rule 为 each_county 或 each_city 时不写 number、candidates、limit")
        return self
