"""The standards of an office: the defaults, and the file in its workspace that changes them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..coverage.standards import Cited, Reference, Rule, Standard
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind
from ..geodata.store import write_text
from ..geodata.yamlfile import read_text
from .outputs import check_new
from .workspace import MANIFEST, open_workspace, writing

if TYPE_CHECKING:
    from ..coverage.standard_file import StandardFile

OWN_FILE = "standards.yaml"
"""The file of a workspace that changes the defaults."""

TOPICS = {"density": "密度", "venue": "场所配置", "effect": "效果", "size": "规模", "response": "响应"}


def office_standards(root: Path) -> StandardFile:
    """Return the standards, rules and figures to compare with that hold in a workspace.

    Raises
    ------
    InputError
        The office's own file is damaged: every problem, and how to do without it.
    """
    from ..coverage.standard_file import read  # noqa: PLC0415 (yaml is slow to import)

    path = root / OWN_FILE
    if not os.path.lexists(path):
        return read(None)
    try:
        return read(path)
    except InputError as error:
        fix = f"请改正, 或恢复默认: boai standards reset -w {root}"
        raise InputError([*error.problems, Problem(str(path), "本单位的服务标准不能用", fix=fix)]) from None


def show(root: Path, kind: str | None = None) -> dict[str, Any]:
    """List every value that holds in a workspace with its source and confidence; all kinds, or one."""
    from ..coverage.standard_file import read  # noqa: PLC0415 (yaml is slow to import)
    from ..geodata.registry import check_kind  # noqa: PLC0415 (slow to import)

    kinds = list(KIND_NAMES) if kind is None else [check_kind(kind)]
    found, default = office_standards(root), read(None)
    rows = [
        {
            "kind": one,
            "layer": KIND_NAMES[one],
            "key": each.key,
            "item": _item(each.key),
            "value": each.value,
            "source": each.source,
            "confidence": each.confidence,
            "note": each.note,
            "changed": each not in default.standards[one].cited,
        }
        for one in kinds
        for each in found.standards[one].cited
    ]
    dropped = [row for row in _value_differences(found, default) if not row["value"] and row["kind"] in kinds]
    return {
        "workspace": str(root),
        "is_workspace": (root / MANIFEST).exists(),
        "file": str(root / OWN_FILE) if os.path.lexists(root / OWN_FILE) else None,
        "rows": rows,
        "dropped": dropped,
        "rules": [_rule_row(rule, rule not in default.rules) for rule in found.rules if rule.kind in kinds],
        "references": [_reference_row(each) for each in found.references if each.kind in kinds],
    }


def _item(path: str) -> str:
    from ..coverage.standard_keys import title_of  # noqa: PLC0415 (the module of the answers loads fast)

    return title_of(path)


def _rule_row(rule: Rule, changed: bool) -> dict[str, Any]:
    levels = "、".join(rule.site_levels) or "不限"
    return {**asdict(rule), "layer": KIND_NAMES[rule.kind], "levels": levels, "changed": changed}


def _reference_row(reference: Reference) -> dict[str, Any]:
    return {
        **asdict(reference),
        "layer": KIND_NAMES[reference.kind],
        "topic_text": TOPICS[reference.topic],
        "value_text": _number(reference),
    }


def _number(reference: Reference) -> str:
    return "" if reference.value is None else f"{reference.value:,.10g} {reference.unit}"


def export(root: Path, to: Path, *, defaults: bool = False, overwrite: bool = False) -> dict[str, Any]:
    """Write what holds in a workspace (or the defaults) as a file that an office edits."""
    from ..coverage.standard_file import read  # noqa: PLC0415 (yaml is slow to import)
    from ..coverage.standard_text import to_yaml  # noqa: PLC0415

    check_new(to, overwrite=overwrite)
    if not to.parent.is_dir():
        raise InputError(Problem(str(to), "文件夹不存在, 没有写出", str(to.parent), "请先建立文件夹"))
    write_text(to, to_yaml(read(None) if defaults else office_standards(root)))
    return {"file": str(to), "defaults": defaults or not os.path.lexists(root / OWN_FILE)}


def check(file: Path) -> dict[str, Any]:
    """Read an office's file and list what differs from the defaults; raises ``InputError``."""
    from ..coverage.standard_file import read  # noqa: PLC0415 (yaml is slow to import)

    return {"file": str(file), "differences": _differences(read(file), read(None))}


def use(root: Path, file: Path) -> dict[str, Any]:
    """Check a file and make it the office's own; what stood there is kept beside it."""
    from ..coverage.standard_file import parse, read  # noqa: PLC0415 (yaml is slow to import)

    text = read_text(file, str(file))
    found = parse(text, str(file))
    open_workspace(root)
    path = root / OWN_FILE
    with writing(root):
        kept = None if _same(path, text) else _keep(path)
        write_text(path, text)
    return {"file": str(path), "kept": kept, "differences": _differences(found, read(None))}


def reset(root: Path) -> dict[str, Any]:
    """Go back to the defaults; the office's own file is kept under another name."""
    open_workspace(root)
    path = root / OWN_FILE
    with writing(root):
        kept = _keep(path)
        if kept:
            path.unlink(missing_ok=True)
    return {"file": str(path), "kept": kept}


def _same(path: Path, text: str) -> bool:
    try:
        return read_text(path, path.name) == text
    except InputError:
        return False


def _keep(path: Path) -> str | None:
    """Copy what stands at a path to the next free name beside it; None where nothing stands there.

    A copy, so that the file is there until another takes its place. What is no plain file is moved.
    """
    if not os.path.lexists(path):
        return None
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.stem}.old-{number}{path.suffix}")):
        number += 1
    if path.is_file() and not path.is_symlink():
        shutil.copyfile(path, aside)
    else:
        path.rename(aside)
    return str(aside)


def _differences(found: StandardFile, default: StandardFile) -> list[dict[str, Any]]:
    """List values, rules and references that are not the defaults."""
    return [
        *_value_differences(found, default),
        *_text_differences(found, default),
        *_row_differences(
            "行政配置要求",
            [(each.kind, _rule_cited(each)) for each in found.rules],
            [(each.kind, _rule_cited(each)) for each in default.rules],
        ),
        *_row_differences(
            "参考值",
            [(each.kind, _reference_cited(each)) for each in found.references],
            [(each.kind, _reference_cited(each)) for each in default.references],
        ),
    ]


def _value_differences(found: StandardFile, default: StandardFile) -> Iterator[dict[str, Any]]:
    """List the figures that differ in value or source, those that were dropped last."""
    for kind in KIND_NAMES:
        old, new = ({each.key: each for each in side.standards[kind].cited} for side in (default, found))
        for key, each in new.items():
            if each != old.get(key):
                yield _difference(kind, key, _item(key), each, old[key].value if key in old else "")
        for key, each in old.items():
            if key not in new:
                yield _difference(kind, key, _item(key), None, each.value)


def _text_differences(found: StandardFile, default: StandardFile) -> Iterator[dict[str, Any]]:
    """List the words of a resource type that differ: its name, the source of the whole, the notes."""
    for kind in KIND_NAMES:
        now, was = _words(found.standards[kind]), _words(default.standards[kind])
        for title, text in now.items():
            if text != was[title]:
                yield {**_difference(kind, "", title, None, was[title]), "value": text}


def _words(standard: Standard) -> dict[str, str]:
    """Return the words that the file itself states, without what follows from its values."""
    from ..coverage.standard_file import CHANGED  # noqa: PLC0415 (yaml is slow to import)

    of_values = {each.note for each in standard.cited}
    source, changed, _ = standard.source.partition(CHANGED)
    return {
        "名称": standard.name,
        "总的来源": source,
        **({} if changed else {"总的可信度": standard.confidence}),
        "说明": " ".join(note for note in standard.notes if note not in of_values),
    }


def _difference(kind: Kind, key: str, item: str, now: Cited | None, was: str) -> dict[str, Any]:
    """Make one row; an empty value was dropped, an empty default is new."""
    return {
        "kind": kind,
        "layer": KIND_NAMES[kind],
        "key": key,
        "item": item,
        "value": now.value if now else "",
        "default": was,
        "source": now.source if now else "",
        "confidence": now.confidence if now else "",
        "note": now.note if now else "",
    }


def _rule_cited(rule: Rule) -> Cited:
    levels = f", 级别 {'、'.join(rule.site_levels)}" if rule.site_levels else ""
    text = f"{rule.text} (每{rule.unit}至少{rule.minimum}处{levels})"
    return Cited("rules", text, rule.source, rule.confidence, rule.note)


def _reference_cited(each: Reference) -> Cited:
    text = f"{each.name} {_number(each)}".strip()
    return Cited("references", text, each.source, each.confidence, each.note)


def _row_differences(
    item: str, now: Sequence[tuple[Kind, Cited]], was: Sequence[tuple[Kind, Cited]]
) -> Iterator[dict[str, Any]]:
    """List rules or references that only one side has."""
    for kind, each in now:
        if (kind, each) not in was:
            yield _difference(kind, each.key, item, each, "")
    for kind, each in was:
        if (kind, each) not in now:
            yield _difference(kind, each.key, item, None, each.value)
