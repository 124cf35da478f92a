"""What every product is made from: the results that were asked for, without what the public may not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...geodata.errors import InputError, Problem
from ...geodata.layers import KIND_NAMES, Kind, shown_kinds
from .. import answers
from ..workspace import Progress, load_world, open_workspace

if TYPE_CHECKING:
    from ...coverage.states import States
    from ...maps.public import Release
    from ...scenarios.run import Result
    from ...scenarios.world import World

Code = TypeVar("Code", bound=str)


@dataclass(frozen=True)
class Publishing:
    """For whom a product is made."""

    number: str = ""
    """Number of the map review (审图号)."""
    public: bool = False
    """For everybody: no contacts, no stock, rounded positions; needs a number."""
    date: str = ""
    """Date of the map, printed as it is; nothing is printed where it is empty."""

    def __post_init__(self) -> None:
        """Refuse a date that no product can print, before anything is computed."""
        check_line("--date", self.date, longest=40)


@dataclass(frozen=True)
class Order:
    """What every command is told: which workspace and scenarios, for whom, and whom to tell how it goes."""

    root: Path
    names: Sequence[str] = ()
    """Of scenarios; all presets where there is none."""
    publishing: Publishing = field(default_factory=Publishing)
    overwrite: bool = False
    """Whether files that are there may be replaced."""
    progress: Progress | None = None

    def say(self, text: str) -> None:
        """Tell how it goes."""
        if self.progress is not None:
            self.progress(text)

    def material(self) -> Material:
        """Collect what the product is made from."""
        return material(self.root, self.names, self.publishing, self.progress)


@dataclass(frozen=True)
class Material:
    """What every product is drawn from: already without what the public may not see."""

    world: World
    results: list[Result]
    """The baseline first."""
    release: Release


def material(
    root: Path, names: Sequence[str], publishing: Publishing, progress: Progress | None = None
) -> Material:
    """Collect the results of the named scenarios (all presets where none is named) and their world."""
    from ...maps import public  # noqa: PLC0415 (pandas is slow to import)

    release = public.release(publishing.number, public=publishing.public)
    results = answers.results_of(root, names, progress)
    world = load_world(open_workspace(root))
    if release.public:
        world, results = public.for_public(world, results)
    return Material(world, results, release)


def states_of(root: Path, found: Material, names: Sequence[str] = ()) -> dict[tuple[str, Kind], States]:
    """Find the three states of the residents under every result: served, no room, out of reach.

    Room is counted where at least one site of the layer says or lets estimate how many persons it serves;
    layers of which nobody knows are left out, and so are AEDs and training bases, which serve no number of
    persons. What goes to the public tells no stock, and none has states. ``names`` are those that the
    results were asked for by.
    """
    if found.release.public:
        return {}
    from ...coverage.assessment import Assessment, Question  # noqa: PLC0415
    from ...coverage.servable import UNKNOWN  # noqa: PLC0415
    from ..assessments import place_of  # noqa: PLC0415

    states = {}
    worlds = _worlds(root, found.world, found.results, names)
    for result in found.results:
        after = worlds.get(result.name, found.world)
        for kind in shown_kinds([result.layers]):
            standard = result.covers[kind].standard
            made = Assessment(
                place_of(after), after.roads(standard), result.layers[kind], standard, Question(capacity=True)
            )
            if made.counts_capacity and (made.supply.origin != UNKNOWN).any():
                states[result.name, kind] = made.states
    return states


def _worlds(root: Path, world: World, results: Sequence[Result], names: Sequence[str]) -> dict[str, World]:
    """Find the world after the changes of every result's scenario: its roads and residents."""
    from ...scenarios.changes import resolve  # noqa: PLC0415
    from ...scenarios.schema import PRESETS, load_scenario  # noqa: PLC0415
    from ..scenarios import sources  # noqa: PLC0415

    changed = {result.name for result in results if not result.done.empty}
    scenarios = map(load_scenario, sources(root, names) if names else PRESETS)
    return {one.name: resolve(world, one).world for one in scenarios if one.name in changed}


def marks(found: Material) -> dict[str, Any]:
    """Say what every answer says: labels and notes."""
    kinds = shown_kinds(result.layers for result in found.results)
    return {
        "labels": answers.labels_of(found.world),
        "notes": answers.notes_of(found.world, kinds, found.results),
    }


def check_line(where: str, text: str, *, longest: int) -> None:
    """Refuse a text that cannot stand on paper as it is: of several lines, with signs that nobody sees.

    Examples
    --------
    >>> check_line("--date", "2024年3月", longest=40)
    >>> check_line("--date", "2024\\n", longest=40)
    Traceback (most recent call last):
    boai.geodata.errors.InputError: --date: 应为一行看得见的文字; 请去掉换行和不可见的字符
    """
    if len(text) > longest:
        raise InputError(Problem(where, f"最多 {longest} 个字", f"{len(text):,} 个字", "请写短一些"))
    if not text.isprintable():
        raise InputError(Problem(where, "应为一行看得见的文字", fix="请去掉换行和不可见的字符"))


def check_kinds(kinds: Sequence[str]) -> list[Kind]:
    """Read the names of layers; raises ``InputError`` with all that are none."""
    from ...geodata.registry import check_kind  # noqa: PLC0415

    found: list[Kind] = []
    problems: list[Problem] = []
    for text in kinds:
        try:
            found.append(check_kind(text))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return list(dict.fromkeys(found))


def one_of(where: str, text: str, known: Mapping[Code, str]) -> Code:
    """Read a word or its code; raises ``InputError``.

    Examples
    --------
    >>> one_of("--theme", "缺口", {"gaps": "缺口"}), one_of("--theme", "gaps", {"gaps": "缺口"})
    ('gaps', 'gaps')
    """
    for code, word in known.items():
        if text.strip().lower() in (code.lower(), word.lower()):
            return code
    raise InputError(Problem(where, "没有这一种", text[:40], f"可选: {'、'.join(known.values())}"))


def several_of(
    where: str, texts: Sequence[str], known: Mapping[Code, str], usual: Sequence[Code]
) -> list[Code]:
    """Read words or their codes, each once; ``usual`` where there is none. Raises ``InputError``."""
    return list(dict.fromkeys(one_of(where, text, known) for text in texts)) or list(usual)


def kinds_of(results: Sequence[Result], asked: Sequence[Kind]) -> list[Kind]:
    """Return the layers to draw: those asked for, else all that are shown; raises ``InputError``."""
    empty = [
        KIND_NAMES[kind]
        for kind in asked
        if all(kind not in result.layers or result.layers[kind].table.empty for result in results)
    ]
    if empty:
        raise InputError(
            Problem("--kind", "没有站点, 画不出图", "、".join(empty), "请先导入站点, 或换一个图层")
        )
    return list(asked) or shown_kinds(result.layers for result in results)
