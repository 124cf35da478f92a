"""Conditional restrictions (``no @ (weight>3.5)``): what a vehicle of known size always meets."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

from .quantities import length_m, tidy, weight_t

Tags = Mapping[str, str]

_RULE = re.compile(r"([^@;()]+)@([^;()]*(?:\([^()]*\)\s*)?)(?:;|$)")
_TERM = re.compile(r"([a-z]+)\s*(<=|>=|==|<|>|=)\s*(.+)")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "=": operator.eq, "==": operator.eq,
}  # fmt: skip
_SIZES: Mapping[str, tuple[str, Callable[[str], float | None]]] = {
    "weight": ("weight_t", weight_t),
    "weightrating": ("weight_t", weight_t),
    "axleload": ("axle_t", weight_t),
    "height": ("height_m", length_m),
    "width": ("width_m", length_m),
    "length": ("length_m", length_m),
}
"""Word of a condition → size of the vehicle, reader of its figure."""


def conditional(text: str, vehicle: Mapping[str, float]) -> tuple[str, bool]:
    """Read the value of a key that ends with ``:conditional``.

    Of several rules the last that is met counts (OpenStreetMap wiki, Conditional restrictions). Rules by
    hour, weather or purpose are never taken for met.

    Returns
    -------
    value
        The value that always holds for a vehicle of these sizes, "" where none does.
    open
        Whether another rule may hold at times, or cannot be read.

    Examples
    --------
    >>> conditional("no @ (weight>3.5)", {"weight_t": 18.0})
    ('no', False)
    >>> conditional("no @ (weight>40); destination @ (06:00-09:00)", {"weight_t": 18.0})
    ('', True)
    """
    rest = tidy(text)
    value, unsure = "", rest == "" != text
    while rest and (rule := _RULE.match(rest)):
        met = _met(rule[2].strip().removeprefix("(").removesuffix(")"), vehicle)
        if met:
            value, unsure = rule[1].strip(), False
        unsure = unsure or met is None
        rest = rest[rule.end() :].strip()
    return value, unsure or rest != ""


def stated(tags: Tags, key: str, vehicle: Mapping[str, float]) -> str | None:
    """Return what a key says to a vehicle: first a condition that it always meets, else the plain value.

    None where it says nothing.
    """
    if (text := tags.get(f"{key}:conditional")) is not None:
        value, _ = conditional(text, vehicle)
        if value:
            return value
    return tags.get(key)


def _met(text: str, vehicle: Mapping[str, float]) -> bool | None:
    """Tell whether terms joined by ``and`` all hold; None where that cannot be said."""
    found = [_term(term.strip(), vehicle) for term in text.split(" and ")]
    if False in found:
        return False
    return None if None in found else True


def _term(text: str, vehicle: Mapping[str, float]) -> bool | None:
    term = _TERM.fullmatch(text)
    size, read = _SIZES.get(term[1], ("", length_m)) if term else ("", length_m)
    limit = read(term[3].strip()) if term else None
    if term is None or limit is None or size not in vehicle:
        return None
    return _COMPARE[term[2]](vehicle[size], limit)
