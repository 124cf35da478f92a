"""The door of the readers: folders, archives, special files, refusals with a sentence and a code."""

import ast
import os
import random
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from boai.geodata.intake import files, limits, sources
from boai.geodata.intake.codes import CODES
from boai.geodata.intake.files import FileSet, read_tables
from boai.geodata.intake.heading import looks_like_header
from boai.geodata.intake.limits import RefusedError

CSV = "名称,经度,纬度\n{},115.8,28.6\n"


def put(folder, name, content=None):
    """Write a file into a folder, a CSV table if nothing else is said."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = CSV.format(Path(name).stem) if content is None else content
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return path


def workbook(path):
    book = openpyxl.Workbook()
    book.active.append(["名称", "经度", "纬度"])
    book.active.append(["甲", 115.8, 28.6])
    book.save(path)
    return path


def names(fileset):
    return [table.file for table in fileset.tables]


def refused(path, **options):
    """Return the refusal's code; its sentence is Chinese, on one line, and names the file."""
    with pytest.raises(RefusedError) as caught:
        read_tables(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert re.search("[一-鿿]", text)
    assert "Traceback" not in text
    return caught.value.finding.code


# one file


def test_a_missing_file(tmp_path):
    assert refused(tmp_path / "没有.xlsx") == "file_missing"
    assert refused(tmp_path / ("x" * 5000)) == "file_missing"
    assert refused("a\0b") == "file_missing"


def test_a_file_above_the_limit_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "aed.xlsx"
    with path.open("wb") as stream:
        stream.truncate(300 * 1024 * 1024)

    def explode(*_, **__):
        raise AssertionError("opened")

    monkeypatch.setattr(limits.os, "open", explode)
    with pytest.raises(RefusedError, match="200 MB, 得到 300 MB"):
        read_tables(path)
    assert refused(path) == "file_too_large"


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MOST_BYTES", 10)
    seen = []
    monkeypatch.setattr(limits, "check_size", lambda size, **_: seen.append(size))
    limits.read_bytes(put(tmp_path, "a.csv", b"x" * 1000), file="a.csv")
    assert seen == [1000, 11]


@pytest.mark.parametrize("where", ["itself", "inside"])
def test_pipes_are_not_waited_for(tmp_path, where):
    os.mkfifo(tmp_path / "aed.csv")
    if where == "itself":
        assert refused(tmp_path / "aed.csv") == "file_unreadable"
    else:
        put(tmp_path, "b.csv")
        fileset = read_tables(tmp_path)
        assert len(fileset.tables) == 1
        assert [found.code for found in fileset.findings] == ["file_skipped"]


def test_devices_are_not_read():
    assert refused("/dev/zero") == "file_unreadable"


def test_a_pipe_beside_a_shapefile_is_not_waited_for(tmp_path):
    import geopandas as gpd
    import shapely

    gpd.GeoDataFrame({"a": ["x"]}, geometry=[shapely.Point(115, 28)], crs=4490).to_file(tmp_path / "a.shp")
    (tmp_path / "a.dbf").unlink()
    os.mkfifo(tmp_path / "a.dbf")
    assert refused(tmp_path / "a.shp") == "file_unreadable"


@pytest.mark.parametrize(
    ("head", "got"),
    [(b"%PDF-1.7", "PDF"), (b"Rar!\x1a\x07", "rar"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"\x89PNG\r\n", "图片"),
     (b"MZ\x90", "程序"), (b"\x1f\x8b\x08", "gz"), (b"\x09\x08\x10\0", "Excel 4")],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["xlsx", "csv", "shp", "gpkg"])
def test_other_formats_are_named(tmp_path, head, got, suffix):
    with pytest.raises(RefusedError, match=got):
        read_tables(put(tmp_path, f"a.{suffix}", head + b"x" * 500))
    assert refused(tmp_path / f"a.{suffix}") == "unsupported_format"


@pytest.mark.parametrize(("part", "got"), [("word/document.xml", "Word"), ("xl/workbook.bin", "xlsb")])
def test_other_documents_are_named(tmp_path, part, got):
    path = zipped(tmp_path / "a.xlsx", {"[Content_Types].xml": "<Types/>", part: "x"})
    with pytest.raises(RefusedError, match=got):
        read_tables(path)


def test_a_workbook_without_its_parts_is_refused(tmp_path):
    assert refused(zipped(tmp_path / "a.xlsx", {"[Content_Types].xml": "<Types/>"})) == "file_unreadable"
    assert (
        refused(put(tmp_path, "b.xlsx", workbook(tmp_path / "c.xlsx").read_bytes()[:2000]))
        == "file_unreadable"
    )


def test_hash_and_name(tmp_path):
    import hashlib

    path = put(tmp_path, "南昌 aed.csv")
    (table,) = read_tables(str(path)).tables
    assert table.file == "南昌 aed.csv"
    assert table.hash == hashlib.sha256(path.read_bytes()).hexdigest()


def test_names_in_odd_bytes_can_be_written_down(tmp_path):
    path = os.fsencode(tmp_path) + b"/" + "南昌".encode("gbk") + b"\n.csv"
    Path(os.fsdecode(path)).write_bytes(CSV.format("甲").encode())
    (table,) = read_tables(os.fsdecode(path)).tables
    assert table.file == "南昌 .csv"


def test_progress_names_each_file(tmp_path):
    put(tmp_path, "a.csv")
    put(tmp_path, "b.csv")
    said = []
    read_tables(tmp_path, progress=said.append)
    assert said == [f"读入 {tmp_path.name}/a.csv", f"读入 {tmp_path.name}/b.csv"]


# folders


def test_a_folder_with_all_that_is_in_it(tmp_path):
    put(tmp_path, "乙.csv")
    put(tmp_path, "南昌/甲.csv")
    put(tmp_path, "南昌/深/丙.tsv", "名称\t经度\n丙\t115\n")
    workbook(tmp_path / "南昌" / "表.xlsx")
    for junk in ("~$表.xlsx", ".DS_Store", "Thumbs.db", "__MACOSX/a.csv", ".hidden.csv", "desktop.ini"):
        put(tmp_path, junk, b"\0\1\2")
    root = tmp_path.name
    fileset = read_tables(tmp_path)
    assert isinstance(fileset, FileSet)
    assert names(fileset) == [
        f"{root}/{name}" for name in ("乙.csv", "南昌/甲.csv", "南昌/表.xlsx", "南昌/深/丙.tsv")
    ]
    assert not fileset.findings


def test_a_bad_file_among_good_ones_is_a_finding(tmp_path):
    put(tmp_path, "a.csv")
    put(tmp_path, "坏.xlsx", b"PK\x03\x04 broken")
    put(tmp_path, "照片.jpg", b"\xff\xd8\xff\xe0")
    put(tmp_path, "说明.txt", "这里是说明,不是表格\n请看表格\n")
    put(tmp_path, "x.py", "import os\nprint(1, 2)\n")
    fileset = read_tables(tmp_path)
    assert names(fileset) == [f"{tmp_path.name}/a.csv"]
    found = {item.file.rpartition("/")[2]: (item.code, item.severity) for item in fileset.findings}
    assert found["坏.xlsx"] == ("file_unreadable", "error")
    assert found["照片.jpg"] == ("unsupported_format", "warning")
    assert found["说明.txt"][1] in ("warning", "note")
    assert found["x.py"] == ("unsupported_format", "warning")


def test_links_in_folders_are_not_followed(tmp_path):
    outside = put(tmp_path, "secret/a.csv")
    folder = tmp_path / "上报"
    put(folder, "b.csv")
    (folder / "c.csv").symlink_to(outside)
    (folder / "d").symlink_to(outside.parent, target_is_directory=True)
    (folder / "e").symlink_to(folder, target_is_directory=True)
    fileset = read_tables(folder)
    assert names(fileset) == ["上报/b.csv"]
    assert [found.code for found in fileset.findings] == ["file_skipped"] * 3


def test_nothing_in_a_folder(tmp_path):
    assert refused(tmp_path) == "no_table"
    put(tmp_path, "坏.xlsx", b"PK\x03\x04 broken")
    put(tmp_path, "坏.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    with pytest.raises(RefusedError) as caught:
        read_tables(tmp_path)
    assert [found.code for found in caught.value.findings] == ["file_unreadable"] * 2


def test_too_many_files(tmp_path, monkeypatch):
    for i in range(12):
        put(tmp_path, f"{i}.csv")
    monkeypatch.setattr(sources, "MOST_FILES", 10)
    assert refused(tmp_path) == "file_too_large"
    monkeypatch.setattr(sources, "MOST_FILES", 100)
    monkeypatch.setattr(sources, "MOST_UNPACKED", 100)
    assert refused(tmp_path) == "file_too_large"


def test_a_shapefile_in_a_folder_is_one_table(tmp_path):
    import geopandas as gpd
    import shapely

    layer = gpd.GeoDataFrame({"名称": ["甲"]}, geometry=[shapely.Point(115, 28)], crs=4490)
    layer.to_file(tmp_path / "a.shp", encoding="gbk")
    put(tmp_path, "a.shp.xml", "<metadata/>")
    fileset = read_tables(tmp_path)
    assert names(fileset) == [f"{tmp_path.name}/a.shp"]
    assert not fileset.findings
    assert fileset.tables[0].columns["名称"].tolist() == ["甲"]
    parts = {f"图层/{item.name}": item.read_bytes() for item in tmp_path.iterdir()}
    fileset = read_tables(zipped(tmp_path / "上报.zip", parts))
    assert names(fileset) == ["上报.zip/图层/a.shp"]
    assert fileset.tables[0].crs == "EPSG:4490"
    assert fileset.tables[0].columns["名称"].tolist() == ["甲"]


# archives


def test_an_archive_of_tables(tmp_path):
    book = workbook(tmp_path / "x.xlsx").read_bytes()
    members = {"南昌/a.csv": CSV.format("甲"), "b.xlsx": book, "__MACOSX/._a.csv": "x", "说明.docx": "PK"}
    fileset = read_tables(zipped(tmp_path / "上报.zip", members))
    assert names(fileset) == ["上报.zip/南昌/a.csv", "上报.zip/b.xlsx"]
    assert [found.severity for found in fileset.findings] == ["warning"]


def test_archives_in_folders_but_not_in_archives(tmp_path):
    inner = zipped(tmp_path / "内.zip", {"a.csv": CSV.format("甲")})
    assert names(read_tables(tmp_path)) == [f"{tmp_path.name}/内.zip/a.csv"]
    both = zipped(tmp_path / "外.zip", {"内.zip": inner.read_bytes(), "b.csv": CSV.format("乙")})
    fileset = read_tables(both)
    assert names(fileset) == ["外.zip/b.csv"]
    assert [(found.code, found.severity) for found in fileset.findings] == [("unsafe_archive", "error")]
    assert refused(zipped(tmp_path / "独.zip", {"内.zip": inner.read_bytes()})) == "unsafe_archive"


def test_an_unsafe_archive_is_refused_whole(tmp_path):
    path = zipped(tmp_path / "a.zip", {"ok.csv": CSV.format("甲"), "../../evil.csv": CSV.format("乙")})
    assert refused(path) == "unsafe_archive"
    assert not list(tmp_path.parent.glob("evil*"))
    put(tmp_path, "b.csv")
    fileset = read_tables(tmp_path)
    assert names(fileset) == [f"{tmp_path.name}/b.csv"]
    assert [found.code for found in fileset.findings] == ["unsafe_archive"]


def test_nothing_is_written_anywhere(tmp_path, monkeypatch):
    path = zipped(
        tmp_path / "a.zip", {"a.csv": CSV.format("甲"), "b.xlsx": workbook(tmp_path / "b.xlsx").read_bytes()}
    )
    before = sorted(tmp_path.iterdir())
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    read_tables(path)
    assert sorted(tmp_path.iterdir()) == before


def test_a_sheet_of_one_of_several_files(tmp_path):
    workbook(tmp_path / "a.xlsx")
    put(tmp_path, "b.csv")
    assert f"{tmp_path.name}/a.xlsx" in names(read_tables(tmp_path, sheet="Sheet"))


# every kind of file, damaged


def damaged(content, chance):
    """Change a few bytes: others, runs of marks, a piece twice, a piece lost."""
    raw = bytearray(content)
    for _ in range(chance.choice([1, 2, 5, 20])):
        raw = raw or bytearray(b" ")
        at, kind = chance.randrange(len(raw)), chance.random()
        if kind < 0.5:
            raw[at] = chance.randrange(256)
        elif kind < 0.7:
            raw[at : at + 5] = bytes(chance.choice(b'\0\xff<>"A') for _ in range(chance.randrange(9)))
        elif kind < 0.85:
            start = chance.randrange(len(raw))
            raw[at:at] = raw[start : start + chance.randrange(1, 200)]
        else:
            del raw[at : at + chance.randrange(1, 100)]
    return bytes(raw)


def damaged_zip(path, chance):
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    name = chance.choice(sorted(parts))
    return zipped(
        path.with_name("x" + path.suffix), {**parts, name: damaged(parts[name], chance)}
    ).read_bytes()


def sample(folder, suffix):
    """Write a sound file of a kind with three sites."""
    import geopandas as gpd
    import shapely
    import xlwt

    shapes = [shapely.Point(115.8, 28.6), shapely.Point(115.9, 28.7), shapely.Point(116, 28.8)]
    layer = gpd.GeoDataFrame({"名称": ["甲", "乙", "丙"], "年份": [1, 2, 3]}, geometry=shapes, crs=4326)
    path = folder / f"a{suffix}"
    if suffix in (".xlsx", ".ods"):
        import pyogrio

        pyogrio.write_dataframe(layer.drop(columns="geometry"), path, driver=suffix[1:].upper())
    elif suffix == ".xls":
        book = xlwt.Workbook()
        for row, cells in enumerate([["名称", "经度", "纬度"], ["甲", 115.8, 28.6], ["乙", 115.9, 28.7]]):
            sheet = book.get_sheet(0) if row else book.add_sheet("表")
            for column, cell in enumerate(cells):
                sheet.write(row, column, cell)
        book.save(str(path))
    elif suffix == ".csv":
        put(folder, path.name, (CSV.format("南昌") + "乙,1,2\n").encode("gbk"))
    elif suffix == ".kml":
        layer.to_file(path, driver="KML")
    elif suffix == ".shp":
        layer.set_geometry(shapely.buffer(shapes, 0.1, quad_segs=2)).to_file(path, encoding="gbk")
    else:
        layer.to_file(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    "suffix", [".xlsx", ".ods", ".xls", ".csv", ".kml", ".shp", ".dbf", ".gpkg", ".geojson"]
)
def test_damaged_files_are_read_or_refused(tmp_path, suffix):
    chance = random.Random(suffix)
    path = sample(tmp_path, ".shp" if suffix == ".dbf" else suffix).with_suffix(suffix)
    sound = path.read_bytes()
    read = 0
    for _ in range(250):
        inside = suffix in (".xlsx", ".ods") and chance.random() < 0.9
        path.write_bytes(sound)
        path.write_bytes(damaged_zip(path, chance) if inside else damaged(sound, chance))
        began = time.process_time()
        try:
            read += len(read_tables(path).tables)
        except RefusedError as error:
            assert error.finding.code in CODES
        assert time.process_time() - began < 5
    assert read


# what holds for every table


def test_tables_are_whole(tmp_path):
    workbook(tmp_path / "a.xlsx")
    put(tmp_path, "b.csv")
    put(tmp_path, "c.geojson", '{"type":"Point","coordinates":[115.8,28.6]}')
    for table in read_tables(tmp_path).tables:
        assert table.n_rows == 1
        assert table.row.dtype == np.int64
        assert all(len(cells) == 1 and cells.dtype == object for cells in table.columns.values())
        assert (table.x is None) == (table.format != "geojson")


def test_every_code_is_a_known_one():
    """Codes are plain strings here; each must be in the list that users and programs rely on."""
    used = set()
    for path in Path(files.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") in ("finding", "refuse", "_listed")
                and node.args
            ):
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    used.add(first.value)
    assert len(used) > 20
    assert used <= set(CODES)


@pytest.mark.parametrize(
    "text",
    ["名称", "经度（高德）", "GCJ02_lng", "纬度(度)*", "详细地址", "联系电话", "序号", "X", "Latitude"],
)
def test_headers_that_are_known(text):
    assert looks_like_header(text)


@pytest.mark.parametrize(
    "text", ["修水县人民医院", "115.8", "", "江西省红十字会AED一览表", "已建", "=cmd|' /C calc'!A0"]
)
def test_texts_that_are_no_headers(text):
    assert not looks_like_header(text)


def test_folders_that_are_too_deep_or_closed_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MOST_DEPTH", 1)
    put(tmp_path, "a.csv")
    put(tmp_path / "x" / "y", "b.csv")
    fileset = read_tables(tmp_path)
    assert len(fileset.tables) == 1
    assert [(found.code, found.severity) for found in fileset.findings] == [("file_skipped", "warning")]
    monkeypatch.setattr(sources.os, "access", lambda *_: False)
    assert [found.what for found in read_tables(tmp_path).findings] == [
        "文件夹没有读取权限, 其中的文件没有读入"
    ]


def test_links_beside_a_file_of_a_folder_are_not_followed(tmp_path):
    secret = put(tmp_path, "secret.txt", "秘密")
    folder = tmp_path / "in"
    put(folder, "a.shp", b"")
    (folder / "a.cpg").symlink_to(secret)
    (source,) = sources.of_folder(folder)[0]
    assert source.beside(".cpg") is None
    assert put(folder, "a.prj", "x") and source.beside(".prj") == b"x"
