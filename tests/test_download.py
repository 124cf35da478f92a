"""Downloads from a server that breaks off, lies, and serves other things than were asked for."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boai.geodata import web
from boai.geodata.download import download, locate, regions
from boai.geodata.errors import InputError
from boai.geodata.pbf_check import is_whole_pbf
from hypothesis import given
from hypothesis import strategies as st
from web_server import File, Server, in_turn, md5_of, serving, status, unused_port

PATH = "/asia/china/jiangxi-latest.osm.pbf"
NAME = "jiangxi-latest.osm.pbf"


def block(kind: bytes, data: bytes) -> bytes:
    """One block of an OSM PBF file."""
    size = len(data)
    varint = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])
    header = b"\n" + bytes([len(kind)]) + kind + b"\x18" + varint
    return len(header).to_bytes(4, "big") + header + data


PBF = block(b"OSMHeader", b"h" * 200) + b"".join(block(b"OSMData", bytes([at]) * 70_000) for at in range(8))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the machine must not matter: this machine itself is never reached through one."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        for form in (name, name.upper()):
            monkeypatch.setenv(form, f"http://127.0.0.1:{unused_port()}")
    for form in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(form, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


def fetch(server: Server, folder: Path, **how: Any) -> Path:
    facts: dict[str, Any] = {"timeout_s": 5.0, "wait_s": 0.01, "tries": 3, **how}
    return download("jiangxi", folder, mirror=server.url, **facts)


def parts(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_comes_with_its_record(server: Server, tmp_path: Path) -> None:
    said: list[str] = []
    server.routes = {PATH: File(PBF), f"{PATH}.md5": status(200, md5_of(PBF))}
    path = fetch(server, tmp_path, progress=said.append)
    assert path == tmp_path / NAME and path.read_bytes() == PBF
    assert parts(tmp_path) == {NAME, f"{NAME}.json"}
    record = json.loads((tmp_path / f"{NAME}.json").read_text())
    assert record["sha256"] == hashlib.sha256(PBF).hexdigest()
    assert record["md5"] == hashlib.md5(PBF).hexdigest()
    assert (record["size"], record["etag"], record["url"]) == (len(PBF), '"one"', server.url + PATH)
    assert record["last_modified"].startswith("Mon") and record["date"].startswith("20")
    assert said[-1].startswith("已下载")
    assert server.seen[0][1]["accept-encoding"] == "identity"


def test_the_newest_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    server.routes = {PATH: File(PBF)}
    first = fetch(server, tmp_path).stat().st_mtime_ns
    said: list[str] = []
    assert fetch(server, tmp_path, progress=said.append).stat().st_mtime_ns == first
    assert said == [f"{NAME} 已是最新, 无需下载"]
    server.routes = {PATH: File(PBF + block(b"OSMData", b"new"), etag='"two"')}
    assert fetch(server, tmp_path).stat().st_size > len(PBF)


@pytest.mark.parametrize("etag", ['"one"', "", 'W/"weak"'])
def test_it_goes_on_where_it_broke_off(server: Server, tmp_path: Path, etag: str) -> None:
    server.routes = {PATH: File(PBF, etag=etag, breaks=[100_000, 150_000, 1, 200_000])}
    assert fetch(server, tmp_path).read_bytes() == PBF
    asked = [headers.get("range") for path, headers in server.seen if path == PATH]
    assert asked == [None, "bytes=100000-", "bytes=250000-", "bytes=250001-", "bytes=450001-"]
    validators = {headers.get("if-range") for path, headers in server.seen[1:] if path == PATH}
    assert validators == ({'"one"'} if etag == '"one"' else {"Mon, 02 Mar 2026 20:21:00 GMT"})


def test_another_version_is_fetched_from_the_start(server: Server, tmp_path: Path) -> None:
    newer = PBF[:-5] + b"newer"
    old, new = (
        File(PBF, breaks=[100_000]),
        File(newer, etag='"two"', modified="Tue, 03 Mar 2026 20:21:00 GMT"),
    )
    server.routes = {PATH: in_turn(old, new)}
    assert fetch(server, tmp_path).read_bytes() == newer
    assert json.loads((tmp_path / f"{NAME}.json").read_text())["etag"] == '"two"'


def test_a_server_that_ignores_ranges(server: Server, tmp_path: Path) -> None:
    server.routes = {PATH: File(PBF, ranges=False, breaks=[300_000])}
    assert fetch(server, tmp_path).read_bytes() == PBF


def test_without_validator_it_starts_anew(server: Server, tmp_path: Path) -> None:
    server.routes = {PATH: File(PBF, etag="", modified="", breaks=[300_000])}
    assert fetch(server, tmp_path).read_bytes() == PBF
    assert [headers.get("range") for _, headers in server.seen[:2]] == [None, None]


def test_a_wrong_content_range_is_not_believed(server: Server, tmp_path: Path) -> None:
    server.routes = {PATH: in_turn(File(PBF, breaks=[100_000]), File(PBF, shift=7), File(PBF))}
    assert fetch(server, tmp_path).read_bytes() == PBF
    longer = File(PBF + PBF, breaks=[])  # another length under the same ETag
    server.routes = {PATH: in_turn(File(PBF, breaks=[100_000]), longer, File(PBF))}
    (tmp_path / NAME).unlink()
    assert fetch(server, tmp_path).read_bytes() == PBF


def test_416_starts_anew(server: Server, tmp_path: Path) -> None:
    server.routes = {PATH: in_turn(File(PBF, breaks=[100_000]), status(416), File(PBF))}
    assert fetch(server, tmp_path).read_bytes() == PBF


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path, code: int) -> None:
    server.routes = {PATH: in_turn(status(code), status(code, Retry_After="0"), File(PBF))}
    assert fetch(server, tmp_path).read_bytes() == PBF
    server.routes = {PATH: status(code)}
    with pytest.raises(InputError, match=f"服务器繁忙或出错, 得到 HTTP {code}"):
        fetch(server, tmp_path / "other" / NAME)


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_no_such_file(server: Server, tmp_path: Path, code: int) -> None:
    server.routes = {PATH: status(code)}
    with pytest.raises(InputError, match=rf"没有这个文件.*HTTP {code}"):
        fetch(server, tmp_path)
    assert len(server.seen) == 1 and not parts(tmp_path)


@pytest.mark.parametrize("longer", [5, 1_000_000])
def test_a_server_that_promises_more_than_it_sends(server: Server, tmp_path: Path, longer: int) -> None:
    server.routes = {PATH: File(PBF, longer=longer)}
    with pytest.raises(InputError, match=r"没有传完|拒绝了请求"):
        fetch(server, tmp_path)
    assert not (tmp_path / NAME).exists() and len(server.seen) < 10


@pytest.mark.parametrize("longer", [-5, -70_000])
def test_a_server_that_promises_less_than_it_sends(server: Server, tmp_path: Path, longer: int) -> None:
    server.routes = {PATH: File(PBF, longer=longer)}
    with pytest.raises(InputError, match="不完整"):
        fetch(server, tmp_path)
    assert not parts(tmp_path)


def test_chunked(server: Server, tmp_path: Path) -> None:
    server.routes = {PATH: File(PBF, chunked=True)}
    assert fetch(server, tmp_path).read_bytes() == PBF
    server.routes = {PATH: File(PBF, chunked=True, etag='"two"', breaks=[100_000, 300_000])}
    assert fetch(server, tmp_path).read_bytes() == PBF


def test_without_any_length_a_cut_is_seen(server: Server, tmp_path: Path) -> None:
    def bare(handler: Any) -> None:
        handler.send(200, PBF[:-30_000], Content_Length="")

    server.routes = {PATH: bare}
    with pytest.raises(InputError, match="不完整"):
        fetch(server, tmp_path)
    assert not parts(tmp_path)


def test_checksums(server: Server, tmp_path: Path) -> None:
    corrupt = PBF[:-9] + b"x" * 9
    right = status(200, md5_of(PBF))
    server.routes = {PATH: File(corrupt), f"{PATH}.md5": right}
    with pytest.raises(InputError, match=r"校验码 \(md5\) 不符"):
        fetch(server, tmp_path)
    assert not parts(tmp_path)
    server.routes = {PATH: in_turn(File(corrupt), File(PBF)), f"{PATH}.md5": right}
    assert fetch(server, tmp_path).read_bytes() == PBF  # renewed while it was fetched
    server.routes = {PATH: File(PBF)}
    with pytest.raises(InputError, match="不符"):
        fetch(server, tmp_path / "a.osm.pbf", md5="0" * 32)
    assert fetch(server, tmp_path / "a.osm.pbf", md5=hashlib.md5(PBF).hexdigest().upper()).exists()
    with pytest.raises(InputError, match="32 位十六进制"):
        fetch(server, tmp_path / "b.osm.pbf", md5="short")


def test_a_checksum_that_is_none(server: Server, tmp_path: Path) -> None:
    page = status(200, b"<html>please log in</html>" * 10_000)
    server.routes = {PATH: File(PBF), f"{PATH}.md5": page}
    assert fetch(server, tmp_path).exists()
    assert json.loads((tmp_path / f"{NAME}.json").read_text())["md5"] == ""


@pytest.mark.parametrize(
    "body", [b"<html><title>login</title></html>", b"", b"x", b"\0\0\0", b"PK\x03\x04" * 100, b"\0" * 100_000]
)
def test_what_is_no_osm_file_is_refused(server: Server, tmp_path: Path, body: bytes) -> None:
    server.routes = {PATH: status(200, body)}
    with pytest.raises(InputError, match="不是 OSM PBF 文件"):
        fetch(server, tmp_path)
    assert not (tmp_path / NAME).exists()


def test_compressed_on_the_way(server: Server, tmp_path: Path) -> None:
    server.routes = {PATH: File(PBF, headers={"Content-Encoding": "gzip"})}
    with pytest.raises(InputError, match="擅自压缩"):
        fetch(server, tmp_path)


def test_a_slow_drip_is_left_and_resumed(server: Server, tmp_path: Path) -> None:
    server.routes = {PATH: in_turn(File(PBF, piece=20, pause_s=0.1), File(PBF))}
    began = time.monotonic()
    assert fetch(server, tmp_path, timeout_s=0.5).read_bytes() == PBF
    assert time.monotonic() - began < 30
    assert server.seen[1][1]["range"].startswith("bytes=")
    server.routes = {PATH: File(PBF, etag='"slow"', piece=20, pause_s=0.1)}
    with pytest.raises(InputError, match="传得太慢"):
        fetch(server, tmp_path, timeout_s=0.4, tries=2)


def test_a_silent_server(server: Server, tmp_path: Path) -> None:
    server.routes = {PATH: lambda _: time.sleep(1.5)}
    with pytest.raises(InputError, match=r"无法连接服务器 \(超时\)"):
        fetch(server, tmp_path, timeout_s=0.2, tries=2)


def test_no_network(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(InputError, match=r"服务器拒绝连接\).*拷来后直接用"):
        download("jiangxi", tmp_path, mirror=address, tries=2, wait_s=0.01)
    with pytest.raises(InputError, match=r"找不到服务器, 可能没有联网|无法连接"):
        download("http://no-such-host.invalid/x.osm.pbf", tmp_path, tries=1, timeout_s=2.0)


def test_redirects(server: Server, tmp_path: Path) -> None:
    server.routes = {"/real": File(PBF), PATH: status(302, Location="/real")}
    assert fetch(server, tmp_path).read_bytes() == PBF
    server.routes = {PATH: status(302, Location=PATH)}
    with pytest.raises(InputError, match="不断转向, 或"):
        fetch(server, tmp_path / "loop.osm.pbf")
    for where in ("file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "gopher://x/"):
        server.routes = {PATH: status(302, Location=where)}
        with pytest.raises(InputError, match="不安全的地址, 不跟随"):
            fetch(server, tmp_path / "unsafe.osm.pbf")
    assert parts(tmp_path) == {NAME, f"{NAME}.json"}


def test_bounds(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for lying in (False, True):
        server.routes = {PATH: File(PBF, chunked=lying)}
        with pytest.raises(InputError, match="文件超过 0 MB, 不下载"):
            fetch(server, tmp_path, most_bytes=200_000)
    server.routes = {PATH: File(PBF, longer=1 << 45)}
    with pytest.raises(InputError, match="磁盘空间不足"):
        fetch(server, tmp_path / "huge.osm.pbf", most_bytes=1 << 50)


def test_a_full_disk(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: web.Answer, file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(web.Answer, "copy_to", full)
    server.routes = {PATH: File(PBF)}
    with pytest.raises(InputError, match=r"文件无法写入 \(磁盘已满\)"):
        fetch(server, tmp_path)
    assert not (tmp_path / NAME).exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that may not be written")
def test_a_folder_without_permission(server: Server, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    server.routes = {PATH: File(PBF)}
    with pytest.raises(InputError, match="没有权限"):
        fetch(server, tmp_path)


def test_a_link_in_place_of_the_part_is_not_followed(server: Server, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("keep")
    (tmp_path / f"{NAME}.part").symlink_to(other)
    server.routes = {PATH: File(PBF)}
    assert fetch(server, tmp_path).read_bytes() == PBF
    assert other.read_text() == "keep"


@pytest.mark.parametrize("state", ["", "{", "[]", '{"url": 3}', '{"etag": "a\\r\\nX: y"}'])
def test_a_broken_state_starts_anew(server: Server, tmp_path: Path, state: str) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"rubbish")
    (tmp_path / f"{NAME}.part.json").write_text(state)
    server.routes = {PATH: File(PBF)}
    assert fetch(server, tmp_path).read_bytes() == PBF


KILLED = """
import sys
from boai.geodata.download import download
download("jiangxi", sys.argv[1], mirror=sys.argv[2])
"""


def test_killed_in_the_middle_only_the_part_stays(server: Server, tmp_path: Path) -> None:
    server.routes = {PATH: File(PBF, piece=10_000, pause_s=0.05)}
    run = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), server.url])
    part = tmp_path / f"{NAME}.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 50_000):
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert parts(tmp_path) == {f"{NAME}.part", f"{NAME}.part.json"}
    server.seen.clear()
    server.routes = {PATH: File(PBF)}
    assert fetch(server, tmp_path).read_bytes() == PBF
    assert server.seen[0][1]["range"] != "bytes=0-"
    assert parts(tmp_path) == {NAME, f"{NAME}.json"}


def test_killed_after_the_last_byte(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(PBF)
    state = {"url": server.url + PATH, "etag": '"one"', "last_modified": "", "total": len(PBF)}
    (tmp_path / f"{NAME}.part.json").write_text(json.dumps(state))
    assert fetch(server, tmp_path).read_bytes() == PBF
    assert [path for path, _ in server.seen] == [f"{PATH}.md5"]


def test_local_mirrors(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror" / "asia" / "china"
    mirror.mkdir(parents=True)
    (mirror / NAME).write_bytes(PBF)
    to = tmp_path / "to"
    to.mkdir()
    for place in (tmp_path / "mirror", mirror, mirror / NAME):
        assert download("江西", to, mirror=place).read_bytes() == PBF
    assert parts(to) == {NAME, f"{NAME}.json"}
    (mirror / f"{NAME}.md5").write_bytes(md5_of(b"other"))
    with pytest.raises(InputError, match="不符"):
        download("江西", to, mirror=mirror)
    assert (to / NAME).read_bytes() == PBF
    with pytest.raises(InputError, match="镜像中没有"):
        download("湖南", to, mirror=mirror)
    (mirror / NAME).write_bytes(PBF[:-1])
    with pytest.raises(InputError, match="不完整"):
        download("江西", to, mirror=mirror, md5=None)


def test_what_is_no_download_is_never_replaced(tmp_path: Path) -> None:
    mirror = tmp_path / NAME
    mirror.write_bytes(PBF)
    (tmp_path / "letter.txt").write_text("keep me", encoding="utf-8")
    (tmp_path / "x.osm.pbf.json").write_text('{"mine": 1}', encoding="utf-8")
    (tmp_path / "y.osm.pbf.part").mkdir()
    targets = [tmp_path / "letter.txt", tmp_path / "x.osm.pbf", tmp_path / "y.osm.pbf"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link").symlink_to(tmp_path / "pipe")
        targets += [tmp_path / "pipe", tmp_path / "link"]
    before = parts(tmp_path)
    for target in targets:
        with pytest.raises(InputError, match="这里已有别的文件"):
            download("江西", target, mirror=mirror)
    assert parts(tmp_path) == before
    assert (tmp_path / "letter.txt").read_text(encoding="utf-8") == "keep me"
    assert not (tmp_path / "pipe").is_file()
    assert download("江西", tmp_path / "data", mirror=mirror) == tmp_path / "data" / NAME  # meant as a folder


@pytest.mark.parametrize(
    "source",
    ["atlantis", "file:///etc/passwd", "ftp://x/y.osm.pbf", "http://", "http://x/", "http://x/..", "http://[/y",
     "http://x/a b", "http://user:secret@x/y.osm.pbf", "http://x/%2e%2e%5c..\\y", ""],
)  # fmt: skip
def test_sources_that_are_none(tmp_path: Path, source: str) -> None:
    with pytest.raises(InputError) as caught:
        download(source, tmp_path, tries=1)
    assert "secret" not in str(caught.value)


def test_regions_have_their_names() -> None:
    assert regions()["jiangxi"] == ("江西", "江西省")
    for name, chinese in regions().items():
        assert locate(chinese[0]) == locate(name) == locate(chinese[1])
        assert locate(name)[0] == f"https://download.geofabrik.de/asia/china/{name}-latest.osm.pbf"


def test_real_files_are_whole(shared: Path, tmp_path: Path) -> None:
    real = shared / "data" / "osm" / "andorra.osm.pbf"
    assert is_whole_pbf(real)
    cut = tmp_path / "cut.osm.pbf"
    for size in (10, 100, 50_000, real.stat().st_size - 1):
        cut.write_bytes(real.read_bytes()[:size])
        assert not is_whole_pbf(cut)
    cut.write_bytes(real.read_bytes() + b"\0")
    assert not is_whole_pbf(cut)


@given(st.binary(max_size=200), st.integers(0, 2))
def test_any_bytes_are_judged(tmp_path_factory: pytest.TempPathFactory, raw: bytes, kind: int) -> None:
    path = tmp_path_factory.getbasetemp() / "any.osm.pbf"
    head = block(b"OSMHeader", b"h")
    path.write_bytes([raw, head + raw, head + len(raw).to_bytes(4, "big") + raw][kind])
    assert is_whole_pbf(path) in (True, False)
