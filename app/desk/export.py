"""The desk as ONE html file: opened from a phone's storage, it answers without any network."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from ...geodata.errors import InputError, Problem
from ...geodata.store import write_text
from ..outputs import check_new
from .parts import CHINA

MOST_BYTES = 8_000_000
"""A file that goes through a chat and opens on a phone: first the usual ways go, a larger one is refused."""


def export(
    root: Path,
    path: Path,
    *,
    passphrase: str | None = None,
    contacts: bool = True,
    overwrite: bool = False,
    made_at: datetime | None = None,
) -> dict[str, Any]:
    """Write the desk of a workspace as one html file.

    Parameters
    ----------
    root
        Workspace.
    path
        File to write, ``.html``.
    passphrase
        Encrypts what identifies persons; without one it is readable to everybody who has the file.
    contacts
        False leaves all that identifies persons out of the file.
    overwrite
        Replace a file that is there.
    made_at
        When it is made, by default now. Without a passphrase the same data and time give the same bytes.

    Returns
    -------
    dict
        file, bytes, version, as_of, made_at, sites, places, contacts (``无``, ``加密`` or ``未加密``),
        usual_left_out (the ways without closures had no room: the page does not compare with them).

    Raises
    ------
    InputError
        The file exists, the folder does not, the passphrase is too short, or the file would be too large.
    """
    from ...maps.page_pack import dump  # noqa: PLC0415 (slow to import)
    from . import assets, vault  # noqa: PLC0415
    from .drawing import drawing  # noqa: PLC0415

    _check_target(path, overwrite)
    if passphrase is not None:
        vault.checked(passphrase)  # told before the seconds that the rest takes
    whole = _bundle(root, made_at or datetime.now(CHINA))
    people = sum(any(site[name] for name in vault.PERSONAL) for site in whole["sites"])
    if not contacts:
        whole = vault.without_people(whole)
    elif passphrase is not None:
        whole = vault.sealed(whole, passphrase)
    text = assets.single_file(dump(whole), drawing(root))
    left_out = whole["usual"] is not None and len(text.encode()) > MOST_BYTES
    if left_out:
        whole = {**whole, "usual": None, "usual_left_out": True}
        text = assets.single_file(dump(whole), drawing(root))
    size = len(text.encode())
    if size > MOST_BYTES:
        got = f"{size / 1e6:.1f} MB"
        fix = "请减少登记的站点, 或用 boai desk serve 在局域网内使用"
        raise InputError(Problem(str(path), f"离线文件超过 {MOST_BYTES / 1e6:.0f} MB, 没有写出", got, fix))
    write_text(path, text)
    return {
        "file": str(path),
        "bytes": size,
        "version": whole["version"],
        "as_of": whole["as_of"],
        "made_at": whole["made_at"],
        "sites": len(whole["sites"]),
        "places": whole["places"]["lon"]["n"],
        "usual_left_out": left_out,
        "people": people,
        "contacts": "无" if not contacts or not people else "未加密" if passphrase is None else "加密",
    }


def _bundle(root: Path, made_at: datetime) -> dict[str, Any]:
    from .bundle import bundle  # noqa: PLC0415 (slow to import)
    from .ground import open_ground  # noqa: PLC0415

    return bundle(open_ground(root, warm=False), made_at=made_at)


def _check_target(path: Path, overwrite: bool) -> None:
    if path.suffix.lower() not in (".html", ".htm"):
        fix = "文件名请以 .html 结尾"
        raise InputError(Problem(str(path), "离线文件是一个网页", path.suffix or "没有后缀", fix))
    if not path.parent.is_dir():
        raise InputError(Problem(str(path), "文件夹不存在, 没有写出", str(path.parent), "请先建立文件夹"))
    check_new(path, overwrite=overwrite)
