"""Text tables: encodings, separators, quotes, line numbers."""

import csv
import io
import time

import pytest
from boai.geodata.intake.files import read_tables
from boai.geodata.intake.html import html_tables, plain_text
from boai.geodata.intake.limits import RefusedError
from boai.geodata.intake.text import decode, find_separator, read_text
from hypothesis import given
from hypothesis import strategies as st

HEADER = "名称,经度,纬度,地址"


def one(path):
    (table,) = read_tables(path).tables
    return table


def written(tmp_path, text, encoding="utf-8", name="aed.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def listed(table):
    """Code, severity and row of the findings."""
    return [(found.code, found.severity, found.row) for found in table.findings]


def refused(path):
    with pytest.raises(RefusedError) as caught:
        read_tables(path)
    assert "\n" not in str(caught.value)
    return caught.value.finding.code


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gbk", "gb18030"), ("gb18030", "gb18030"),
     ("utf-16", "utf-16"),
     ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be"), ("utf-32", "utf-32")],
)  # fmt: skip
def test_encodings(tmp_path, encoding, named):
    table = one(written(tmp_path, f"{HEADER}\r\n修水县人民医院,114.5,29.0,义宁镇\r\n", encoding))
    assert list(table.columns) == HEADER.split(",")
    assert table.columns["名称"].tolist() == ["修水县人民医院"]
    assert table.encoding == named
    assert not table.findings


def test_rare_characters_of_gb18030(tmp_path):
    assert one(written(tmp_path, f"{HEADER}\n㐂𠀀村,1,2,x\n", "gb18030")).columns["名称"].tolist() == [
        "㐂𠀀村"
    ]


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "，", "；"])
def test_separators(tmp_path, separator):
    rows = [HEADER.split(","), ["甲", "115.8", "28.6", "某路,1号" if separator != "," else "某路"]]
    table = one(written(tmp_path, "\n".join(separator.join(row) for row in rows), name="a.txt"))
    assert [column[0] for column in table.columns.values()] == rows[1]


def test_a_separator_that_excel_names(tmp_path):
    table = one(written(tmp_path, "sep=;\n名称;经度\n甲, 乙;115.8\n"))
    assert table.columns["名称"].tolist() == ["甲, 乙"]
    assert table.row.tolist() == [3]


def test_mixed_separators_are_mended_or_told(tmp_path):
    text = f"{HEADER}\n甲,115.8,28.6,某路\n乙，115.9，28.7，某街\n丙,115.9，28.7,某村\n"
    text += "丁,116,29,A,B\n戊,117,29\n己,118,29,X,,\n"
    table = one(written(tmp_path, text))
    assert table.columns["名称"].tolist() == ["甲", "乙", "丙", "丁", "戊", "己"]
    assert table.columns["纬度"].tolist() == ["28.6", "28.7", "28.7", "29", "29", "29"]
    assert listed(table) == [("row_width", "note", 3), ("row_width", "note", 4), ("row_width", "error", 5),
                             ("row_width", "warning", 6), ("extra_column", "note", None)]  # fmt: skip


def test_line_numbers_with_breaks_in_quotes(tmp_path):
    text = (
        f'AED 一览表\n\n{HEADER}\n"甲\n（东门）",1,2,"a,""b"""\n乙,1,2,x\r\n\n丙,1,2,"多\r\n\r\n行"\n丁,1,2,z'
    )
    table = one(written(tmp_path, text))
    assert table.row.tolist() == [4, 6, 8, 11]
    assert table.columns["名称"].tolist() == ["甲\n（东门）", "乙", "丙", "丁"]
    assert table.columns["地址"].tolist()[:2] == ['a,"b"', "x"]
    assert table.titles == ("AED 一览表",)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings(tmp_path, ending):
    table = one(written(tmp_path, ending.join([HEADER, "甲,1,2,x", "乙,1,2,y", ""])))
    assert table.row.tolist() == [2, 3]
    assert table.columns["地址"].tolist() == ["x", "y"]


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest(tmp_path):
    lines = [HEADER, '"甲,1,2,x', *[f"点{i},1,2,y" for i in range(500)]]
    table = one(written(tmp_path, "\n".join(lines)))
    assert table.n_rows == 501
    assert table.columns["名称"][0] == '"甲'
    assert any("引号" in found.what for found in table.findings)


def test_zero_bytes(tmp_path):
    table = one(written(tmp_path, f"{HEADER}\n甲\0,1,2,x\n".encode()))
    assert table.columns["名称"].tolist() == ["甲"]
    assert listed(table) == [("decode_error", "warning", 2)]
    assert refused(written(tmp_path, bytes(range(256)) * 40, name="b.csv")) in {
        "unsupported_format",
        "decode_error",
    }
    assert refused(written(tmp_path, b"\x01\0\x02" * 999, name="b.csv")) == "unsupported_format"


def test_lines_in_two_encodings(tmp_path):
    lines = [HEADER.encode("gbk"), "修水县人民医院,1,2,义宁镇".encode(), "赣县区,1,2,梅林镇".encode("gbk")]
    table = one(written(tmp_path, b"\n".join(lines)))
    assert table.columns["名称"].tolist() == ["修水县人民医院", "赣县区"]
    assert listed(table) == [("encoding_guessed", "warning", None)]


def test_a_line_in_no_encoding_is_an_error_with_its_number(tmp_path):
    lines = [HEADER, "甲,1,2,x", "乙,1,2,y"]
    for encoding in ("utf-8", "gbk"):
        raw = [line.encode(encoding) for line in lines]
        raw[1] = raw[1].replace(b",x", b",\xff\xfe\xff")
        table = one(written(tmp_path, b"\n".join(raw)))
        assert listed(table) == [("decode_error", "error", 2)]
        assert table.columns["名称"].tolist() == ["甲", "乙"]


def test_gbk_that_is_also_utf8(tmp_path):
    """``联通`` in GBK is valid UTF-8; the rest of the file tells."""
    text = f"{HEADER}\n联通,1,2,x\n南昌移动,1,2,y\n"
    assert one(written(tmp_path, text, "gbk")).columns["名称"].tolist() == ["联通", "南昌移动"]


def test_noise_is_no_table(tmp_path):
    noise = bytes((i * 7919 + i // 3) % 254 + 1 for i in range(5000))
    assert refused(written(tmp_path, noise)) in {"decode_error", "no_table", "unsupported_format"}
    assert refused(written(tmp_path, "只有一段话\n没有表格。\n")) == "no_table"
    assert refused(written(tmp_path, b"")) == "file_unreadable"
    assert refused(written(tmp_path, b"\n \n")) == "file_unreadable"


def test_formula_errors_in_text_are_told_as_well(tmp_path):
    table = one(written(tmp_path, f"{HEADER}\n甲,#REF!,2,x\n"))
    assert table.columns["经度"].tolist() == [None]
    assert listed(table) == [("formula_error", "warning", 2)]


def test_a_header_of_two_rows_without_merged_cells(tmp_path):
    text = "序号,名称,位置,,联系人,\n,,经度,纬度,姓名,电话\n1,甲,115,28,张,138\n"
    table = one(written(tmp_path, text))
    assert list(table.columns) == ["序号", "名称", "位置/经度", "位置/纬度", "联系人/姓名", "联系人/电话"]


def test_too_many_columns_are_refused(tmp_path):
    assert refused(written(tmp_path, "名称,经度," + "," * 5_000_000 + "x\n甲,1,2\n")) == "file_too_large"


def test_a_long_line_is_read_in_time(tmp_path):
    began = time.process_time()
    path = written(tmp_path, HEADER + "\n甲,1,2," + "x" * 130_000 + "\n乙,1,2,y\n")
    assert [len(cell) for cell in one(path).columns["地址"]] == [32_767, 1]
    assert refused(written(tmp_path, HEADER + "\n甲,1,2," + "x" * 50_000_000)) == "file_too_large"
    assert time.process_time() - began < 5


# round trips

field = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029\x85")
)
field = st.one_of(field, st.sampled_from(['"', 'a"b', "a,b", "a\nb", "；", "，", "\t"]))


@given(
    st.lists(st.lists(field, min_size=4, max_size=4), min_size=1, max_size=8),
    st.sampled_from(["utf-8", "gb18030"]),
)
def test_what_csv_writes_is_read_back(rows, encoding):
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([HEADER.split(","), *rows])
    raw = stream.getvalue().encode(encoding)
    grid = read_text(raw, file="a.csv")
    if grid.encoding == encoding:  # a few texts are valid in both
        got = [row + [None] * (4 - len(row)) for row in grid.rows[1:]]
        kept = [[cell if cell.strip() else None for cell in row] for row in rows]
        assert got == [row for row in kept if any(cell is not None for cell in row)]


@given(
    st.lists(
        st.lists(st.sampled_from(["甲", "1.5", "a", ""]), min_size=2, max_size=5), min_size=1, max_size=30
    )
)
def test_line_numbers_are_those_of_csv(rows):
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([["名称", "经度", "纬度"], *rows])
    grid = read_text(stream.getvalue().encode(), file="a.csv")
    assert grid.numbers == [1, *[i for i, row in enumerate(rows, 2) if any(row)]]


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(raw):
    try:
        decoded = decode(raw, file="a.csv")
    except RefusedError as error:
        assert error.finding.code in {"decode_error", "unsupported_format"}
    else:
        decoded.text.encode("utf-8")


def test_separator_of_a_text_with_commas_in_its_cells():
    assert find_separator("名称\t地址\n甲\t某路,1号,2室\n乙\t某街,3号,4室\n") == "\t"


# HTML


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<td",
        "<script>",
        "<table>",
        '<td rowspan="2" colspan="2000">',
        "<tr><td>",
        "&#",
        "<" + "a" * 999_999,
        "<td " + "a" * 999_999,
        "<!-- " + "-" * 999_999,
    ],
)
def test_html_takes_time_in_proportion_to_its_length(piece):
    began = time.process_time()
    try:
        html_tables("<table>" + piece * max(1, 1_000_000 // len(piece)), file="a.xls")
    except RefusedError as error:
        assert error.finding.code == "file_too_large"
    assert time.process_time() - began < 8


def test_html_spans_are_bounded():
    (table,) = html_tables(
        "<table><tr><td rowspan=999999999 colspan=2>a<td>b</tr><tr><td>c</table>", file="a"
    )
    assert table[0].rows == [["a", None, "b"], [None, None, "c"]]


def test_plain_text_of_html_runs_nothing():
    assert (
        plain_text('<img src=x onerror="alert(1)"><SCRIPT>alert(1)</SCRIPT >甲<style>a{}</style>&lt;b&gt;')
        == "甲 <b>"
    )


# size (how long it takes is in bench/bench_intake.py: cells)


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_read(tmp_path):
    row = "编号{i},名称{i},南昌市,南昌县,某路{i}号,115.{i},28.{i},13800138000,已建,2020,24小时,红十字会"
    head = "编号,名称,设区市,县区,地址,经度,纬度,电话,状态,年份,开放时间,建设单位"
    path = written(tmp_path, "\n".join([head, *(row.format(i=i) for i in range(100_000))]))
    assert one(path).n_rows == 100_000


@pytest.mark.parametrize(
    "lines",
    [
        ['"甲,1,2,x', *[f"点{i},1,2,y" for i in range(9)]],
        [*[f"点{i},1,2,y" for i in range(5)], '乙,1,2,"路口', *[f"点{i},1,2,y" for i in range(4)]],
        ['"甲,1,2,x', '"乙,1,2,x', *[f"点{i},1,2,y" for i in range(8)]],
        ['甲,1,2,"x', "乙,1,2,y", '丙,1,2,"z"', *[f"点{i},1,2,y" for i in range(7)]],
        [*[f"点{i},1,2,y" for i in range(9)], '"末,1,2,x'],
    ],
)
def test_a_quote_that_is_never_closed_swallows_no_row_of_a_short_table(tmp_path, lines):
    table = one(written(tmp_path, "\n".join([HEADER, *lines])))
    assert table.n_rows == 10
    assert {row for code, _, row in listed(table) if code == "row_width"} <= {2, 3, 7, 11}
    assert any("引号" in found.what for found in table.findings)


def test_cells_of_several_lines_stay_whole(tmp_path):
    text = f'{HEADER}\n"甲\n乙",1,2,"a,b\nc,d,e"\n丙,1,2,"x\ny"\n",,","a\nb",",",x'
    table = one(written(tmp_path, text))
    assert table.columns["名称"].tolist() == ["甲\n乙", "丙", ",,"]
    assert table.columns["地址"].tolist() == ["a,b\nc,d,e", "x\ny", "x"]
    assert not table.findings


def test_marks_of_files_that_were_put_together_are_no_text(tmp_path):
    table = one(written(tmp_path, f"\ufeff{HEADER}\n甲,1,2,x\n\ufeff乙,1,2,y\n"))
    assert table.columns["名称"].tolist() == ["甲", "乙"]


def test_html_that_claims_the_wrong_encoding(tmp_path):
    text = "<meta charset=gb2312><table><tr><td>名称<td>经度<td>纬度<tr><td>红十字会<td>1<td>2</table>"
    table = one(written(tmp_path, text, name="a.html"))
    assert table.columns["名称"].tolist() == ["红十字会"]


def test_a_bracket_in_an_attribute_of_html_is_no_end(tmp_path):
    text = '<table><tr><td title="a>b">名称<td>经度<td>纬度<tr><td title=5">甲<td>1<td>2</table>'
    table = one(written(tmp_path, text, name="a.html"))
    assert table.columns["名称"].tolist() == ["甲"]
