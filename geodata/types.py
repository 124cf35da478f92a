"""Resource types as data: what an AED, a store, a team … is described by (``tables/types.yaml``)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

from .errors import InputError, Problem

AttributeType = Literal[
    "text", "phone", "integer", "number", "bool", "date", "choice", "stock", "hours", "longitude", "latitude"
]

COMMON: tuple[str, ...] = (
    "id", "name", "city", "county", "county_code", "township", "address", "lon", "lat", "crs", "orig_x",
    "orig_y", "orig_crs", "position", "level", "host", "status", "year", "owner", "keeper", "deputy", "phone",
    "hours", "capacity", "stock", "stock_date", "readiness_min", "source", "verified_on",
)  # fmt: skip
"""Names of the attributes that every type has, in order; the same as in ``tables/types.yaml`` (tested)."""


@lru_cache(maxsize=65536)
def normal(text: str) -> str:
    """Bring a header or a word of a choice to one form: half width, lower case, letters and digits only.

    Examples
    --------
    >>> normal(" 县（市、区） "), normal("响应准备(分)"), normal("County_Code"), normal("ＡＥＤ编号*")
    ('县市区', '响应准备分', 'countycode', 'aed编号')
    """
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


@dataclass(frozen=True)
class Attribute:
    """One attribute of a resource type: what its column holds and how offices write its header."""

    name: str
    """English code: the column of the registry."""
    title: str
    """Chinese header, unique within a type, as templates and exports write it."""
    type: AttributeType
    meaning: str
    """Chinese: what to fill in; one or two sentences."""
    unit: str = ""
    default: Any = None
    required: bool = False
    allowed: tuple[str, ...] = ()
    """Canonical values of a choice; empty: any."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Other spellings of a value → canonical value."""
    open: bool = False
    """Whether a choice may hold other values too (a warning, not an error)."""
    minimum: float | None = None
    maximum: float | None = None
    synonyms: tuple[str, ...] = ()
    """Other headers that mean this attribute, without blanks, punctuation and units, the likelier first."""
    common: bool = True
    """Whether all types have it (a column of its own in the registry)."""
    instead: tuple[str, ...] = ()
    """Attributes whose cell stands in where this one has no column or an empty cell, such as a site's host
    for its name; the first that holds something."""
    items: tuple[str, ...] = ()
    """Of a stock: headers of columns that hold the number of one item each."""
    example: str = ""
    """What a cell may look like, for the sheet of explanations of a template."""

    @property
    def headers(self) -> tuple[str, ...]:
        """Every header that means it, in the form of ``normal``: title, code, synonyms, with the unit too."""
        words = (self.title, self.name, *self.synonyms)
        units = [normal(word + self.unit) for word in (self.title, *self.synonyms)] if self.unit else []
        return tuple(dict.fromkeys([*map(normal, words), *units]))

    @cached_property
    def choices(self) -> Mapping[str, str]:
        """Every spelling of a choice in the form of ``normal`` → canonical value; empty for other types."""
        spellings = {normal(word): value for word, value in self.words.items()}
        return {**spellings, **{normal(value): value for value in self.allowed}}


@dataclass(frozen=True)
class ResourceType:
    """A type of resource or of candidate host."""

    code: str
    title: str
    role: Literal["resource", "host"]
    meaning: str
    synonyms: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    """Common ones, then its own."""
    without: tuple[str, ...] = ()
    """Common attributes that hardly any site of this type has: templates and forms leave them out, a file
    that has them is read all the same."""

    @property
    def own(self) -> tuple[Attribute, ...]:
        """Attributes that only this type has, or few types."""
        return tuple(attribute for attribute in self.attributes if not attribute.common)

    def attribute(self, name: str) -> Attribute:
        """Return the attribute of that code; raises ``KeyError``."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Attribute]:
        return {attribute.name: attribute for attribute in self.attributes}

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """Every known header in the form of ``normal`` → name of its one attribute."""
        return {text: attribute.name for attribute in self.attributes for text in attribute.headers}


@cache
def load_types() -> Mapping[str, ResourceType]:
    """Read the embedded types: code → type, in the order of the file; read once, not to be changed.

    Examples
    --------
    >>> list(load_types())[:4], load_types()["team"].attribute("speciality").allowed[:3]
    (['aed', 'aid_unit', 'home', 'warehouse'], ('赈济', '医疗', '供水'))
    """
    from .type_schema import embedded  # noqa: PLC0415 (yaml is slow to import, and the desk does without)

    return embedded()


def read_types(path: Path) -> Mapping[str, ResourceType]:
    """Read an office's own schema file and return the embedded types extended by those in it.

    The file has the key ``types`` and may have ``shared``, both written as in ``tables/types.yaml``; the
    common attributes are given, and a type of the file may change their meaning or add synonyms.

    Raises
    ------
    InputError
        Every mistake with the path of its key: unknown keys, wrong values, ambiguous headers, double codes.
    """
    from .type_schema import extended  # noqa: PLC0415 (yaml is slow to import, and the desk does without)

    return extended(path)


def find_type(text: str, types: Mapping[str, ResourceType] | None = None) -> ResourceType:
    """Return the type of that code, Chinese title or synonym; raises ``InputError`` naming those that exist.

    Examples
    --------
    >>> find_type("自动体外除颤器").code, find_type("备灾仓库").code, find_type(" AED ").code
    ('aed', 'warehouse', 'aed')
    """
    known = load_types() if types is None else types
    wanted = normal(text)
    for rtype in known.values():
        if wanted and wanted in map(normal, (rtype.code, rtype.title, *rtype.synonyms)):
            return rtype
    names = "、".join(f"{rtype.code}({rtype.title})" for rtype in known.values())
    got = "".join(char if char.isprintable() else " " for char in text)[:40]
    raise InputError(Problem("资源类型", f"没有这个类型, 可用的有 {names}", got, "请改用其中之一"))
