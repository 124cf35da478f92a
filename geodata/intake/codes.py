"""The kinds of findings: a stable English code each, its usual severity and its Chinese short title."""

from __future__ import annotations

from types import MappingProxyType

from ..errors import Problem
from ..shown import shown
from .model import Finding, Severity

CODES = MappingProxyType[str, tuple[Severity, str]](
    {
        # the file
        "file_missing": ("error", "文件不存在"),
        "file_unreadable": ("error", "文件无法读取"),
        "file_too_large": ("error", "文件过大"),
        "unsafe_archive": ("error", "压缩包不安全"),
        "unsafe_content": ("error", "文件内容不安全"),
        "encrypted": ("error", "文件已加密"),
        "unsupported_format": ("error", "不支持的格式"),
        "format_mismatch": ("note", "后缀与内容不符"),
        "file_skipped": ("note", "文件未读"),
        "decode_error": ("error", "文字编码有误"),
        "encoding_guessed": ("note", "文字编码系判断所得"),
        "truncated": ("error", "文件不完整"),
        # the sheet
        "no_table": ("error", "没有数据表"),
        "no_rows": ("warning", "没有数据行"),
        "sheet_skipped": ("note", "工作表未读"),
        "sheet_hidden": ("note", "隐藏的工作表"),
        "title_row": ("note", "表题"),
        "merged_cells": ("note", "合并单元格已展开"),
        "merged_header": ("note", "多层表头已合并"),
        "total_row": ("note", "合计行未读"),
        "header_repeated": ("note", "重复的表头行"),
        "row_width": ("warning", "列数与表头不符"),
        "formula_error": ("warning", "公式出错"),
        "formula_text": ("warning", "单元格以公式符号开头"),
        "geometry_kept": ("note", "面或线取其中一点"),
        "geometry_missing": ("warning", "没有几何"),
        "geometry_invalid": ("warning", "几何有误"),
        "sidecar_missing": ("warning", "缺少配套文件"),
        "crs_transformed": ("note", "坐标系已换算"),
        # the header
        "header_missing": ("error", "缺少必填的列"),
        "header_guessed": ("warning", "表头系近似匹配"),
        "header_duplicate": ("warning", "多列含义相同"),
        "header_unknown": ("warning", "对应表里的表头不存在"),
        "unit_mismatch": ("warning", "单位不符"),
        "extra_column": ("note", "无对应的列"),
        # the coordinates
        "crs_doubtful": ("error", "坐标系无法判定"),
        "crs_contradicted": ("error", "坐标系与检验不符"),
        "crs_unknown": ("error", "坐标系名称无法识别"),
        "crs_stated_twice": ("warning", "坐标系说法不一"),
        "crs_tested": ("note", "坐标系已判定"),
        "crs_confirmed": ("warning", "坐标系由用户确认"),
        "coordinate_missing": ("error", "没有坐标"),
        "coordinate_invalid": ("error", "坐标无效"),
        "coordinate_swapped": ("warning", "经纬度写反"),
        "coordinate_cleaned": ("note", "坐标写法已整理"),
        "coordinate_imprecise": ("warning", "坐标小数位太少"),
        "coordinate_conflict": ("warning", "两组坐标不一致"),
        "outside_province": ("error", "在省外"),
        "position_approximate": ("warning", "位置近似"),
        # the units
        "county_mismatch": ("error", "不在所写县区"),
        "county_unknown": ("warning", "县区无法识别"),
        "county_code_conflict": ("error", "代码与名称不符"),
        "county_filled": ("note", "县区按坐标填写"),
        "city_conflict": ("warning", "设区市与县区不符"),
        "former_name": ("note", "原名已改"),
        # the values
        "required_missing": ("error", "必填项为空"),
        "value_invalid": ("warning", "值无法识别"),
        "value_range": ("warning", "值超出范围"),
        "value_cleaned": ("note", "值已整理"),
        "value_approximate": ("warning", "约数"),
        "value_other": ("warning", "不在可选值之内"),
        "unit_converted": ("note", "单位已换算"),
        "date_future": ("warning", "日期在将来"),
        "stale_verification": ("warning", "核实已过期"),
        # the rows
        "duplicate_id": ("error", "编号重复"),
        "duplicate_row": ("error", "整行重复"),
        "duplicate_name": ("warning", "疑似重复"),
        "example_rows": ("warning", "含示例数据"),
        "merge_ambiguous": ("warning", "对应多个已有点"),
        "more": ("note", "其余从略"),
    }
)
"""Code → usual severity (a finding may be milder or worse where its text says why), Chinese short title."""

MEND = "请改正后重新导入"
"""What to do about an error where nothing better can be said."""


def finding(
    code: str,
    what: str = "",
    *,
    severity: Severity | None = None,
    file: str = "",
    sheet: str = "",
    row: int | None = None,
    column: str = "",
    got: object = "",
    fix: str = "",
) -> Finding:
    """Make a finding of the code's usual severity and title, with ``got`` shortened to one line.

    Examples
    --------
    >>> found = finding("coordinate_missing", row=7, got=None)
    >>> found.severity, found.what, found.row, found.got, found.fix
    ('error', '没有坐标', 7, '', '请改正后重新导入')
    """
    usual, title = CODES[code]
    level = severity or usual
    advice = fix or (MEND if level == "error" else "")
    return Finding(level, code, what or title, file, sheet, row, column, shown(got), advice)


def as_problem(found: Finding) -> Problem:
    """Write a finding as the problem of an ``InputError``: file, sheet, row and column become its place.

    Examples
    --------
    >>> found = finding("value_invalid", file="aed.xlsx", row=3, column="年份", got="去年", fix="写四位年份")
    >>> print(as_problem(found))
    aed.xlsx 第3行 年份: 值无法识别, 得到 去年; 写四位年份
    """
    return Problem(place(found), found.what, found.got, found.fix)


def place(found: Finding) -> str:
    """Write where a finding is: file, sheet, row and column, as far as they are known."""
    row = f"第{found.row}行" if found.row is not None else ""
    sheet = f"工作表 {found.sheet}" if found.sheet else ""
    return " ".join(part for part in (found.file, sheet, row, found.column) if part)
