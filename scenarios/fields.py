"""Kinds of values that the files of people hold: text without control characters, names, years, places."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def printable(text: str) -> str:
    """Refuse control characters but line feeds: raises ``ValueError``."""
    if not all(char.isprintable() or char == "\n" for char in text):
        raise ValueError("含有控制字符")
    return text


Text = Annotated[str, Field(max_length=2000), AfterValidator(printable)]
"""Any text for people: no control characters; whoever shows it neutralises markup."""

Line = Annotated[
    str, Field(min_length=1, max_length=80, pattern=r"^[^\n]*\S[^\n]*$"), AfterValidator(printable)
]
"""One line of text that is not blank."""

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")]
"""A name that is safe as a file name."""

Year = Annotated[int, Field(ge=2000, le=2100)]
Longitude = Annotated[float, Field(ge=73.0, le=136.0)]
Latitude = Annotated[float, Field(ge=3.0, le=54.0)]
