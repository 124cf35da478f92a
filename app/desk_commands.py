"""What `boai desk` does without a running server: needs, dispatch sheets, marks, tokens, the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..geodata.errors import InputError, Problem
from ..geodata.moments import written
from ..geodata.registry import check_kind, read_sites
from .desk.marks import put_mark, read_marks, take_mark
from .desk.parts import CHINA, SENT, Ring, State
from .desk.store import Store
from .outputs import check_new
from .workspace import open_workspace

if TYPE_CHECKING:
    from .desk.ground import Ground

STATES: tuple[State, ...] = ("空", "可用")
_MOST_CORNERS = 10_000


def now() -> datetime:
    """Return the time of the desk."""
    return datetime.now(CHINA)


def need(
    root: Path,
    at: str,
    *,
    persons: float | None = None,
    items: Sequence[str] = (),
    area: str = "",
    share: float = 1.0,
) -> dict[str, Any]:
    """Plan which warehouses together bring what is needed.

    Parameters
    ----------
    at
        Place name or coordinates; empty: the middle of the residents of ``area``.
    items
        Amounts as ``家庭包=200``.
    area
        File with one polygon, or corners; see `polygons.area_of`.

    Raises
    ------
    InputError
        With every problem.
    """
    from .desk import need as plans  # noqa: PLC0415 (shapely is slow to import)
    from .desk.where import resolve  # noqa: PLC0415

    wanted, ring = amounts(items), _ring(area) if area else None
    ground = _ground(root)
    place = resolve(ground, at) if at else None
    return plans.need(ground, place, persons=persons, area=ring, items=wanted, share=share, now=now())


def amounts(texts: Sequence[str]) -> dict[str, int]:
    """Read amounts of items; raises ``InputError`` with every text that is none.

    Examples
    --------
    >>> amounts(["家庭包=200", "棉被 = 50"])
    {'家庭包': 200, '棉被': 50}
    """
    found: dict[str, int] = {}
    problems = []
    for text in texts:
        name, _, number = text.rpartition("=")
        name, number = name.strip(), number.strip()
        if not name or not (number.isascii() and number.isdigit() and len(number) < 10) or name in found:
            problems.append(
                Problem("--item", "应为 名称=数量, 每种一次", text[:40], "例如 --item 家庭包=200")
            )
        else:
            found[name] = int(number)
    if problems:
        raise InputError(problems)
    return found


def _ring(text: str) -> Ring:
    """Read one polygon without holes: its corners."""
    import shapely  # noqa: PLC0415 (slow to import)

    from ..geodata.polygons import area_of  # noqa: PLC0415

    shape = area_of(text, where="--area")
    parts = shapely.get_parts(shape)
    if len(parts) != 1 or shapely.get_num_interior_rings(parts)[0]:
        raise InputError(Problem("--area", "应为一个没有洞的多边形", fix="请分开询问, 或另画一个范围"))
    corners = shapely.get_coordinates(shapely.get_exterior_ring(parts[0]))[:-1]
    if len(corners) > _MOST_CORNERS:
        raise InputError(Problem("--area", f"角点最多 {_MOST_CORNERS} 个", str(len(corners)), "请简化范围"))
    return tuple((float(x), float(y)) for x, y in corners)


def sheet(
    root: Path,
    at: str,
    out: Path,
    *,
    kind: str = "warehouse",
    chosen: Sequence[str] = (),
    count: int = 1,
    carry: Sequence[str] = (),
    persons: float | None = None,
    who: str = "",
    note: str = "",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the dispatch sheet of a question as a PDF; nothing enters the log.

    Parameters
    ----------
    chosen
        Ids of the sites that are sent; by default the first ``count`` of the answer.
    carry
        What the first of them brings, as ``家庭包=200``.

    Returns
    -------
    dict
        file, place, sites (names), text (for a chat), labels.
    """
    from ..geodata.store import replacing  # noqa: PLC0415
    from .desk import answers, dispatch, dispatch_sheet  # noqa: PLC0415 (slow to import)
    from .desk.where import resolve  # noqa: PLC0415
    from .server.closing import features_of  # noqa: PLC0415

    if out.suffix.lower() != ".pdf":
        raise InputError(Problem(str(out), "调度单是 PDF", out.suffix or "没有后缀", "文件名请以 .pdf 结尾"))
    if not out.parent.is_dir():
        raise InputError(Problem(str(out), "文件夹不存在, 没有写出", str(out.parent), "请先建立文件夹"))
    check_new(out, overwrite=overwrite)
    loads, ground, at_time = amounts(carry), _ground(root), now()
    most = max(count, dispatch.MOST_SENT if chosen else count)
    answer = answers.nearest(ground, resolve(ground, at), kind=kind, k=most, now=at_time)
    ids = tuple(chosen) or tuple(card["id"] for card in answer["sites"][:count] if card["rank"])
    if not ids:
        raise InputError(Problem("调度单", "没有可以派出的站点", fix="请用 boai nearest 查看原因"))
    decision = dispatch.Decision(
        chosen=ids,
        at=at_time,
        carry={ids[0]: loads} if loads else {},
        need={} if persons is None else {"persons": int(persons)},
        who=who,
        note=note,
    )
    closed = [line for one in features_of(ground) for line in one["geometry"]["coordinates"]]
    content = dispatch_sheet.sheet(ground, answer, decision, closed=closed)
    with replacing(out) as temporary:
        temporary.write_bytes(content)
    cards = dispatch.cards_of(answer, ids)
    return {
        "file": str(out),
        "place": answer["place"]["name"],
        "sites": [card["name"] for card in cards],
        "text": dispatch.text(answer, decision),
        "labels": answer["labels"],
    }


def _ground(root: Path) -> Ground:
    from .desk.ground import open_ground  # noqa: PLC0415 (slow to import)

    return open_ground(root, warm=False)


def marks(root: Path) -> dict[str, Any]:
    """List what desks found out by asking at the sites."""
    workspace = open_workspace(root)
    sites = [(str(kind), site) for kind in SENT for site in read_sites(workspace.layers, kind)]
    names = {(kind, site["id"]): site["name"] for kind, site in sites}
    rows = [
        {**vars(mark), "name": names.get((mark.kind, mark.id), "")}
        for mark in read_marks(Store(workspace.root), now()).values()
    ]
    return {"marks": rows}


def mark(
    root: Path, kind: str, id_: str, state: str, *, note: str = "", who: str = "", hours: float | None = None
) -> dict[str, Any]:
    """Say of a site that it has nothing to send, or that it can; shared with every desk of the workspace.

    Parameters
    ----------
    hours
        After how many hours the mark ends by itself; None: when it is taken back.

    Raises
    ------
    InputError
        Unknown layer, site or state.
    """
    from .server.audit import noted  # noqa: PLC0415

    workspace, at = open_workspace(root), now()
    chosen = _site(workspace.layers, kind, id_)
    if state not in STATES:
        raise InputError(
            Problem("状态", "应为 空 或 可用", state[:20], "空: 没有东西可发; 可用: 已问过, 能发")
        )
    until = "" if hours is None else written(at + timedelta(hours=hours))
    store, wanted = Store(workspace.root), STATES[STATES.index(state)]
    with noted(store, at=at, action="PUT", target=f"/marks/{chosen}/{id_}") as entry:
        entry["audit_detail"] = " ".join(text for text in (wanted, note, who) if text)
        made = put_mark(store, chosen, id_, wanted, note=note, who=who, at=at, until=until)
    return vars(made)


def unmark(root: Path, kind: str, id_: str) -> None:
    """Take a mark back; raises ``InputError`` where there is none."""
    from .server.audit import noted  # noqa: PLC0415

    store, chosen = Store(open_workspace(root).root), check_kind(kind)
    with noted(store, at=now(), action="DELETE", target=f"/marks/{chosen}/{id_}"):
        take_mark(store, chosen, id_)


def _site(layers: Any, kind: str, id_: str) -> Any:
    """Check that a layer that is sent has a site; raises ``InputError``."""
    chosen = check_kind(kind)
    ids = [site["id"] for site in read_sites(layers, chosen)] if chosen in SENT else []
    if id_ not in ids:
        fix = "编号见 boai nearest --json 或 boai layers export; 图层为 warehouse 或 team"
        raise InputError(Problem("站点", "没有这个在用的站点", f"{kind}/{id_}"[:60], fix))
    return chosen


def add_token(root: Path, name: str, role: str, *, days: float | None = None) -> dict[str, Any]:
    """Make a token for a desk; its text is told once.

    Parameters
    ----------
    role
        desk, planner, admin, or the Chinese word.
    days
        After how many days it ends; None: when it is revoked.
    """
    from .server import tokens  # noqa: PLC0415
    from .server.audit import noted  # noqa: PLC0415

    by_word: Mapping[str, str] = {word: code for code, word in tokens.ROLES.items()}
    at, store = now(), Store(open_workspace(root).root)
    until = "" if days is None else written(at + timedelta(days=days))
    with noted(store, at=at, action="POST", target="/tokens") as state:
        text, row = tokens.add_token(
            store,
            name=name,
            role=by_word.get(role, role),  # type: ignore[arg-type]
            at=at,
            made_by="命令行",
            until=until,
        )
        state["audit_detail"] = f"新令牌 {row['id']} {row['role']} {row['name']}"
    return {**row, "token": text}


def list_tokens(root: Path) -> list[dict[str, Any]]:
    """List the tokens without their texts."""
    from .server import tokens  # noqa: PLC0415

    rows = tokens.list_tokens(Store(open_workspace(root).root))
    return [{**row, "role": tokens.ROLES.get(row["role"], row["role"])} for row in rows]


def revoke_token(root: Path, id_: str) -> None:
    """Make a token useless; raises ``InputError`` where there is none."""
    from .server import tokens  # noqa: PLC0415
    from .server.audit import noted  # noqa: PLC0415

    at, store = now(), Store(open_workspace(root).root)
    names = {row["id"]: row["name"] for row in tokens.list_tokens(store)}
    with noted(store, at=at, action="DELETE", target=f"/tokens/{id_}") as state:
        state["audit_detail"] = f"撤销令牌 {id_} {names.get(id_, '')}".strip()
        tokens.revoke_token(store, id_, at=at)


def log(root: Path, *, dispatches: bool = False, offset: int = 0, limit: int = 50) -> dict[str, Any]:
    """Read what was asked and answered, or what was sent, the newest first, with the version of the data."""
    from .server.log import read_dispatches, read_questions  # noqa: PLC0415

    read = read_dispatches if dispatches else read_questions
    total, rows = read(Store(open_workspace(root).root), offset=offset, limit=limit)
    return {"total": total, "rows": rows}
