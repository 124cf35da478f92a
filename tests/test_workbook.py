"""Spreadsheets: cells as the spreadsheet program shows them, and workbooks made to harm."""

import datetime as dt
import io
import re
import struct
import zipfile

import openpyxl
import pyogrio
import pytest
import xlwt
from boai.geodata.intake.archive import Archive
from boai.geodata.intake.files import read_tables
from boai.geodata.intake.grid import date_kind, from_serial
from boai.geodata.intake.limits import RefusedError
from boai.geodata.intake.xls import read_xls, shared_texts
from boai.geodata.intake.xlsx import read_xlsx
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from xlwt.CompoundDoc import XlsDoc

HEADER = ["名称", "经度", "纬度", "地址"]
ROW = ["甲", 115.8, 28.6, "某路1号"]


def saved(fill, path):
    """Save a workbook that ``fill(sheet)`` made."""
    book = openpyxl.Workbook()
    fill(book.active)
    book.save(path)
    return path


def rows_of(rows):
    def fill(sheet):
        for row in rows:
            sheet.append(row)

    return fill


def one(path, **options):
    """Return the only table."""
    (table,) = read_tables(path, **options).tables
    return table


def codes(thing):
    return [found.code for found in thing.findings]


def cells(table, name):
    return table.columns[name].tolist()


def refused(path):
    with pytest.raises(RefusedError) as caught:
        read_tables(path)
    text = str(caught.value)
    assert path.name in text
    assert "\n" not in text
    assert re.search("[一-鿿]", text)
    return caught.value.finding.code


def changed(path, part, change):
    """Rewrite one part of a workbook, in which openpyxl, with lxml, wrote characters as numbers."""
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    text = re.sub(r"&#(\d{3,});", lambda code: chr(int(code[1])), parts[part].decode())
    parts[part] = change(text).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"
SHARED = "xl/sharedStrings.xml"


def with_shared(path):
    """Move the texts of the first sheet to the table of shared texts, as Excel writes them."""
    texts = []

    def move(match):
        if match[2] not in texts:
            texts.append(match[2])
        return f'<c r="{match[1]}" t="s"><v>{texts.index(match[2])}</v></c>'

    changed(path, SHEET, lambda t: re.sub(r'<c r="(\w+)" t="inlineStr"><is><t>(.*?)</t></is></c>', move, t))
    with zipfile.ZipFile(path, "a") as target:
        target.writestr(SHARED, "<sst>" + "".join(f"<si><t>{text}</t></si>" for text in texts) + "</sst>")
    return path


# what stands in the cells


def test_rows_are_numbered_as_the_program_shows_them(tmp_path):
    def fill(sheet):
        for column, text in enumerate(HEADER):
            sheet.cell(4, 3 + column, text)
        for row in (5, 8):
            for column, value in enumerate(ROW):
                sheet.cell(row, 3 + column, value)

    table = one(saved(fill, tmp_path / "aed.xlsx"))
    assert list(table.columns) == HEADER
    assert table.row.tolist() == [5, 8]
    assert cells(table, "经度") == [115.8, 115.8]


def test_kinds_of_cells(tmp_path):
    day = dt.datetime(2024, 3, 5)
    values = [
        13800138000,
        13800138000.5,
        True,
        day,
        dt.date(2024, 3, 5),
        dt.time(8, 30),
        "  ",
        "'=1+1",
        "0791-1",
    ]

    def fill(sheet):
        sheet.append(["名称", "电话", "经度", "是", "日期", "日", "时", "空", "文", "号"])
        sheet.append(["甲", *values])

    table = one(saved(fill, tmp_path / "aed.xlsx"))
    got = [column[0] for column in table.columns.values()][1:]
    assert got[:6] == [13800138000, 13800138000.5, True, day, day, dt.time(8, 30)]
    assert [type(value) for value in got[:3]] == [int, float, bool]
    assert got[6:] == [None, "'=1+1", "0791-1"]


def test_chinese_built_in_date_formats(tmp_path):
    def fill(sheet):
        sheet.append(["名称", "核实日期"])
        sheet.append(["甲", 45356])
        sheet["B2"].number_format = "yyyy-mm-dd"

    path = saved(fill, tmp_path / "aed.xlsx")
    changed(
        path, "xl/styles.xml", lambda text: re.sub(r'(<xf [^>]*?)numFmtId="\d{3}"', r'\1numFmtId="31"', text)
    )
    assert cells(one(path), "核实日期") == [dt.datetime(2024, 3, 5)]


def test_dates_that_count_from_1904(tmp_path):
    def fill(sheet):
        sheet.append(["名称", "核实日期"])
        sheet.append(["甲", dt.date(2024, 3, 5)])

    path = saved(fill, tmp_path / "aed.xlsx")
    changed(path, "xl/workbook.xml", lambda text: re.sub(r"<workbookPr\b", '<workbookPr date1904="1"', text))
    assert cells(one(path), "核实日期") == [dt.datetime(2024, 3, 5) + dt.timedelta(days=1462)]


@given(st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)))
def test_date_numbers_are_those_of_openpyxl(moment):
    moment = moment.replace(microsecond=0)
    serial = openpyxl.utils.datetime.to_excel(moment)
    assert from_serial(serial, "date") == moment


@pytest.mark.parametrize(
    ("code", "kind"),
    [("m/d/yy", "date"), ("[$-804]yyyy年m月d日", "date"), ("mm:ss", "time"), ("[mm]:ss", "duration"),
     ("mmm", "date"), ("0.00E+00", ""), ('#,##0.00"元"', ""), ("@", ""),
     ("[红色]0", ""), ("G/通用格式", ""),
     ("上午/下午h时mm分", "time")],
)  # fmt: skip
def test_number_formats(code, kind):
    assert date_kind(code) == kind


def test_formula_errors_are_told_and_not_taken_as_empty(tmp_path):
    def fill(sheet):
        sheet.append(HEADER)
        sheet.append(["甲", "#N/A", 28.6, "=VLOOKUP(1,A:A,1)"])
        sheet["B2"].data_type = "e"

    table = one(saved(fill, tmp_path / "aed.xlsx"))
    assert cells(table, "经度") == [None]
    assert cells(table, "地址") == [None]
    found = {item.column: item for item in table.findings if item.code == "formula_error"}
    assert found["经度"].got == "#N/A"
    assert found["经度"].row == 2
    assert "没有结果" in found["地址"].what
    assert {item.severity for item in found.values()} == {"warning"}


def test_a_formula_with_an_empty_result_is_no_error(tmp_path):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "aed.xlsx")
    empty = '<c r="D2" t="str"><f>""</f><v></v></c>'
    changed(path, SHEET, lambda text: re.sub(r'<c r="D2".*?</c>', empty, text))
    table = one(path)
    assert cells(table, "地址") == [None]
    assert "formula_error" not in codes(table)


def test_phonetic_readings_and_escapes_are_no_text(tmp_path):
    path = with_shared(saved(rows_of([["名称", "地址"], ["甲", "乙"]]), tmp_path / "aed.xlsx"))
    rich = "<si><r><t>南</t></r><r><t>昌_x000A_市</t></r><rPh sb='0' eb='1'><t>nan</t></rPh></si>"
    changed(path, SHARED, lambda text: text.replace("<si><t>甲</t></si>", rich))
    assert cells(one(path), "名称") == ["南昌\n市"]
    assert cells(one(path), "地址") == ["乙"]


def test_hidden_sheets_are_left_unless_asked_for(tmp_path):
    book = openpyxl.Workbook()
    rows_of([HEADER, ROW])(book.active)
    old = book.create_sheet("旧数据")
    rows_of([HEADER, ["乙", 115.9, 28.7, "x"]])(old)
    old.sheet_state = "hidden"
    book.create_sheet("Sheet3")
    book.create_chartsheet("图")
    book.save(tmp_path / "aed.xlsx")
    fileset = read_tables(tmp_path / "aed.xlsx")
    assert [table.sheet for table in fileset.tables] == ["Sheet"]
    assert ("sheet_hidden", "旧数据") in [(found.code, found.sheet) for found in fileset.findings]
    assert ("sheet_skipped", "Sheet3") in [(found.code, found.sheet) for found in fileset.findings]
    assert cells(one(tmp_path / "aed.xlsx", sheet=" 旧数据 "), "名称") == ["乙"]
    with pytest.raises(RefusedError, match="旧数据"):
        read_tables(tmp_path / "aed.xlsx", sheet="没有的")


def test_explanations_and_lists_are_left_out(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "填写说明"
    rows_of([["列名", "含义", "类型"], ["名称", "资源的名称", "文本"]])(book.active)
    rows_of([HEADER, ROW])(book.create_sheet("AED"))
    rows_of([["状态", "级别", "位置精度"], ["已建", "省级", "精确"]])(book.create_sheet("选项"))
    rows_of([["其他", "东西"], ["a", "b"]])(book.create_sheet("Sheet9"))
    book.save(tmp_path / "aed.xlsx")
    fileset = read_tables(tmp_path / "aed.xlsx")
    assert [table.sheet for table in fileset.tables] == ["AED"]
    assert sorted(found.sheet for found in fileset.findings) == ["Sheet9", "填写说明", "选项"]


def test_several_sheets_with_tables_all_come(tmp_path):
    book = openpyxl.Workbook()
    rows_of([HEADER, ROW])(book.active)
    rows_of([["点位名称", "详细地址"], ["乙", "某村"]])(book.create_sheet("九江"))
    book.save(tmp_path / "aed.xlsx")
    assert [table.sheet for table in read_tables(tmp_path / "aed.xlsx").tables] == ["Sheet", "九江"]


# the other kinds of workbooks


def xls(tmp_path, fill, name="aed.xls"):
    book = xlwt.Workbook()
    fill(book, book.add_sheet("表一"))
    book.save(str(tmp_path / name))
    return tmp_path / name


def test_old_excel(tmp_path):
    def fill(book, sheet):
        sheet.write_merge(1, 1, 1, 4, "南昌市AED一览表")
        for column, text in enumerate(HEADER):
            sheet.write(2, 1 + column, text)
        for column, value in enumerate(["甲", 115.8, 28.6, 13800138000]):
            sheet.write(3, 1 + column, value)
        sheet.row(4).set_cell_text(1, "乙")
        sheet.row(4).set_cell_error(2, 0x2A)
        sheet.row(4).set_cell_date(4, dt.datetime(2024, 3, 5), xlwt.easyxf(num_format_str="yyyy-mm-dd"))
        hidden = book.add_sheet("隐藏")
        hidden.write(0, 0, "名称")
        hidden.visibility = 1

    path = xls(tmp_path, fill)
    table = one(path)
    assert table.format == "xls"
    assert table.titles == ("南昌市AED一览表",)
    assert table.row.tolist() == [4, 5]
    assert cells(table, "经度") == [115.8, None]
    assert cells(table, "地址") == [13800138000, dt.datetime(2024, 3, 5)]
    assert type(table.columns["地址"][0]) is int
    assert [(f.row, f.got) for f in table.findings if f.code == "formula_error"] == [(5, "#N/A")]
    assert "sheet_hidden" in codes(read_tables(path))


def test_merged_cells_of_old_excel(tmp_path):
    def fill(book, sheet):
        for column, text in enumerate(HEADER):
            sheet.write(0, column, text)
        sheet.write_merge(1, 3, 3, 3, "某路1号")
        for row in (1, 2, 3):
            sheet.write(row, 0, f"点{row}")

    table = one(xls(tmp_path, fill))
    assert cells(table, "地址") == ["某路1号"] * 3
    assert "merged_cells" in codes(table)


HTML = """<html><head><meta charset="{charset}"><style>td {{}}</style></head>
<body><script>alert("<td>x</td>")</script><table border=1><tr><td colspan="4">南昌市 &lt;AED&gt; 表</td></tr>
<tr><th rowspan=2>名称<th colspan="2">位置<th rowspan=2>地址</tr><tr><th>经度</th><th>纬度</th></tr>
<!-- <tr><td>假</td></tr> -->
<tr><td>甲<br>乙</td><td>115.8</td><td>28.6</td><td onclick="x()">&#61;1+1&nbsp;</td></tr>
</table></body></html>"""


@pytest.mark.parametrize("charset", ["gb2312", "utf-8"])
def test_html_under_the_name_xls(tmp_path, charset):
    path = tmp_path / "导出.xls"
    path.write_bytes(HTML.format(charset=charset).encode(charset))
    table = one(path)
    assert table.format == "html"
    assert list(table.columns) == ["名称", "位置/经度", "位置/纬度", "地址"]
    assert [column[0] for column in table.columns.values()] == ["甲 乙", "115.8", "28.6", "=1+1"]
    assert table.titles == ("南昌市 <AED> 表",)
    assert table.row.tolist() == [4]
    assert "format_mismatch" in codes(table)


def test_csv_and_xlsx_under_the_name_xls(tmp_path):
    path = tmp_path / "a.xls"
    path.write_text("名称\t经度\t纬度\n甲\t115.8\t28.6\n", encoding="gbk")
    assert (one(path).format, one(path).encoding) == ("csv", "gb18030")
    saved(rows_of([HEADER, ROW]), tmp_path / "x.xlsx").rename(tmp_path / "b.xls")
    assert (one(tmp_path / "b.xls").format, codes(one(tmp_path / "b.xls"))) == ("xlsx", ["format_mismatch"])


def test_xml_of_excel_2003(tmp_path):
    path = tmp_path / "a.xls"
    path.write_text(
        '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="表"><Table>'
        '<Row ss:Index="3"><Cell><Data ss:Type="String">名称</Data></Cell>'
        '<Cell><Data ss:Type="String">经度</Data></Cell>'
        '<Cell ss:Index="4"><Data ss:Type="String">纬度</Data></Cell></Row>'
        '<Row><Cell><Data ss:Type="String">甲</Data></Cell><Cell><Data ss:Type="Number">115.8</Data></Cell>'
        '<Cell ss:Index="4"><Data ss:Type="Number">28</Data></Cell></Row></Table></Worksheet></Workbook>',
        encoding="utf-8",
    )
    table = one(path)
    assert list(table.columns) == ["名称", "经度", "纬度"]
    assert [column[0] for column in table.columns.values()] == ["甲", 115.8, 28]
    assert table.row.tolist() == [4]


def ods(tmp_path, body, name="a.ods"):
    """Write an ODS file with this content between the tags of the spreadsheet."""
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in [("office", "office"), ("table", "table"), ("text", "text"), ("style", "style")]
    )
    content = f"<office:document-content {spaces} xmlns:calcext='c'>{body}</office:document-content>"
    with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        target.writestr("content.xml", content)
    return tmp_path / name


def ods_cell(text, extra=""):
    return f'<table:table-cell office:value-type="string" {extra}><text:p>{text}</text:p></table:table-cell>'


def test_open_document(tmp_path):
    body = (
        '<style:style style:name="h"><style:table-properties table:display="false"/></style:style>'
        '<table:table table:name="隐" table:style-name="h"><table:table-row>'
        + ods_cell("名称")
        + "</table:table-row>"
        '</table:table><table:table table:name="表"><table:table-row table:number-rows-repeated="2">'
        '<table:table-cell table:number-columns-repeated="3"/></table:table-row><table:table-row>'
        + "".join(map(ods_cell, ["名称", "经度", "核实日期", "地址"]))
        + '</table:table-row><table:table-row table:number-rows-repeated="2">'
        + ods_cell('甲<text:s text:c="2"/>乙')
        + '<table:table-cell office:value-type="float" office:value="115.8"><text:p>115.80</text:p>'
        "</table:table-cell>"
        '<table:table-cell office:value-type="date" office:date-value="2024-03-05"/>'
        '<table:table-cell calcext:value-type="error"><text:p>#REF!</text:p><office:annotation>'
        "<text:p>批注</text:p></office:annotation></table:table-cell></table:table-row>"
        '<table:table-row table:number-rows-repeated="1048570">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>'
    )
    table = one(ods(tmp_path, f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body>"))
    assert table.row.tolist() == [4, 5]
    assert [column[0] for column in table.columns.values()] == [
        "甲  乙",
        115.8,
        dt.datetime(2024, 3, 5),
        None,
    ]
    assert [f.got for f in table.findings if f.code == "formula_error"] == ["#REF!"] * 2


def test_open_document_bomb_of_repeated_cells(tmp_path):
    cell = ods_cell("x" * 1000, 'table:number-columns-repeated="1000"')
    body = f'<table:table-row table:number-rows-repeated="1000000">{cell}</table:table-row>'
    assert refused(ods(tmp_path, f'<table:table table:name="表">{body}</table:table>')) == "file_too_large"


def test_open_document_as_gdal_writes_it(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"名称": ["甲", "乙"], "经度": [115.8, 115.9], "年份": [2020, 2021]})
    pyogrio.write_dataframe(frame, tmp_path / "a.ods", driver="ODS")
    table = one(tmp_path / "a.ods")
    assert cells(table, "名称") == ["甲", "乙"]
    assert cells(table, "年份") == [2020, 2021]


# an independent reader


plain = st.one_of(
    st.none(),
    st.integers(-(10**12), 10**12),
    st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 9)),
    st.booleans(),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn"]), min_size=1).filter(
        lambda text: not text.isspace() and not text.startswith("=") and text not in {"#N/A", "#REF!"}
    ),
)


@given(st.lists(st.lists(plain, min_size=3, max_size=3), min_size=1, max_size=6))
def test_cells_are_those_that_calamine_reads(rows):
    book = openpyxl.Workbook()
    rows_of(rows)(book.active)
    stream = io.BytesIO()
    book.save(stream)
    (grid,) = read_xlsx(Archive(stream.getvalue(), file="a"), file="a", wanted=lambda *_: True)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(stream.getvalue())).get_sheet_by_index(0)
    got = dict(zip(grid.numbers, grid.rows, strict=True))
    for number, expected in enumerate(sheet.to_python(skip_empty_area=False), 1):
        mine = got.get(number, [])
        mine = mine + [None] * (len(expected) - len(mine))
        assert mine == [None if value == "" else value for value in expected]


# layouts


def test_title_rows_and_a_merged_header(tmp_path):
    def fill(sheet):
        sheet.append(["江西省红十字会AED一览表"])
        sheet.append(["填报单位: 南昌市", None, None, "坐标系: GCJ-02"])
        sheet.append(["序号", "名称", "位置", None, "联系人", None])
        sheet.append([None, None, "经度", "纬度", "姓名", "电话"])
        sheet.append([1, "甲", 115.8, 28.6, "张三", "13800138000"])
        for area in ("A1:F1", "A3:A4", "B3:B4", "C3:D3", "E3:F3"):
            sheet.merge_cells(area)

    table = one(saved(fill, tmp_path / "aed.xlsx"))
    assert list(table.columns) == ["序号", "名称", "位置/经度", "位置/纬度", "联系人/姓名", "联系人/电话"]
    assert table.titles == ("江西省红十字会AED一览表", "填报单位: 南昌市 坐标系: GCJ-02")
    assert table.row.tolist() == [5]
    assert "merged_header" in codes(table)


def test_groups_over_two_columns_beside_plain_ones(tmp_path):
    def fill(sheet):
        sheet.append(["序号", "名称", "位置", None, "电话"])
        sheet.append([None, None, "经度", "纬度", None])
        sheet.append([1, "甲", 115.8, 28.6, "1"])
        sheet.merge_cells("C1:D1")

    assert list(one(saved(fill, tmp_path / "a.xlsx")).columns) == [
        "序号",
        "名称",
        "位置/经度",
        "位置/纬度",
        "电话",
    ]


def test_a_row_of_key_and_value_above_is_no_header(tmp_path):
    rows = [["名称", "南昌市红十字会", "日期", "2024年3月", "联系人", "张三", "电话", "13800138000"],
            ["编号", "名称", "县区", "地址", "经度", "纬度", "状态", "年份"],
            [1, "甲", "南昌县", "x", 115.8, 28.6, "已建", 2020]]  # fmt: skip
    table = one(saved(rows_of(rows), tmp_path / "aed.xlsx"))
    assert list(table.columns) == rows[1]
    assert table.row.tolist() == [3]


def test_a_plain_header_is_not_joined_with_rows_of_text(tmp_path):
    rows = [["名称", "地址", "单位", "备注"], ["学校", "某路", None, "电话"], ["医院", None, "社区", None]]
    table = one(saved(rows_of(rows), tmp_path / "a.xlsx"))
    assert list(table.columns) == rows[0]
    assert table.row.tolist() == [2, 3]


def test_totals_footers_and_repeated_headers_are_no_rows(tmp_path):
    rows = [["AED表"], HEADER, ROW, ["小计", None, None, 1],
            ["AED表"], HEADER, ["乙", 1, 2, "x"],
            ["合计", None, None, 2],
            ["注: 坐标为高德坐标"], ["填表人: 张三", None, "审核人: 李四"]]  # fmt: skip
    table = one(saved(rows_of(rows), tmp_path / "a.xlsx"))
    assert cells(table, "名称") == ["甲", "乙"]
    assert table.row.tolist() == [3, 7]
    assert {"total_row", "header_repeated"} <= set(codes(table))
    assert "注: 坐标为高德坐标" in table.titles
    dropped = {f.row for f in table.findings if f.code in ("total_row", "header_repeated")}
    assert dropped == {4, 5, 6, 8, 9, 10}


def test_names_that_hold_such_words_stay(tmp_path):
    rows = [HEADER, ["合计村红十字站", 1, 2, "x"], ["备注镇", 1, 2, "x"], ["总工会", 1, 2, "x"]]
    assert len(cells(one(saved(rows_of(rows), tmp_path / "a.xlsx")), "名称")) == 3


def test_merged_cells_are_filled_down_and_told(tmp_path):
    def fill(sheet):
        sheet.append(["县区", "名称", "经度", "纬度"])
        for i in range(4):
            sheet.append([None, f"点{i}", 115 + i, 28])
        sheet["A2"], sheet["A5"] = "南昌县", "进贤县"
        sheet.merge_cells("A2:A4")

    table = one(saved(fill, tmp_path / "a.xlsx"))
    assert cells(table, "县区") == ["南昌县"] * 3 + ["进贤县"]
    assert [f.column for f in table.findings if f.code == "merged_cells"] == ["县区"]


def test_doubled_and_missing_headers_get_names(tmp_path):
    rows = [["名称", "电话", "电话", None, "x\n（米）"], ["甲", 1, 2, 3, 4]]
    table = one(saved(rows_of(rows), tmp_path / "a.xlsx"))
    assert list(table.columns) == ["名称", "电话", "电话 (2)", "D列", "x（米）"]
    assert {"header_duplicate", "extra_column"} <= set(codes(table))


def test_no_header_at_all(tmp_path):
    table = one(saved(rows_of([["甲", 115.8, 28.6], ["乙", 115.9, 28.7]]), tmp_path / "a.xlsx"))
    assert list(table.columns) == ["A列", "B列", "C列"]
    assert table.n_rows == 2
    assert "header_guessed" in codes(table)


@pytest.mark.parametrize(("rows", "code"), [([], "no_table"), ([HEADER], "no_rows")])
def test_nothing_to_read_is_refused(tmp_path, rows, code):
    assert refused(saved(rows_of(rows), tmp_path / "a.xlsx")) == code


def test_hidden_rows_are_read_and_told(tmp_path):
    def fill(sheet):
        rows_of([HEADER, ROW, ROW])(sheet)
        sheet.row_dimensions[3].hidden = True

    table = one(saved(fill, tmp_path / "a.xlsx"))
    assert table.n_rows == 2
    assert any("1 行被隐藏" in found.what for found in table.findings)


# made to harm


def test_a_cell_in_the_last_corner_does_not_take_the_memory(tmp_path):
    def fill(sheet):
        rows_of([HEADER, ROW])(sheet)
        sheet["D1048576"] = "x"

    assert one(saved(fill, tmp_path / "a.xlsx")).row.tolist() == [2, 1048576]
    path = saved(lambda sheet: sheet.__setitem__("XFD1048576", "x"), tmp_path / "b.xlsx")
    assert refused(path) == "file_too_large"


@pytest.mark.parametrize("ref", ["KLMNO2", "ZZZZZZZ2"])
def test_millions_of_columns_are_refused(tmp_path, ref):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    assert (
        refused(changed(path, SHEET, lambda text: text.replace('r="D2"', f'r="{ref}"'))) == "file_too_large"
    )


@pytest.mark.parametrize("row", ["0", "1048577", "99999999"])
def test_rows_that_excel_does_not_have_are_refused(tmp_path, row):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    assert (
        refused(changed(path, SHEET, lambda text: text.replace('<row r="2"', f'<row r="{row}"')))
        == "file_too_large"
    )


def test_cells_without_reference_follow_each_other(tmp_path):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    changed(path, SHEET, lambda text: re.sub(r'(<c|<row) r="[A-Z]*\d+"', r"\1", text))
    table = one(path)
    assert list(table.columns) == HEADER
    assert table.row.tolist() == [2]


def test_prefixed_elements_are_read(tmp_path):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")

    def prefixed(text):
        return re.sub(r"<(/?)([a-zA-Z])", r"<\1x:\2", text).replace('xmlns="', 'xmlns:x="')

    assert list(one(changed(path, SHEET, prefixed)).columns) == HEADER


EXTERNAL = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
LAUGHS = (
    '<!DOCTYPE r [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + "]>"
)


@pytest.mark.parametrize("part", [SHEET, SHARED, "xl/styles.xml", "xl/workbook.xml", "_rels/.rels"])
@pytest.mark.parametrize("attack", [EXTERNAL, LAUGHS])
def test_entities_are_refused_in_every_part(tmp_path, part, attack):
    path = with_shared(saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx"))
    changed(
        path,
        part,
        lambda text: attack + text.partition("?>")[2] if text.startswith("<?xml") else attack + text,
    )
    assert refused(path) == "unsafe_content"


def test_deep_nesting_is_refused(tmp_path):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    deep = "<extLst>" * 100_000 + "</extLst>" * 100_000
    assert refused(
        changed(path, SHEET, lambda text: text.replace("</sheetData>", "</sheetData>" + deep))
    ) == ("unsafe_content")


def test_a_tag_of_megabytes_is_refused(tmp_path):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    long = "".join(map(str, range(2_000_000)))
    assert refused(changed(path, SHEET, lambda text: text.replace('r="D2"', f'r="D2" x="{long}"'))) == (
        "unsafe_content"
    )


@pytest.mark.parametrize("inline", [True, False])
def test_a_text_of_megabytes_is_cut(tmp_path, inline):
    path = saved(rows_of([["名称", "地址"], ["甲", "乙"]]), tmp_path / "a.xlsx")
    if not inline:
        with_shared(path)
    long = "".join(map(str, range(2_000_000)))
    changed(path, SHEET if inline else SHARED, lambda text: text.replace("乙", long))
    assert cells(one(path), "地址") == [long[:32767]]


def test_too_many_elements_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("boai.geodata.intake.xlsx.MOST_ELEMENTS", 5000)
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    more = '<c r="A9" s="1"/>' * 5000
    assert (
        refused(changed(path, SHEET, lambda text: text.replace("</row>", more + "</row>")))
        == "file_too_large"
    )


def test_a_shared_text_is_kept_once_however_often_it_is_used(tmp_path):
    rows = [["名称", "地址"], *([["甲", "x" * 30_000]] * 300)]
    path = with_shared(saved(rows_of(rows), tmp_path / "a.xlsx"))
    table = one(path)
    assert len({id(cell) for cell in table.columns["地址"]}) == 1


def test_a_bomb_inside_a_workbook_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("boai.geodata.intake.archive.MOST_UNPACKED", 5_000_000)
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    changed(path, SHEET, lambda text: text.replace("<sheetData>", "<sheetData>" + " " * 6_000_000))
    assert refused(path) == "unsafe_archive"


def test_broken_xml_is_refused(tmp_path):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    assert refused(changed(path, SHEET, lambda text: text[: len(text) // 2])) == "file_unreadable"


def compound(path, stream, name="Workbook"):
    """Write a compound file with one stream of that name."""
    XlsDoc().save(str(path), stream)
    content = bytearray(path.read_bytes())
    at = content.index("Workbook".encode("utf-16-le"))
    content[at : at + 64] = name.encode("utf-16-le").ljust(64, b"\0")
    content[at + 64 : at + 66] = struct.pack("<H", 2 * len(name) + 2)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        ("EncryptedPackage", "encrypted"),
        ("WordDocument", "unsupported_format"),
        ("Contents", "unsupported_format"),
    ],
)
def test_other_compound_files_are_told_apart(tmp_path, stream, code):
    assert refused(compound(tmp_path / "aed.xlsx", b"x" * 5000, stream)) == code


def biff(fill):
    book = xlwt.Workbook()
    fill(book.add_sheet("表"))
    return book.get_biff_data()


def test_a_password_of_old_excel_is_told(tmp_path):
    data = biff(lambda sheet: sheet.write(0, 0, "名称"))
    first = 4 + struct.unpack_from("<H", data, 2)[0]
    locked = data[:first] + struct.pack("<HH", 0x2F, 6) + b"\0" * 6 + data[first:]
    assert refused(compound(tmp_path / "a.xls", locked)) == "encrypted"


def test_a_cell_outside_the_grid_of_old_excel_is_refused(tmp_path):
    data = bytearray(biff(lambda sheet: sheet.write(7, 3, 1.5)))
    at = data.index(struct.pack("<HHHH", 0x027E, 10, 7, 3))
    data[at + 6 : at + 8] = b"\xff\xff"
    assert refused(compound(tmp_path / "a.xls", bytes(data))) == "file_too_large"


def test_a_long_text_in_very_many_cells_of_old_excel_is_kept_once(tmp_path):
    def fill(book, sheet):
        sheet.write(0, 0, "名称")
        for row in range(1, 7000):
            sheet.write(row, 0, "长" * 30_000)

    table = one(xls(tmp_path, fill))
    assert len({id(cell) for cell in table.columns["名称"]}) == 1


def read_biff(path):
    return read_xls(path.read_bytes(), file="a", wanted=lambda *_: True)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=3000), max_size=40))
def test_texts_across_continued_records(tmp_path_factory, texts):
    def fill(sheet):
        for row, text in enumerate(texts):
            sheet.write(row, 0, text)

    (grid,) = read_biff(compound(tmp_path_factory.mktemp("x") / "a.xls", biff(fill)))
    assert dict(zip(grid.numbers, grid.rows, strict=True)) == {
        row: [text] for row, text in enumerate(texts, 1) if text and not text.isspace()
    }


@given(st.lists(st.lists(plain, min_size=3, max_size=3), min_size=1, max_size=6))
def test_old_cells_are_those_that_calamine_reads(tmp_path_factory, rows):
    def fill(sheet):
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                sheet.write(number, column, value)

    path = compound(tmp_path_factory.mktemp("x") / "a.xls", biff(fill))
    (grid,) = read_biff(path)
    got = dict(zip(grid.numbers, grid.rows, strict=True))
    sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
    for number, expected in enumerate(sheet.to_python(skip_empty_area=False), 1):
        mine = got.get(number, [])
        mine = mine + [None] * (len(expected) - len(mine))
        assert mine == [None if value == "" else value for value in expected]


@given(st.binary(max_size=200))
def test_damaged_tables_of_texts_do_no_harm(raw):
    assert len(shared_texts([raw])) <= len(raw)


def test_results_of_formulas_of_old_excel(tmp_path):
    """xlwt stores no results, so the records of formulas are made here."""
    data = biff(lambda sheet: [sheet.write(row, 0, 1000.5) for row in range(6)])
    results = [b"\0" * 6 + b"\xff\xff", b"\1\0\1\0\0\0\xff\xff", b"\2\0\x2a\0\0\0\xff\xff",
               b"\3\0\0\0\0\0\xff\xff", struct.pack("<d", 2.5), b"\0" * 6 + b"\xff\xff"]  # fmt: skip
    for row, result in enumerate(results):
        at = data.index(struct.pack("<HHHH", 0x027E, 10, row, 0))
        style = data[at + 8 : at + 10]
        formula = struct.pack("<HHHH", 0x0006, 22, row, 0) + style + result + b"\0" * 8
        text = struct.pack("<HHHB", 0x0207, 7, 2, 1) + "文字".encode("utf-16-le") if row == 0 else b""
        data = data[:at] + formula + text + data[at + 14 :]
    (grid,) = read_biff(compound(tmp_path / "a.xls", data))
    got = dict(zip(grid.numbers, grid.rows, strict=True))
    assert got == {1: ["文字"], 2: [True], 3: ["#N/A"], 5: [2.5], 6: ["#NORESULT!"]}


@given(st.integers(0, 5000), st.integers(0, 255))
def test_damaged_old_workbooks_are_read_or_refused(tmp_path_factory, place, value):
    path = tmp_path_factory.mktemp("x") / "a.xls"
    book = xlwt.Workbook()
    sheet = book.add_sheet("表")
    for row in range(20):
        for column, cell in enumerate(HEADER if not row else ROW):
            sheet.write(row, column, cell)
    book.save(str(path))
    content = bytearray(path.read_bytes())
    content[place % len(content)] = value
    path.write_bytes(content)
    try:
        fileset = read_tables(path)
    except RefusedError as error:
        assert error.finding.code in {
            "file_too_large",
            "file_unreadable",
            "unsupported_format",
            "encrypted",
            "no_table",
            "decode_error",
            "truncated",
        }
    else:
        assert fileset.tables


def test_comments_of_excel_2003_are_not_the_cell(tmp_path):
    cell = '<Cell><Data ss:Type="String">{}</Data>{}</Cell>'
    rows = [["名称", "经度", "纬度"], ["甲", "115.8", "28.6"]]
    note = "<Comment><ss:Data>批注</ss:Data></Comment>"
    body = "".join("<Row>" + "".join(cell.format(text, note) for text in row) + "</Row>" for row in rows)
    (tmp_path / "a.xls").write_text(
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="表"><Table>'
        f"{body}</Table></Worksheet></Workbook>",
        encoding="utf-8",
    )
    assert cells(one(tmp_path / "a.xls"), "名称") == ["甲"]


def test_an_odd_reference_does_not_shift_the_row(tmp_path):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    changed(path, SHEET, lambda text: text.replace('r="A2"', 'r="$A$2"').replace('r="C2"', 'r="?"'))
    assert [column[0] for column in one(path).columns.values()] == ROW


@pytest.mark.parametrize("index", ["99", "-1", "x"])
def test_a_shared_text_that_is_not_there_is_told(tmp_path, index):
    path = with_shared(saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx"))
    assert cells(one(path), "名称") == ["甲"]
    changed(path, SHEET, lambda text: re.sub(r'(<c r="A2"[^>]*><v>)\d+', rf"\g<1>{index}", text))
    assert refused(path) == "file_unreadable"


def test_a_sheet_without_its_content_is_told(tmp_path):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    changed(path, "xl/_rels/workbook.xml.rels", lambda text: text.replace("sheet1.xml", "other.xml"))
    assert refused(path) == "file_unreadable"


def test_cells_with_a_prefix_in_a_sheet_without(tmp_path):
    path = saved(rows_of([HEADER, ROW]), tmp_path / "a.xlsx")
    space = 'xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'

    def change(text):
        text = text.replace("<worksheet ", f"<worksheet {space} ").replace("<c ", "<x:c ")
        return text.replace("</c>", "</x:c>")

    assert cells(one(changed(path, SHEET, change)), "名称") == ["甲"]


def test_drawings_of_open_document_are_no_text_of_the_cell(tmp_path):
    body = "<office:spreadsheet><table:table table:name='S'>"
    for row in (["名称", "经度", "纬度"], ["甲", "1", "2"]):
        frame = "<draw:frame xmlns:draw='d'><draw:text-box><text:p>框</text:p></draw:text-box></draw:frame>"
        filled = "".join(ods_cell(text).replace("<text:p>", f"{frame}<text:p>") for text in row)
        body += f"<table:table-row>{filled}</table:table-row>"
    assert cells(one(ods(tmp_path, body + "</table:table></office:spreadsheet>")), "名称") == ["甲"]


def test_a_password_of_open_document_is_told(tmp_path):
    path = ods(tmp_path, "")
    with zipfile.ZipFile(path, "a") as target:
        target.writestr("META-INF/manifest.xml", "<m:file-entry><m:encryption-data/></m:file-entry>")
    assert refused(path) == "encrypted"


def test_rows_lost_from_old_excel_are_told(tmp_path):
    def fill(sheet):
        for row in range(20):
            sheet.write(row, 0, row + 0.5)
            sheet.write(row, 1, "甲")

    data = bytearray(biff(fill))
    at = data.index(struct.pack("<HHHH", 0x027E, 10, 10, 0))
    struct.pack_into("<H", data, at + 2, 0xFFF0)
    table = one(compound(tmp_path / "a.xls", bytes(data)))
    assert table.n_rows == 10
    assert "truncated" in codes(table)
    broken = bytearray(biff(fill))
    struct.pack_into("<H", broken, broken.index(struct.pack("<HHHH", 0x00FD, 10, 5, 1)) + 10, 999)
    assert refused(compound(tmp_path / "b.xls", bytes(broken))) == "file_unreadable"
