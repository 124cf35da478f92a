"""A way in words: which roads, how far, in an order that can be read out over the phone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Leg = tuple[str, float]
"""A road's name, empty where it has none, and its metres."""

_SHORT_M = 100.0
"""An unnamed stretch shorter than this is a ramp or a crossing, and is not read out (an assumption, 假设)."""


def legs(stretches: Iterable[Leg]) -> list[Leg]:
    """Join the stretches of one road, and leave out what nobody would say.

    A road goes on where one name continues the other, as G45 and G45 大广高速 do; the name of the longest
    stretch is shown.
    """
    found: list[tuple[str, Leg, float]] = []  # what the names have in common, longest stretch, metres of all
    for name, metres in stretches:
        if not name and metres < _SHORT_M:
            continue
        common = _common(found[-1][0], name) if found else None
        if common is None:
            found.append((name, (name, metres), metres))
        else:
            _, longest, whole = found[-1]
            found[-1] = common, max(longest, (name, metres), key=lambda leg: leg[1]), whole + metres
    return [(name, metres) for _, (name, _), metres in found]


def _common(one: str, other: str) -> str | None:
    """Return the shorter of two names of one road, None where they are of two roads."""
    short, long = sorted((one, other), key=len)
    same = short == long or (short and long.startswith(f"{short} "))
    return short if same else None


def sentence(found: Sequence[Leg], *, most: int) -> str:
    """Say a way in one line; of more than ``most`` roads the longest, in the order of driving.

    Examples
    --------
    >>> sentence([("G45 大广高速", 62_140.0), ("", 2_000.0), ("修平高速", 30_210.0)], most=2)
    'G45 大广高速 62.1 公里 → 修平高速 30.2 公里 等 3 段'
    """
    order = sorted(range(len(found)), key=lambda at: (-found[at][1], at))
    text = " → ".join(leg_text(found[at]) for at in sorted(order[:most]))
    return text + (f" 等 {len(found)} 段" if len(found) > most else "")


def leg_text(leg: Leg) -> str:
    """Say a road and how far it is followed.

    Examples
    --------
    >>> leg_text(("G45 大广高速", 62_140.0)), leg_text(("", 40.0))
    ('G45 大广高速 62.1 公里', '无名道路 不到 0.1 公里')
    """
    name, metres = leg
    km = f"{metres / 1000:.1f}" if metres >= 50 else "不到 0.1"
    return f"{name or '无名道路'} {km} 公里"
