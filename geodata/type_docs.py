"""The page ``docs/types.md``: every resource type and attribute, written from the schema.

Written anew by ``python -m boai.geodata.type_docs docs/types.md``; a test holds the page to the schema.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from .store import write_text
from .type_schema import ATTRIBUTE_KEYS, ATTRIBUTE_TYPES, CHANGE_KEYS, common_attributes
from .types import Attribute, ResourceType, load_types

_INTRO = """\
# Resource types and candidate hosts

Written from `geodata/tables/types.yaml` by `python -m boai.geodata.type_docs docs/types.md`, never by hand.
The schema drives the intake (which headers and values are understood), the registry, the Excel templates
and this page.

A header is compared without blanks, brackets, punctuation, case and full-width forms: `县（市、区）`,
`县市区` and ` 县 市 区 ` are one. No header means two attributes of a type. 序号 and 备注 mean nothing on
purpose: a running number is no lasting id, and what is not mapped is kept as an extra column. What the rules
of the Red Cross leave open (what a 一级 store is, how teams are graded) stays a plain word.

## An office's own types

A YAML file with the key `types`, written as in `geodata/tables/types.yaml`, extends the embedded types
without code (`boai.geodata.types.read_types(path)`). It may have `shared` attributes of its own and use those
of the embedded file. All mistakes are told at once with the path of the key.

```yaml
types:
  boat:
    title: 冲锋舟
    role: resource                # or host: a place where a base may be set up
    meaning: 救援用的冲锋舟, 一行一艘
    synonyms: [救生艇]
    without: [hours]              # common attributes that its template leaves out
    common:
      capacity: {meaning: 一次能载的人数, synonyms: [载员]}
    own:
      brand:                      # a shared attribute, as it is
      engine_kw:
        title: 功率(千瓦)
        type: number
        unit: 千瓦
        minimum: 0
        meaning: 发动机的功率
        synonyms: [功率]
```

- Keys of an own attribute: %(keys)s.
- What a type may change of a common attribute: %(change)s. Synonyms are added; `except` takes some away.
- What an attribute may hold: %(types)s (the last two are for the common ones).
"""

_HEAD = "| attribute | header | holds | meaning | other headers |\n|---|---|---|---|---|"


def describe(types: Mapping[str, ResourceType]) -> str:
    """Write the page: the common attributes once, then each type with its own and what it changes."""
    keys = {"change": CHANGE_KEYS, "keys": ATTRIBUTE_KEYS, "types": ATTRIBUTE_TYPES}
    parts = [_INTRO % {name: ", ".join(texts) for name, texts in keys.items()}]
    common = common_attributes()
    parts += ["## Common attributes\n", _table(common.values()), ""]
    parts += [_type(rtype, common) for rtype in types.values()]
    return "\n".join(parts)


def _type(rtype: ResourceType, common: Mapping[str, Attribute]) -> str:
    host = " (candidate host)" if rtype.role == "host" else ""
    lines = [f"## {rtype.title} `{rtype.code}`{host}\n", f"{rtype.meaning}。", ""]
    lines += [f"Also called {'、'.join(rtype.synonyms)}.", ""] if rtype.synonyms else []
    lines += [_table(rtype.own), ""] if rtype.own else []
    for name, plain in common.items():
        lines += _changes(rtype.attribute(name), plain)
    if rtype.without:
        lines.append(f"- left out of its template: {', '.join(f'`{name}`' for name in rtype.without)}")
    return "\n".join([*lines, ""])


def _changes(attribute: Attribute, plain: Attribute) -> list[str]:
    """Say what a type changes of a common attribute."""
    said = []
    if (attribute.meaning, attribute.unit, attribute.default) != (plain.meaning, plain.unit, plain.default):
        default = "" if attribute.default is None else f", default {attribute.default}"
        said.append(f"{attribute.meaning} ({_holds(attribute)}{default})")
    more = [text for text in attribute.synonyms if text not in plain.synonyms]
    less = [text for text in plain.synonyms if text not in attribute.synonyms]
    said += [f"also {'、'.join(more)}"] if more else []
    said += [f"not {'、'.join(less)}"] if less else []
    return [f"- `{attribute.name}` {attribute.title}: {'; '.join(said)}"] if said else []


def _table(attributes: Iterable[Attribute]) -> str:
    rows = [
        f"| `{each.name}` | {each.title}{' (required)' if each.required else ''} | {_holds(each)} "
        f"| {each.meaning} | {'、'.join(each.synonyms)} |"
        for each in attributes
    ]
    return "\n".join([_HEAD, *rows])


def _holds(attribute: Attribute) -> str:
    """Say what a column may hold: type, unit, range or values."""
    low, high = attribute.minimum, attribute.maximum
    limits = "" if low is None and high is None else f" {_number(low)} to {_number(high)}"
    text = attribute.type + limits + (f" {attribute.unit}" if attribute.unit else "")
    if attribute.allowed:
        text += f": {'、'.join(attribute.allowed)}{', or other' if attribute.open else ''}"
    return text


def _number(bound: float | None) -> str:
    return "…" if bound is None else f"{bound:.15g}"


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), describe(load_types()))
