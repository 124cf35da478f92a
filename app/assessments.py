"""What the commands on assessments answer: tables of one topic, or all of them as files."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..coverage.assessment import Assessment, Place, Question, Table
from ..coverage.people import GROUPS, Group
from ..coverage.standards import Cited, Standard
from ..coverage.topics import TOPICS, answer, topics_of
from ..coverage.zones import LEVELS
from ..geodata.errors import InputError, Problem
from ..geodata.folders import remove, replace_folder
from ..geodata.layers import EXAMPLE, KIND_NAMES, Kind, shown_kinds
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
_REFERENCES = "参考值"
_ALL_PEOPLE = "要求、失去站点、道路、淹没、缺口不分人群, 按全部居民计"
_BY_ALL = frozenset({"rules", "sites", "links", "flood", "gaps"})
"""Topics that count all residents whichever group is asked for."""
_EMPTY = {
    "配置要求": "标准里没有对这一类资源的配置要求",
    "未满足单位": "没有不满足要求的单位",
    "时限未达标": "各单位都能在时限内送到全部居民",
    "超出上限": "没有超出上限的居民",
    "24小时柜": "没有站点",
    "24小时柜次序": "没有可以改的站点, 或开放时间均未知",
    "受淹站点": "范围内没有站点",
    "受淹道路": "范围内没有道路",
    "缺口": "没有够不着的居民连成的片",
    "补缺": "没有要补的缺口",
    "发运清单": "没有一处能发运",
}
"""What an empty table means."""


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
    if unused := _unused(code, wanted):
        raise InputError(unused)
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
        "notes": [
            f"口径: {measure_of(world, assessment.standard)}",
            *([_ALL_PEOPLE] * (code in _BY_ALL and question.group != "all")),
            *notes_of(world, chosen),
        ],
        "tables": [_told(_with_county(world, table)) for table in tables],
    }


def _unused(code: str, wanted: Wanted) -> list[Problem]:
    """Refuse options that change nothing in a topic: the reader would take the answer for theirs."""
    own = {"states": "状态", "capacity": "容量", "flood": "淹没"}
    options = (
        ("--at", wanted.at, ("states",)),
        ("--capacity", wanted.capacity, ("states",)),
        ("--need", wanted.need is not None and not wanted.capacity, ("capacity",)),
        ("--optimal", wanted.optimal, ("capacity",)),
        ("--polygon", wanted.polygon, ("flood",)),
    )
    return [
        Problem(name, f"对主题“{TOPICS[code].title}”不起作用", fix=f"只用于: {own[topics[0]]}")
        for name, given, topics in options
        if given and code not in topics
    ]


def _check_topic(code: str, kind: Kind, question: Question) -> None:
    """Refuse what cannot be answered before anything is computed."""
    if code == "flood" and question.area is None:
        fix = "请用 --polygon 给出淹没范围 (GeoJSON、GPKG 或 Shapefile)"
        raise InputError(Problem("主题", "淹没分析需要范围", fix=fix))
    if why := TOPICS[code].not_for.get(kind):
        raise InputError(Problem("主题", f"{KIND_NAMES[kind]}没有“{TOPICS[code].title}”: {why}"))


def notes_of(world: World, kind: Kind) -> list[str]:
    """Say whether the layer is empty, and which of its sites do not count."""
    layer, name = world.layers[kind], KIND_NAMES[kind]
    empty = f"{name}: 登记库里没有{'在用的' if layer.left_out else ''}站点, 结果按 0 处计算"
    walked = "居民在网格内按均匀分布计, 步行的覆盖偏低 (假设)" if world.standards[kind].mode == "walk" else ""
    found = (empty if layer.table.empty else "", layer.note and f"{name}: {layer.note}", walked)
    return [text for text in found if text]


def measure_of(world: World, standard: Standard) -> str:
    """Say who counts as served."""
    from ..maps import words  # noqa: PLC0415 (pandas is slow to import)

    main = standard.limit_text(standard.main)
    return f"{words.measure_text(world, standard)}{main}以内(含)算已覆盖"


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
        "notes": [*table.notes, *([] if len(table.frame) else [f"{table.title}: {_nothing(table)}"])],
        "ranked": table.shown[0] in _RANKS,
        "headers": {name: columns.header(name, table.name) or name for name in names},
        "shown": rows,
        "rows": [jsonable(row) for row in table.frame.to_dict("records")],
    }


def _with_county(world: World, table: Table) -> Table:
    """Show the county of townships: the same name stands in several counties."""
    frame = table.frame
    if "乡镇" not in set(frame.get("level", ())) or "county" in table.shown:
        return table
    if "county" not in frame.columns and "code" in frame.columns:
        names = dict(zip(world.demand.county_code.tolist(), world.demand.county_name.tolist(), strict=True))
        frame = frame.assign(county=[names.get(str(code)[:6], "") for code in frame["code"].tolist()])
    return replace(table, frame=frame, shown=("county", *table.shown))


def _tells(frame: pd.DataFrame, name: str) -> bool:
    """Tell whether a column says anything: not where all is missing, nor where a state is nobody's."""
    values = frame[name]
    return not (values.isna().all() or (name in columns.STATE_COLUMNS and not values.any()))


def assess_all(
    root: Path, wanted: Wanted, progress: Progress | None = None, world: World | None = None
) -> dict[str, Any]:
    """Answer all topics for all layers that are shown, as workbooks and CSV in the folder ``assessment``.

    ``world`` is that of the workspace, where it is open already.
    """
    say = progress or (lambda _: None)
    question = question_of(wanted)
    world = world or load_world(open_workspace(root))
    with writing(root), tempfile.TemporaryDirectory(dir=root, prefix=f".{FOLDER}.") as name:
        for left in set(root.glob(f".{FOLDER}.*")) - {Path(name)}:
            remove(left)  # of a writer that was killed; this one alone holds the lock
        ready = Path(name) / FOLDER
        paths = write_all(world, ready, question, say)
        replace_folder(ready, root / FOLDER)
    kinds = shown_kinds([world.layers])
    return {
        "labels": list(dict.fromkeys(text for kind in kinds for text in labels_of(world, kind))),
        "notes": [note for kind in kinds for note in notes_of(world, kind)],
        "files": [str(root / FOLDER / path.relative_to(ready)) for path in paths],
    }


def write_all(world: World, folder: Path, question: Question, say: Progress) -> list[Path]:
    """Write the tables of all topics of the layers that are shown; returns their paths, workbooks first."""
    from ..maps.tables import save_tables  # noqa: PLC0415 (pandas is slow to import)

    place, books, others = place_of(world), [], []
    for kind in shown_kinds([world.layers]):
        name = KIND_NAMES[kind]
        say(f"评估: {name}")
        assessment = assessment_of(world, kind, question, place=place)
        tables = [
            _with_county(world, table)
            for code in topics_of(kind)
            if code != "flood"
            for table in answer(assessment, code)
        ]
        labels = labels_of(world, kind)
        frames = {table.name: _for_people(world, table, question, labels) for table in tables}
        if kind in TOPICS["capacity"].not_for:  # devices serve no known number of persons
            gap = frames["补缺"].drop(columns="persons_to_supply", errors="ignore")
            frames["补缺"] = gap
        notes = _front(world, kind, assessment, tables)
        found = save_tables(notes, frames, folder / name, f"评估_{name}.xlsx")
        books.append(found[0])
        others += found[1:]
    return [*books, *others]


def _cited(each: Cited) -> str:
    """Write a value of a standard with its source."""
    return f"{each.value or '没有规定'}; 来源: {each.source}; 可信度 {each.confidence}"


def _nothing(table: Table) -> str:
    """Say what it means that a table has no rows."""
    return _EMPTY.get(table.name, "没有这样的情况, 是空表")


def _for_people(world: World, table: Table, question: Question, labels: Sequence[str]) -> pd.DataFrame:
    """Leave the columns that people read; the last says on every row what the figures stand on."""
    frame = table.frame
    if table.name == "状态":
        asked = {"no_capacity": question.capacity, "closed_now": question.at is not None}
        frame = frame.drop(columns=[name for name, is_asked in asked.items() if not is_asked])
    marks = [*labels, *_marks_of(world, table)] if table.name != _REFERENCES else ["只供对照, 不参与计算"]
    return columns.for_people(table.name, frame, table.shown).assign(labels="、".join(marks))


def _marks_of(world: World, table: Table) -> list[str]:
    """Say what the figures of a table stand on besides sites and roads: townships by guess, assumptions."""
    said, levels = " ".join(table.notes), table.frame.get("level", ())
    near = "乡镇" in set(levels) and (world.townships is None or "近似乡镇" in said)
    return ["近似乡镇"] * near + ["含假设(见说明)"] * ("假设" in said)


def _front(
    world: World, kind: Kind, assessment: Assessment, tables: Sequence[Table]
) -> list[tuple[str, str]]:
    """Rows of the sheet 说明: labels, standard with its sources, and the notes of each table."""
    from ..coverage.standard_keys import title_of  # noqa: PLC0415 (the module loads fast without)
    from ..maps import style  # noqa: PLC0415 (pandas is slow to import)

    standard = assessment.standard
    question = assessment.question
    rows = [("内容", f"{KIND_NAMES[kind]}的覆盖与缺口评估"), ("用途", style.STAMP)]
    rows += [("标注", f"{text}: {style.LABELS.get(text, '')}") for text in labels_of(world, kind)]
    rows += [("口径", "一切上限都含等号; 居民数为整数, 下级相加等于上级。")]
    rows += [
        ("口径", measure_of(world, standard)),
        ("统计单位", f"{question.by}; {assessment.zones.note}".strip("; ")),
    ]
    rows += [("人群", f"{GROUPS[question.group]}; {_ALL_PEOPLE}")] * (question.group != "all")
    rows.append(("居民", f"{world.demand.meta.get('source', '')}, 按规则分配到网格"))
    rows.append(("站点", f"{KIND_NAMES[kind]} {len(world.layers[kind].table):,} 处"))
    rows += [("图层", note) for note in notes_of(world, kind)]
    rows += [(f"标准: {title_of(each.key)}", _cited(each)) for each in standard.cited]
    rows += [("标准的说明", note) for note in standard.notes]
    rows += [
        (f"表 {table.name}", text)
        for table in tables
        for text in (f"{table.title}{'' if len(table.frame) else ': ' + _nothing(table)}", *table.notes)
    ]
    return [row for row in dict.fromkeys(rows) if row[1]]


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """Write the notes of an answer for a terminal, each once."""
    return list(
        dict.fromkeys([note for table in found["tables"] for note in table["notes"]] + found["notes"])
    )
