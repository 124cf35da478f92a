"""Changes that a scenario makes, as they are written in its file."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from ..geodata.layers import Kind
from .fields import Latitude, Line, Longitude, Year, printable
from .reading import Model


class Open(Model):
    """A new site at a given place (WGS84)."""

    kind: Kind
    name: Line
    lon: Longitude
    lat: Latitude
    year: Year
    id: Line | None = None
    """By default made from the kind and a running number."""
    level: Annotated[str, Field(max_length=20), AfterValidator(printable)] = ""


class Close(Model):
    """An existing site, or one opened earlier in the same scenario, that is given up."""

    kind: Kind
    id: Line


class Move(Model):
    """An existing site that moves to another place (WGS84) with all that it has."""

    kind: Kind
    id: Line
    lon: Longitude
    lat: Latitude


class Change(Model):
    """One action: exactly one of its keys."""

    open: Open | None = None
    close: Close | None = None
    move: Move | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(action is not None for action in (self.open, self.close, self.move)) != 1:
            raise ValueError("每项改动应恰好写 open、close、move 之一")
        return self
