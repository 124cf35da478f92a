"""Zip files that lie, lead out, hide links, have passwords or Chinese names."""

import io
import stat
import struct
import zipfile

import pytest
from boai.geodata.intake import archive as module
from boai.geodata.intake.archive import Archive, is_inside
from boai.geodata.intake.limits import MOST_MEMBERS, RefusedError


def packed(members, method=zipfile.ZIP_DEFLATED):
    """Return a zip file with these members: name or ZipInfo → bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return stream.getvalue()


def with_size(content, old, new):
    """Say another size of the unpacked member, in its own header and in the directory."""
    return content.replace(struct.pack("<I", old), struct.pack("<I", new))


def with_name(content, old, new):
    assert len(old) == len(new)
    return content.replace(old, new)


def with_password_flag(content):
    """Set the bit that says encrypted, in both headers."""
    data = bytearray(content)
    data[6] |= 1
    data[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def refused(content, name=None):
    with pytest.raises(RefusedError) as caught:
        opened = Archive(content, file="上报.zip")
        opened.read(name or opened.names[0])
    assert str(caught.value).startswith("上报.zip")
    assert "\n" not in str(caught.value)
    return caught.value.finding.code


def test_members_come_back_as_they_went_in():
    content = packed({"a.csv": b"x" * 100_000, "b/c.csv": b"y", "b/": b""})
    opened = Archive(content, file="上报.zip")
    assert opened.names == ("a.csv", "b/c.csv")
    assert opened.read("a.csv") == b"x" * 100_000
    assert opened.find("B/C.CSV") == "b/c.csv"
    assert opened.find("d.csv") is None
    assert opened.size("a.csv") == 100_000


def test_too_small_a_size_is_a_lie_and_refused():
    size = 30_000_000
    bomb = with_size(packed({"aed.csv": b"\0" * size}), size, 1000)
    assert len(bomb) < 100_000
    assert Archive(bomb, file="上报.zip").size("aed.csv") == 1000
    assert refused(bomb) == "unsafe_archive"


def test_content_that_grows_beyond_measure_is_refused():
    assert refused(packed({"aed.csv": b"\0" * 80_000_000})) == "unsafe_archive"


def test_a_huge_declared_size_is_refused_before_reading():
    assert refused(with_size(packed({"aed.csv": b"\0" * 777}), 777, 4_000_000_000)) == "unsafe_archive"


def test_what_comes_out_is_counted_over_all_members(monkeypatch):
    monkeypatch.setattr(module, "MOST_UNPACKED", 1_000_000)
    opened = Archive(packed({f"{i}.csv": b"\0" * 240_000 for i in range(4)}), file="上报.zip")
    with pytest.raises(RefusedError) as caught:
        for _ in range(2):
            for name in opened.names:
                opened.read(name)
    assert caught.value.finding.code == "unsafe_archive"


def test_a_member_above_its_own_limit_is_refused():
    opened = Archive(packed({"a.csv": b"\0" * 2_000_000}), file="上报.zip")
    with pytest.raises(RefusedError) as caught:
        opened.read("a.csv", most=1_000_000)
    assert caught.value.finding.code == "file_too_large"


@pytest.mark.parametrize(
    "name", ["../../etc/x.csv", "/etc/x.csv", "C:/x.csv", "..\\x.csv", "a/../../x.csv", "c:x"]
)
def test_names_out_of_the_archive_are_refused(name):
    assert refused(packed({"ok.csv": b"1", name: b"2"})) == "unsafe_archive"


@pytest.mark.parametrize("name", ["..a.csv", "a..b/c.csv", "南昌/.../x.csv"])
def test_dots_in_names_are_no_way_out(name):
    assert is_inside(name)
    assert Archive(packed({name: b"1"}), file="上报.zip").names == (name,)


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(mode):
    link = zipfile.ZipInfo("aed.csv")
    link.external_attr = (mode | 0o777) << 16
    assert refused(packed({link: b"/etc/passwd"})) == "unsafe_archive"


def test_password_is_told():
    assert refused(with_password_flag(packed({"aed.csv": b"a,b\n1,2\n"}))) == "encrypted"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_at_once_are_refused(method):
    assert refused(packed({"aed.csv": b"a" * 1000}, method)) == "unsupported_format"


def test_too_many_members_are_refused():
    content = packed({f"{i}.csv": b"" for i in range(MOST_MEMBERS + 1)}, zipfile.ZIP_STORED)
    assert refused(content) == "unsafe_archive"


def test_a_directory_of_a_million_entries_is_not_even_opened(monkeypatch):
    def explode(*_):
        raise AssertionError("opened")

    monkeypatch.setattr(module.zipfile, "ZipFile", explode)
    assert refused(b"PK\x03\x04" + b"PK\x01\x02" * (40 * MOST_MEMBERS + 1)) == "unsafe_archive"


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_truncated_archives_are_refused(cut):
    content = packed({"aed.csv": bytes(range(256)) * 4, "b.csv": b"2" * 50})
    assert refused(content[:cut]) == "file_unreadable"


def test_a_flipped_bit_is_found():
    content = bytearray(packed({"aed.csv": b"hello" * 10}, zipfile.ZIP_STORED))
    content[45] ^= 1
    assert refused(bytes(content)) == "unsafe_archive"


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_chinese_names_without_the_flag(encoding):
    name = "南昌市/除颤器.csv".encode(encoding)
    content = with_name(packed({"x" * len(name): b"1"}), b"x" * len(name), name)
    assert Archive(content, file="上报.zip").names == ("南昌市/除颤器.csv",)


def test_a_gbk_byte_that_looks_like_a_backslash_is_no_separator():
    name = "誠.csv".encode("gbk")  # its second byte is 0x5C
    assert name[1:2] == b"\\"
    content = with_name(packed({"xx.csv": b"1"}), b"xx.csv", name)
    assert Archive(content, file="上报.zip").names == ("誠.csv",)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("a.csv", "x")
        target.writestr("a.csv", "y")
    assert refused(stream.getvalue(), "a.csv") == "unsafe_archive"
