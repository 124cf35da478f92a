"""Names of files and folders made of titles that anybody may have written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_MOST = 30
_RESERVED = re.compile(r"(con|prn|aux|nul|clock\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
"""Names of devices of Windows, whatever follows the point (Microsoft, "Naming Files and Paths")."""


def safe_name(title: str, *, otherwise: str = "方案") -> str:
    """Make a title safe as the name of a file on every system: letters, digits, ``-_ ()`` and no more.

    Examples
    --------
    >>> safe_name("2022-2024 年计划"), safe_name("../../etc/<b>:*?"), safe_name("con.txt"), safe_name(" . ")
    ('2022-2024 年计划', 'etc_b', '_con_txt', '方案')
    """
    text = unicodedata.normalize("NFC", title)
    kept = "".join(mark if mark.isalnum() or mark in "-_ ()" else "_" for mark in text)
    short = re.sub(r"_+", "_", re.sub(r" +", " ", kept)).strip("_ ")[:_MOST].strip("_ -")
    while len(short.encode()) > 4 * _MOST:
        short = short[:-1]
    return (
        f"_{short}" if _RESERVED.fullmatch(title.strip()) or _RESERVED.fullmatch(short) else short
    ) or otherwise


def distinct(titles: Iterable[str]) -> list[str]:
    """Make titles safe as names of files, no two of which are the same, whatever the case of their letters.

    Examples
    --------
    >>> distinct(["a/b", "A?B", "现状", "现状"])
    ['a_b', 'A_B_2', '现状', '现状_2']
    """
    taken: set[str] = set()
    found = []
    for title in titles:
        name = first = safe_name(title)
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{first}_{number}"
        taken.add(name.casefold())
        found.append(name)
    return found
