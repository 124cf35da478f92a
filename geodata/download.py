"""Download an OpenStreetMap extract: resumed where it broke off, checked, put in place only when whole.

While it comes it is called NAME.part (with NAME.part.json, what the server said of it); a program that is
killed leaves nothing else. Only http and https, also after redirects. Standard library only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from .errors import InputError, Problem
from .pbf_check import is_whole_pbf, starts_as_pbf
from .store import file_hash, read_json, write_text
from .web import Answer, Failed, Fetch, fetch_small, plain_error
from .yamlfile import parse_yaml, read_text

Progress = Callable[[str], None]

MOST_BYTES = 8 << 30
"""Largest file that is downloaded: the extract of all China has about 1.5 GB."""

_TABLE = "osm_regions.yaml"
_MOST_ATTEMPTS = 200
_MOST_RESTARTS = 2
_LONGEST_WAIT_S = 60.0
_MOST_STATE = 1 << 16
_MD5 = re.compile(r"^\s*([0-9a-fA-F]{32})\b")
_OFFLINE = "请检查网络; 也可以在能上网的电脑上下载该文件, 拷来后直接用 boai network build 文件"


def download(
    source: str,
    to: Path | str,
    *,
    mirror: str | Path | None = None,
    md5: str | None = "auto",
    progress: Progress | None = None,
    timeout_s: float = 60.0,
    tries: int = 5,
    wait_s: float = 2.0,
    most_bytes: int = MOST_BYTES,
) -> Path:
    """Download the extract of a region, or the OSM PBF file at an address.

    What came of an earlier try is continued if the server still has the same file (ETag, else Last-Modified).
    Beside the file lies NAME.json: url, etag, last_modified, size, md5 (where it was checked), sha256, date.
    Where the file is there and the server says it has not changed, nothing is fetched.

    Parameters
    ----------
    source
        A region of ``tables/osm_regions.yaml`` (jiangxi, 江西 …) or an http(s) address.
    to
        A folder (also a new one, whose name has no suffix), or the path of the file.
    mirror
        Where to look instead of the server of the table: the address of a folder with the same paths, a local
        folder, or a local file.
    md5
        ``auto`` checks against NAME.md5 where the server has it; 32 hex digits are checked; None does not.
    progress
        Called with a Chinese sentence now and then.
    timeout_s
        Longest silence of the server; a server slower than 1 kB/s over that time counts as silent.
    tries
        Tries in a row that may bring nothing.
    wait_s
        Wait before the second try; doubled before each further one, at most a minute.
    most_bytes
        Larger files are refused.

    Returns
    -------
    Path of the file.

    Raises
    ------
    InputError
        The source is not known, the file cannot be had, is not OSM PBF, is not what its checksum says, or
        cannot be written; one sentence in Chinese.
    """
    place, name = locate(source, mirror)
    target = Path(to)
    if target.is_dir() or not (target.exists() or target.suffix):  # --to data/ is meant as a folder
        target /= name
    work = _Work(target, most_bytes, progress or (lambda _: None), timeout_s, tries, wait_s)
    try:
        _check_target(work)
        if isinstance(place, Path):
            return _copy(place, work, md5)
        return _fetch(place, work, md5)
    except OSError as error:
        raise InputError(_disk(target, error)) from None


def regions() -> Mapping[str, tuple[str, ...]]:
    """List the regions that can be downloaded by name, with their Chinese names."""
    return {name: tuple(facts["names"]) for name, facts in _table()["regions"].items()}


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    source = files(__package__) / "tables" / _TABLE
    table: dict[str, Any] = parse_yaml(read_text(source, _TABLE), _TABLE)
    return table


def locate(source: str, mirror: str | Path | None = None) -> tuple[str | Path, str]:
    """Find where a file is to be had, and its name.

    Examples
    --------
    >>> locate("江西")
    ('https://download.geofabrik.de/asia/china/jiangxi-latest.osm.pbf', 'jiangxi-latest.osm.pbf')
    >>> locate("jiangxi", mirror="http://mirror.example/osm")[0]
    'http://mirror.example/osm/asia/china/jiangxi-latest.osm.pbf'

    Raises
    ------
    InputError
        The source is neither a region nor an http(s) address, or the mirror has no such file.
    """
    table = _table()
    known = {key: one["path"] for name, one in table["regions"].items() for key in (name, *one["names"])}
    path = known.get(source.strip().lower(), "")
    address = "" if path else _address(source)
    if not path and not address:
        names = "、".join(one["names"][0] for one in table["regions"].values())
        fix = f"可选的地区有: {names}; 也可以给出网址"
        raise InputError(Problem("下载", "不是认得的地区, 也不是 http(s) 网址", source[:80], fix))
    path = path or urlsplit(address).path.lstrip("/")
    name = path.rpartition("/")[2]
    odd = name.startswith(".") or re.search(r'[\\/:*?"<>|\x00-\x1f]', name)
    if not name or odd or ".." in path.split("/"):
        raise InputError(Problem("下载", "网址应以文件名结尾", source[:80]))
    if mirror is None:
        return address or urljoin(table["base"], path), name
    base = _address(str(mirror))
    if base:
        return urljoin(base.rstrip("/") + "/", path), name
    return _local(Path(mirror), path, name), name


def _address(text: str) -> str:
    """Return an http(s) address; empty where it is none."""
    try:
        parts = urlsplit(text.strip())
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    if parts.username or parts.password:
        raise InputError(Problem("下载", "网址中不应有用户名和密码", host))
    return text.strip() if text.isascii() and text.strip().isprintable() and " " not in text.strip() else ""


def _local(mirror: Path, path: str, name: str) -> Path:
    for found in (mirror, mirror / path, mirror / name):
        if found.is_file():
            return found
    raise InputError(Problem(str(mirror), f"镜像中没有 {name}", fix="请给出文件, 或含有该文件的文件夹"))


@dataclass(frozen=True)
class _Work:
    """One download: where it goes and how long it may take."""

    target: Path
    most_bytes: int
    say: Progress
    timeout_s: float
    tries: int
    wait_s: float

    @property
    def part(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def state(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part.json")

    @property
    def record(self) -> Path:
        return self.target.with_name(f"{self.target.name}.json")

    @property
    def came(self) -> int:
        """Bytes that have come."""
        return self.part.stat().st_size if self.part.is_file() else 0

    def drop(self) -> None:
        """Forget what came."""
        self.part.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)


def _check_target(work: _Work) -> None:
    """Refuse, before anything is asked, to replace what is no earlier download: a letter, a device."""
    fix = "请换一个文件名或空文件夹"
    for path, is_ours in ((work.target, _is_extract), (work.record, _is_record), (work.state, _is_state)):
        if path.exists() and not (path.is_file() and is_ours(path)):
            raise InputError(Problem(str(path), "这里已有别的文件, 没有下载", fix=fix))
    if work.part.exists() and not work.part.is_file():
        raise InputError(Problem(str(work.part), "这里已有别的文件, 没有下载", fix=fix))


def _is_extract(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(64)
    return not head or starts_as_pbf(head)


def _is_record(path: Path) -> bool:
    try:
        return {"url", "sha256", "size"} <= set(read_json(path))
    except (OSError, ValueError):
        return False


def _is_state(path: Path) -> bool:
    """Tell whether a file says what a server sent; one that is half written counts as well."""
    return path.stat().st_size < _MOST_STATE


def _fetch(url: str, work: _Work, md5: str | None) -> Path:
    """Fetch until the file is whole and right; a file that is wrong is fetched once more from the start."""
    work.target.parent.mkdir(parents=True, exist_ok=True)
    for last in (False, True):
        version = _until_whole(url, work)
        if version is None:
            work.say(f"{work.target.name} 已是最新, 无需下载")
            return work.target
        wanted = _wanted_md5(f"{url}.md5", work, md5)
        wrong = _wrong(work.part, wanted)
        if wrong is None:
            return _finish(work, {**version, "md5": wanted})
        work.drop()
        if last:
            raise InputError(Problem(work.target.name, wrong, url, "请稍后重试, 或换一个镜像 (mirror)"))
        work.say(f"{wrong}, 重新下载")
    raise AssertionError("unreachable")


def _until_whole(url: str, work: _Work) -> dict[str, Any] | None:
    """Try until the whole file has come: url, ETag and date; None where the newest is there already."""
    idle = restarts = 0
    for _ in range(_MOST_ATTEMPTS):
        before = work.came
        try:
            return _attempt(url, work)
        except Failed as failure:
            idle = 0 if work.came > before and not failure.slow else idle + 1
            restarts += failure.anew
            if failure.final or idle >= work.tries or restarts > _MOST_RESTARTS:
                raise InputError(Problem(url, failure.what, failure.got, failure.fix or _OFFLINE)) from None
            if failure.anew:
                work.drop()
            _pause(failure, idle, work)
    raise InputError(Problem(url, "连接一再中断, 未能下载完整", fix=_OFFLINE))


def _pause(failure: Failed, idle: int, work: _Work) -> None:
    seconds = min(_LONGEST_WAIT_S, failure.after_s or work.wait_s * 2 ** max(0, idle - 1))
    work.say(f"{failure.what}, {seconds:.0f} 秒后重试")
    time.sleep(seconds)


def _attempt(url: str, work: _Work) -> dict[str, Any] | None:
    """Ask once for what is missing, and append what comes."""
    have, state = _came(url, work)
    if have and have == state.get("total"):  # it was whole when the program was killed
        return {key: state.get(key, "") for key in ("url", "etag", "last_modified")}
    fetch = Fetch(url, timeout_s=work.timeout_s, most_bytes=work.most_bytes, say=work.say)
    known = "" if have else _known_etag(url, work)
    with fetch.open(have=have, validator=_validator(state), known=known) as answer:
        if answer.unchanged:
            return None
        if answer.start not in (0, have) or _differs(answer.total, state, answer.start):
            raise Failed("服务器续传的位置不对", answer.content_range, anew=True)
        version = {"url": url, "etag": answer.etag, "last_modified": answer.last_modified}
        if not answer.start:
            work.drop()
            write_text(work.state, json.dumps({**version, "total": answer.total}))
        _check_room(work, answer)
        with work.part.open("ab") as file:
            answer.copy_to(file)
    return version


def _differs(total: int | None, state: Mapping[str, Any], start: int) -> bool:
    """Whether the rest that is offered belongs to a file of another length."""
    return bool(start) and None not in (total, state.get("total")) and total != state.get("total")


def _came(url: str, work: _Work) -> tuple[int, dict[str, Any]]:
    """Return how much of the file came before, and what the server said of it; 0 where it is of no use."""
    if work.part.is_symlink():  # it may lead anywhere
        work.drop()
    try:
        state, have = read_json(work.state), work.came
    except (OSError, ValueError):
        return 0, {}
    total = state.get("total")
    too_much = isinstance(total, int) and have > total
    return (0, {}) if state.get("url") != url or not _validator(state) or too_much else (have, state)


def _validator(state: Mapping[str, Any]) -> str:
    """Choose what ``If-Range`` takes: a strong ETag, else the date (RFC 9110, 13.1.5)."""
    etag, date = state.get("etag"), state.get("last_modified")
    if isinstance(etag, str) and etag.startswith('"'):
        return etag
    return date if isinstance(date, str) else ""


def _known_etag(url: str, work: _Work) -> str:
    """Return the ETag of the file that is there, if it is the one of this address; else nothing."""
    try:
        record = read_json(work.record)
        same = record.get("url") == url and work.target.stat().st_size == record.get("size")
    except (OSError, ValueError):
        return ""
    etag = record.get("etag")
    return etag if same and isinstance(etag, str) and etag.isascii() and etag.isprintable() else ""


def _check_room(work: _Work, answer: Answer) -> None:
    if answer.total is not None:
        free = shutil.disk_usage(work.target.parent).free
        if answer.total - answer.start > free:
            what = f"磁盘空间不足, 还需 {(answer.total - answer.start) >> 20} MB"
            raise Failed(what, f"{free >> 20} MB", "请清理磁盘后重试", final=True)


def _wanted_md5(url: str, work: _Work, md5: str | None) -> str:
    """Return the checksum that the file must have; empty where none is known."""
    if md5 != "auto":
        found = _MD5.match(md5 or "")
        if md5 and not found:
            raise InputError(Problem("md5", "应为 32 位十六进制数", md5[:40]))
        return found[1].lower() if found else ""
    for again in range(work.tries):
        try:
            found = _MD5.match(fetch_small(url, timeout_s=work.timeout_s))
            return found[1].lower() if found else ""
        except Failed as failure:
            if failure.final:
                return ""
            _pause(failure, again + 1, work)
    work.say("校验码 (md5) 取不到, 没有核对")
    return ""


def _wrong(part: Path, wanted: str) -> str | None:
    """Say what is wrong with a file that has come; None where nothing is."""
    if wanted:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if digest != wanted:
            return "下载的文件与校验码 (md5) 不符"
    if not is_whole_pbf(part):
        return "下载的文件不完整, 或不是 OSM PBF 文件"
    return None


def _finish(work: _Work, facts: Mapping[str, Any]) -> Path:
    """Put the file in its place, and its record beside it."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    size, digest = work.part.stat().st_size, file_hash(work.part)
    work.part.replace(work.target)
    work.state.unlink(missing_ok=True)
    record = {**facts, "size": size, "sha256": digest, "date": now}
    write_text(work.record, json.dumps(record, ensure_ascii=False, indent=1))
    work.say(f"已下载 {work.target.name}, {size / 1e6:.1f} MB")
    return work.target


def _copy(source: Path, work: _Work, md5: str | None) -> Path:
    """Take the file from a local mirror, with the same checks."""
    if source.stat().st_size > work.most_bytes:
        raise InputError(Problem(str(source), f"文件不能超过 {work.most_bytes >> 20} MB"))
    beside = source.with_name(f"{source.name}.md5")
    wanted = md5
    if md5 == "auto":
        text = beside.read_bytes()[:200].decode("ascii", "ignore") if beside.is_file() else ""
        found = _MD5.match(text)
        wanted = found[1] if found else None
    work.target.parent.mkdir(parents=True, exist_ok=True)
    work.say(f"复制 {source.name}")
    work.drop()
    shutil.copyfile(source, work.part)
    checked = _wanted_md5("", work, wanted)
    wrong = _wrong(work.part, checked)
    if wrong:
        work.drop()
        raise InputError(Problem(str(source), wrong.removeprefix("下载的"), fix="请换一个文件"))
    return _finish(work, {"url": "", "etag": "", "last_modified": "", "md5": checked, "mirror": source.name})


def _disk(target: Path, error: OSError) -> Problem:
    return Problem(str(target), f"文件无法写入 ({plain_error(error)})", fix="请检查磁盘空间和文件夹权限")
