"""Kinds of values that the files of people hold: text without control characters, names, years, places."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ..geodata.layers import KIND_NAMES, Kind


def printable(text: str) -> str:
    """Refuse control characters but line feeds: raises ``ValueError``."""
    if not all(char.isprintable() or char == "\n" for char in text):
        raise ValueError("含有控制字符")
    return text


def kind_of(value: Any) -> Any:
    """Turn the Chinese name of a layer into its code; anything else is left for the check that follows.

    Examples
    --------
    >>> kind_of("备灾仓库"), kind_of("team"), kind_of(3)
    ('warehouse', 'team', 3)
    """
    codes: dict[str, Kind] = {name: kind for kind, name in KIND_NAMES.items()}
    return codes.get(value, value) if isinstance(value, str) else value


def listed(value: Any) -> Any:
    """Make a list of what may be written alone: ``G60`` as ``[G60]``; None stays."""
    return value if value is None or isinstance(value, list | tuple) else (value,)


Text = Annotated[str, Field(max_length=2000), AfterValidator(printable)]
"""Any text for people: no control characters; whoever shows it neutralises markup."""

Line = Annotated[
    str, Field(min_length=1, max_length=80, pattern=r"^[^\n]*\S[^\n]*$"), AfterValidator(printable)
]
"""One line of text that is not blank."""

Short = Annotated[str, Field(max_length=20), AfterValidator(printable)]
"""A word such as a level; may be empty."""

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")]
"""A name that is safe as a file name."""

_KindName = Literal["AED", "博爱家园", "备灾仓库", "救援队", "培训基地"]
"""Those of ``KIND_NAMES`` (tested)."""

LayerKind = Annotated[Kind, BeforeValidator(kind_of, json_schema_input_type=Kind | _KindName)]
"""A layer, by its code or its Chinese name."""

Year = Annotated[int, Field(ge=2000, le=2100)]
Longitude = Annotated[float, Field(ge=73.0, le=136.0)]
Latitude = Annotated[float, Field(ge=3.0, le=54.0)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""A whole number of persons or devices."""
Money = Annotated[float, Field(ge=0, le=1e12)]
"""An amount in the unit of the scenario's prices."""
