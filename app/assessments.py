"""What the commands on assessments answer: tables of one topic, or all of them as files."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..coverage.assessment import Assessment, Place, Question, Table
from ..coverage.people import GROUPS, Group
from ..coverage.topics import TOPICS, answer, topics_of
from ..coverage.zones import LEVELS
from ..geodata.errors import InputError, Problem
from ..geodata.folders import replace_folder
from ..geodata.layers import EXAMPLE, KIND_NAMES, Kind
from ..geodata.registry import check_kind
from ..maps import columns
from .console import jsonable
from .workspace import Progress, load_world, open_workspace, writing

if TYPE_CHECKING:
    import pandas as pd

    from ..scenarios.world import World

FOLDER = "assessment"
"""Folder of a workspace with the tables of all topics."""

_DAYS = "一二三四五六日"
_RANKS = ("rank", "closing_rank")
"""First columns of the tables of which a screen shows the first rows."""
_MOMENT = re.compile(r"(?:周|星期|礼拜)?([一二三四五六日天1-7])\s*(?:(\d{1,2})(?::(\d{2}))?(?:点|时)?)?")
_DEFAULT_HOUR = 12


@dataclass(frozen=True)
class Wanted:
    """What a user asks beyond layer and topic, as it is written."""

    by: str = "市"
    group: str = "全部居民"
    at: str = ""
    capacity: bool = False
    need: float | None = None
    limit: float | None = None
    top: int = 10
    optimal: bool = False
    polygon: str = ""


def topic_of(text: str) -> str:
    """Read the name of a topic, Chinese or code; raises ``InputError``."""
    given = unicodedata.normalize("NFKC", text).strip().lower()
    for code, topic in TOPICS.items():
        if given in (code, topic.title):
            return code
    names = "、".join(f"{topic.title}({code})" for code, topic in TOPICS.items())
    raise InputError(Problem("主题", "没有这个主题", text[:40], f"可选: {names}"))


def moment_of(text: str) -> tuple[int, int] | None:
    """Read a moment of the week, such as 周三 20:30; none where nothing is given.

    Examples
    --------
    >>> moment_of("周三 20:30"), moment_of("星期日8点"), moment_of("")
    ((2, 1230), (6, 480), None)
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        return None
    found = _MOMENT.fullmatch(plain)
    day = "" if found is None else found[1].replace("天", "日")
    hour = int((found and found[2]) or _DEFAULT_HOUR)
    minute = int((found and found[3]) or 0)
    if found is None or hour > 23 or minute > 59:
        raise InputError(Problem("--at", "应为星期和时刻", text[:20], "例如 周三 20:30"))
    return (int(day) - 1 if day.isdigit() else _DAYS.index(day)), hour * 60 + minute


def group_of(text: str) -> Group:
    """Read the name of a group of residents, Chinese or code; raises ``InputError``."""
    given = unicodedata.normalize("NFKC", text).strip().lower()
    for code, name in GROUPS.items():
        if given in (code, name.lower(), name.removesuffix("居民")):
            return code
    raise InputError(Problem("--group", "没有这个人群", text[:20], f"可选: {'、'.join(GROUPS.values())}"))


def question_of(wanted: Wanted) -> Question:
    """Check all that is asked at once; raises ``InputError`` with every problem."""
    problems: list[Problem] = []
    group: Group = "all"
    at = None
    try:
        group = group_of(wanted.group)
    except InputError as error:
        problems += error.problems
    try:
        at = moment_of(wanted.at)
    except InputError as error:
        problems += error.problems
    if wanted.by not in LEVELS:
        problems.append(Problem("--by", f"应为 {'、'.join(LEVELS)} 之一", wanted.by[:20]))
    if wanted.need is not None and not 0 < wanted.need <= 100:
        problems.append(Problem("--need", "应在 0 到 100 之间 (%)", f"{wanted.need:g}", "例如 --need 2"))
    area = None
    if wanted.polygon:
        from ..geodata.polygons import area_of  # noqa: PLC0415 (geopandas is slow to import)

        try:
            area = area_of(wanted.polygon, where="--polygon")
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    share = None if wanted.need is None else wanted.need / 100
    return Question(
        by=wanted.by,
        group=group,
        at=at,
        capacity=wanted.capacity,
        need_share=share,
        top=wanted.top,
        optimal=wanted.optimal,
        area=area,
    )


def place_of(world: World) -> Place:
    """Gather what assessments of all layers share."""
    return Place(world.demand, world.gazetteer, world.townships, world.units, world.rules, world.references)


def assessment_of(
    world: World, kind: Kind, question: Question, *, limit: float | None = None, place: Place | None = None
) -> Assessment:
    """Make the assessment of a layer; ``limit`` (minutes or metres) takes the place of the main limit."""
    standard = world.standards[kind]
    if limit is not None:
        standard = standard.at_limit(limit)
    return Assessment(place or place_of(world), world.roads(standard), world.layers[kind], standard, question)


def labels_of(world: World, kind: Kind) -> list[str]:
    """Labels that the tables of a layer carry: synthetic sites, an approximate network."""
    standard = world.standards[kind]
    found = [EXAMPLE if world.layers[kind].example else ""]
    if standard.mode == "drive" or world.follows_ways(standard):
        found.append(world.roads(standard).label)
    return [text for text in dict.fromkeys(found) if text]


def assess(
    root: Path, kind: str, topic: str, wanted: Wanted, progress: Progress | None = None
) -> dict[str, Any]:
    """Answer a topic for a layer.

    Returns
    -------
    dict
        title, labels, notes (of the layer), tables; of each its name, title, notes, ``ranked`` (whether the
        first rows are the ones that matter), ``headers`` (columns to show and their Chinese headers),
        ``shown`` (rows as text) and ``rows`` (all columns).
    """
    chosen, code = check_kind(kind), topic_of(topic)
    question = question_of(wanted)
    _check_topic(code, chosen, question)
    world = load_world(open_workspace(root))
    if progress is not None:
        progress(f"{KIND_NAMES[chosen]}: {TOPICS[code].title}")
    assessment = assessment_of(world, chosen, question, limit=wanted.limit)
    tables = answer(assessment, code)
    return {
        "title": f"{KIND_NAMES[chosen]} · {TOPICS[code].title}",
        "labels": labels_of(world, chosen),
        "notes": notes_of(world, chosen),
        "tables": [_told(table) for table in tables],
    }


def _check_topic(code: str, kind: Kind, question: Question) -> None:
    """Refuse what cannot be answered before anything is computed."""
    if code == "flood" and question.area is None:
        fix = "请用 --polygon 给出淹没范围 (GeoJSON、GPKG 或 Shapefile)"
        raise InputError(Problem("主题", "淹没分析需要范围", fix=fix))
    if why := TOPICS[code].not_for.get(kind):
        raise InputError(Problem("主题", f"{KIND_NAMES[kind]}没有“{TOPICS[code].title}”", why))


def notes_of(world: World, kind: Kind) -> list[str]:
    """Say whether the layer is empty, and which of its sites do not count."""
    layer, name = world.layers[kind], KIND_NAMES[kind]
    empty = f"{name}: 登记库里没有{'在用的' if layer.left_out else ''}站点, 结果按 0 处计算"
    return [
        text for text in (empty if layer.table.empty else "", layer.note and f"{name}: {layer.note}") if text
    ]


def _told(table: Table) -> dict[str, Any]:
    """Write a table for a screen and for programs."""
    names = [name for name in table.shown if name in table.frame.columns and _tells(table.frame, name)]
    rows = [
        {name: columns.shown(name, value) for name, value in zip(names, row, strict=True)}
        for row in zip(*(table.frame[name].tolist() for name in names), strict=True)
    ]
    return {
        "name": table.name,
        "title": table.title,
        "notes": list(table.notes),
        "ranked": table.shown[0] in _RANKS,
        "headers": {name: columns.header(name) or name for name in names},
        "shown": rows,
        "rows": [jsonable(row) for row in table.frame.to_dict("records")],
    }


def _tells(frame: pd.DataFrame, name: str) -> bool:
    """Tell whether a column says anything: not where all is missing, nor where a state is nobody's."""
    values = frame[name]
    return not (values.isna().all() or (name in columns.STATE_COLUMNS and not values.any()))


def assess_all(
    root: Path, wanted: Wanted, progress: Progress | None = None, world: World | None = None
) -> dict[str, Any]:
    """Answer all topics for all layers, as workbooks and CSV in the folder ``assessment``.

    ``world`` is that of the workspace, where it is open already.
    """
    say = progress or (lambda _: None)
    question = question_of(wanted)
    world = world or load_world(open_workspace(root))
    with writing(root), tempfile.TemporaryDirectory(dir=root, prefix=f".{FOLDER}.") as name:
        ready = Path(name) / FOLDER
        paths = write_all(world, ready, question, say)
        replace_folder(ready, root / FOLDER)
    return {
        "labels": list(dict.fromkeys(text for kind in KIND_NAMES for text in labels_of(world, kind))),
        "notes": [note for kind in KIND_NAMES for note in notes_of(world, kind)],
        "files": [str(root / FOLDER / path.relative_to(ready)) for path in paths],
    }


def write_all(world: World, folder: Path, question: Question, say: Progress) -> list[Path]:
    """Write the tables of all topics of all layers; returns their paths, the workbooks first."""
    from ..maps.tables import save_tables  # noqa: PLC0415 (openpyxl is slow to import)

    place, books, others = place_of(world), [], []
    for kind, name in KIND_NAMES.items():
        say(f"评估: {name}")
        assessment = assessment_of(world, kind, question, place=place)
        tables = [table for code in topics_of(kind) if code != "flood" for table in answer(assessment, code)]
        mark = "、".join(labels_of(world, kind))
        frames = {
            table.name: table.frame.drop(columns=columns.HIDDEN, errors="ignore").assign(labels=mark)
            for table in tables
        }
        notes = _front(world, kind, assessment, tables)
        found = save_tables(notes, frames, folder / name, f"评估_{name}.xlsx")
        books.append(found[0])
        others += found[1:]
    return [*books, *others]


def _front(
    world: World, kind: Kind, assessment: Assessment, tables: Sequence[Table]
) -> list[tuple[str, str]]:
    """Rows of the sheet 说明: labels, standard with its sources, and the notes of each table."""
    from ..maps import style, words  # noqa: PLC0415 (pandas is slow to import)

    standard = assessment.standard
    rows = [("用途", style.STAMP)]
    rows += [("标注", f"{text}: {style.LABELS.get(text, '')}") for text in labels_of(world, kind)]
    rows += [("口径", "一切上限都含等号; 居民数为整数, 下级相加等于上级。")]
    rows += [("口径", words.measure_text(world, standard)), ("单位", assessment.zones.note)]
    rows += [("标准", note) for note in standard.notes]
    rows += [("图层", note) for note in notes_of(world, kind)]
    rows += [(f"{table.name}: {table.title}", note) for table in tables for note in table.notes]
    return [row for row in dict.fromkeys(rows) if row[1]]


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """Write the notes of an answer for a terminal, each once."""
    return list(
        dict.fromkeys([note for table in found["tables"] for note in table["notes"]] + found["notes"])
    )
