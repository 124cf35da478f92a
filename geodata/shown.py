"""Texts from outside, made fit to be shown in a message: one line, bounded, without control characters."""

from __future__ import annotations

SHOWN = 60
"""Characters of a value that a message repeats."""


def shown(value: object) -> str:
    """Write a cell on one line of at most ``SHOWN`` characters, without control characters.

    Examples
    --------
    >>> shown("第一行" + chr(10) + "第二行"), shown(None), shown(3.0)
    ('第一行 第二行', '', '3.0')
    """
    if value is None:
        return ""
    text = str(value)[: 4 * SHOWN]
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def clean_name(name: str) -> str:
    """Write a file name so that it can be shown and encoded: undecodable bytes as GBK, no control characters.

    Examples
    --------
    >>> clean_name("南昌.csv".encode("gbk").decode("utf-8", "surrogateescape")), clean_name("a\\tb")
    ('南昌.csv', 'a b')
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        name = name.encode("utf-8", "surrogateescape").decode("gb18030", "replace")
    return "".join(char if char.isprintable() else " " for char in name)
