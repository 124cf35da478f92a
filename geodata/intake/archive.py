"""Zip files from outside: read in memory, never unpacked to disk; unsafe ones are refused whole."""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from functools import cached_property

from ..shown import shown
from .limits import (
    MOST_BYTES,
    MOST_MEMBERS,
    MOST_RATIO,
    MOST_UNPACKED,
    RATIO_FROM,
    RefusedError,
    megabytes,
    refuse,
)

_CHUNK = 1 << 16
_METHODS = (
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
)  # the others cannot be unpacked step by step in little memory
_ENTRY = b"PK\x01\x02"
_DAMAGED = "请重新打包或重新下载后再试"
_UNSAFE = "请核对文件来源; 确认无误的请解压后重新打包"


class Archive:
    """An opened zip file: member names as users know them, members streamed within a limit for all of them.

    Raises
    ------
    RefusedError
        ``encrypted``; ``unsafe_archive``: names that lead out of the archive, links, too many
        members, too much content; ``file_unreadable``: damaged.
    """

    def __init__(self, content: bytes, *, file: str) -> None:
        self.file = file
        self._left = MOST_UNPACKED
        if (
            content.count(_ENTRY) > 40 * MOST_MEMBERS
        ):  # before they become objects; inner zips have some as well
            raise self._unsafe(f"压缩包中的文件不能超过 {MOST_MEMBERS} 个")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            infos = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError, OverflowError):
            raise refuse("file_unreadable", "压缩包已损坏", file=file, fix=_DAMAGED) from None
        self._check(infos)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the members that are files, in the order of the archive."""
        return tuple(self._members)

    def find(self, name: str) -> str | None:
        """Look a member up without regard to case; None where there is none."""
        return self._lower.get(name.lower())

    def size(self, name: str) -> int:
        """Bytes of a member as the archive declares them, which may be a lie."""
        return self._members[name].file_size

    def read(self, name: str, *, most: int = MOST_BYTES) -> bytes:
        """Read a member whole; refused above ``most`` bytes, whatever the archive declares."""
        parts, size = [], 0
        for chunk in self.stream(name):
            size += len(chunk)
            if size > most:
                raise refuse(
                    "file_too_large", f"解压后不能超过 {megabytes(most)}", file=f"{self.file}/{name}"
                )
            parts.append(chunk)
        return b"".join(parts)

    def stream(self, name: str) -> Iterator[bytes]:
        """Yield a member in pieces of 64 kB, counting what really comes out.

        A member that is longer than the archive says is cut there by ``zipfile`` and fails its checksum.
        """
        packed, size = self._members[name].compress_size, 0
        try:
            with self._zip.open(self._members[name]) as member:
                while chunk := member.read(_CHUNK):
                    self._left -= len(chunk)
                    size += len(chunk)
                    if size > RATIO_FROM and size > MOST_RATIO * packed:
                        raise self._unsafe("压缩比异常 (疑似压缩炸弹)", name)
                    if self._left < 0:
                        raise self._unsafe(f"解压后的内容超过 {megabytes(MOST_UNPACKED)}")
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            if isinstance(error, RefusedError):
                raise
            what = f"{shown(name)} 已损坏, 或大小与压缩包所写不符"
            raise refuse("unsafe_archive", what, file=self.file, fix=_DAMAGED) from None
        except (RuntimeError, NotImplementedError):
            raise refuse(
                "unsupported_format", f"{shown(name)} 无法解压", file=self.file, fix=_DAMAGED
            ) from None

    def _check(self, infos: list[zipfile.ZipInfo]) -> None:
        files = [info for info in infos if not info.orig_filename.endswith(("/", "\\"))]
        if len(files) > MOST_MEMBERS:
            raise self._unsafe(f"压缩包中的文件不能超过 {MOST_MEMBERS} 个", len(files))
        if any(info.flag_bits & 0x1 for info in files):
            raise refuse("encrypted", "压缩包有密码", file=self.file, fix="请解压后去掉密码再导入")
        declared = sum(info.file_size for info in files)
        if declared > MOST_UNPACKED:
            what = f"解压后的内容超过 {megabytes(MOST_UNPACKED)}"
            raise self._unsafe(what, megabytes(declared))
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            name = member_name(info)
            self._check_name(name, info)
            if info in files:
                if name in self._members:
                    raise self._unsafe("压缩包中有两个同名文件, 不知道该读哪一个", name)
                self._members[name] = info
        self._lower = {name.lower(): name for name in self._members}

    def _check_name(self, name: str, info: zipfile.ZipInfo) -> None:
        if not is_inside(name):
            raise self._unsafe("压缩包中有指向包外的路径", name)
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise self._unsafe("压缩包中有链接或特殊文件", name)
        if info.compress_type not in _METHODS:
            fix = "请用系统自带的 zip 压缩重新打包"
            raise refuse("unsupported_format", "压缩包的压缩方法不支持", file=self.file, got=name, fix=fix)

    def _unsafe(self, what: str, got: object = "") -> RefusedError:
        return refuse("unsafe_archive", what, file=self.file, got=got, fix=_UNSAFE)


def member_name(info: zipfile.ZipInfo) -> str:
    """Read the name of a member: UTF-8 where it says so or is so, else GBK, as Chinese zip programs write.

    Examples
    --------
    >>> member_name(zipfile.ZipInfo("南昌.csv".encode("gbk").decode("cp437")))
    '南昌.csv'
    """
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        raw = name.encode("cp437", "replace") if _is_cp437(name) else name.encode()
        name = _decode(raw)
    return name.replace("\\", "/")


def is_inside(name: str) -> bool:
    r"""Whether a member's path stays inside the archive.

    Examples
    --------
    >>> [is_inside(name) for name in ("a/b.csv", "a/..b.csv", "../b.csv", "/etc/passwd", "C:/b.csv")]
    [True, True, False, False, False]
    """
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or "\0" in name:
        return False
    return ".." not in name.split("/")


def _is_cp437(name: str) -> bool:
    try:
        name.encode("cp437")
    except UnicodeEncodeError:
        return False
    return True


def _decode(raw: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("gb18030", "replace")
