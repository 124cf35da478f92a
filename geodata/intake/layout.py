"""A grid of cells → a table: titles, header, rows, without totals, footers and repeated headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codes import finding
from .grid import ERRORS, NO_RESULT, Grid
from .heading import Heading, LooksLikeHeader, find_heading, looks_like_header, tidy, unique
from .limits import MOST_CELLS, MOST_NAMED, refuse
from .model import Cells, Finding, RawTable

_TOTAL = re.compile(r"(合计|总计|小计|共计|累计|总数)[^一-鿿]*|.{0,8}(合计|总计|小计)")
_FOOTER = re.compile(
    r"(填表|制表|填报|审核|审批|复核|报送|统计|经办|校对|主管|单位)?(人|者|单位|日期|时间|负责人|领导|盖章|签字|联系人|联系电话|电话)"
    r"(\(?(签字|签名|盖章|公章)\)?)?[:：].*|(备注|注|说明|注意|填表说明|填报说明|坐标系|数据来源|资料来源|来源)[:：1-9].*|第.{1,4}页.*",
    re.DOTALL,
)
_EXPLAINS = re.compile(
    r"说明|须知|指南|字典|选项|下拉|代码表|示例|样例|目录|封面|枚举|修订|参考|readme|options|sheet_?dict",
    re.IGNORECASE,
)
_MOST_FILLED = 5_000_000


@dataclass(frozen=True)
class Laid:
    """A grid with its header found."""

    grid: Grid
    heading: Heading

    @property
    def strong(self) -> bool:
        """Whether the header is surely one: two cells at least look like known headers."""
        return self.heading.known >= 2

    @property
    def weak(self) -> bool:
        """Whether it is hardly a table: one column under an unknown header."""
        return self.heading.known == 0 and max(len(row) for row in self.grid.rows) < 2

    @property
    def explains(self) -> bool:
        """Whether the name of the sheet says that it holds explanations or lists to choose from."""
        return bool(_EXPLAINS.search(self.grid.sheet))


def lay_out(
    grids: Sequence[Grid],
    *,
    file: str,
    digest: str,
    looks: LooksLikeHeader = looks_like_header,
    asked: bool = False,
    strict: bool = False,
) -> tuple[list[RawTable], list[Finding]]:
    """Turn the sheets of one file into tables; those without a table become findings.

    Parameters
    ----------
    grids
        Sheets as they stand; hidden ones are left out with a note unless they were asked for.
    file
        Name as a user knows it.
    digest
        SHA-256 of the file.
    looks
        Tells whether a text looks like a header.
    asked
        Whether the user named the sheet: then it is read whatever it is.
    strict
        Whether a table without any known header is left out, as among the files of a folder.
    """
    found: list[Finding] = []
    laid = []
    for grid in grids:
        if grid.hidden and not asked:
            fix = "如需读入, 请取消隐藏, 或指定这个工作表"
            found.append(
                finding("sheet_hidden", "隐藏的工作表没有读入", file=file, sheet=grid.sheet, fix=fix)
            )
        elif not grid.rows:
            found.append(finding("sheet_skipped", "空工作表, 没有读入", file=file, sheet=grid.sheet))
        else:
            laid.append(Laid(grid, find_heading(grid, looks)))
    chosen = laid if asked else _choose(laid, strict)
    for item in laid:
        if item not in chosen:
            what = "是说明或选项, 没有读入" if item.explains else "没有认得的表头, 没有读入"
            found.append(finding("sheet_skipped", what, file=file, sheet=item.grid.sheet))
    tables = [_table(item, file, digest) for item in chosen]
    for table in tables:
        if not table.n_rows:
            found.extend(table.findings)
            found.append(finding("no_rows", "只有表头, 没有数据行", file=file, sheet=table.sheet))
    return [table for table in tables if table.n_rows], found


def _choose(laid: Sequence[Laid], strict: bool) -> list[Laid]:
    """Leave out explanations and sheets without a known header where there are better ones."""
    usable = [item for item in laid if not item.weak and (item.heading.known or not strict)]
    plain = [item for item in usable if not item.explains] or usable
    return [item for item in plain if item.strong] or plain


def _table(laid: Laid, file: str, digest: str) -> RawTable:
    """Build the table of one sheet."""
    grid, heading = laid.grid, laid.heading
    keep, dropped, footers = _rows(grid, heading)
    titles = [_line(row) for row in grid.rows[: max(heading.first, 0)]]
    notes = list(grid.findings) + dropped
    rows = [grid.rows[i] for i in keep]
    number = np.array([grid.numbers[i] for i in keep], np.int64)
    columns, cells_notes = _columns(rows, number, grid, heading, file)
    if heading.first < 0:
        notes.append(finding("header_guessed", "没有找到表头, 列名取 A列、B列 等", fix="请在第一行写上表头"))
    if heading.levels > 1:
        lines = f"第 {grid.numbers[heading.first]}-{grid.numbers[heading.last]} 行"
        notes.append(finding("merged_header", f"表头有 {heading.levels} 层, 已合并", got=lines))
    if grid.hidden_rows:
        what = f"有 {grid.hidden_rows} 行被隐藏或筛选掉, 一并读入"
        notes.append(finding("sheet_hidden", what, fix="不需要的行请删除后再导入"))
    findings = tuple(replace(note, file=file, sheet=grid.sheet) for note in [*notes, *cells_notes])
    texts = tuple(text for text in [*titles, *footers] if text)
    encoding = grid.encoding
    return RawTable(
        file, grid.sheet, grid.format, columns, number, titles=texts, encoding=encoding, hash=digest,
        findings=findings,
    )  # fmt: skip


def _rows(grid: Grid, heading: Heading) -> tuple[list[int], list[Finding], list[str]]:
    """Choose the rows with data: their positions, findings on the others, texts of the footers."""
    start, end = heading.last + 1, len(grid.rows)
    footers: list[str] = []
    while end > start and _is_footer(grid.rows[end - 1], heading):
        end -= 1
        footers.insert(0, _line(grid.rows[end]))
    header = [_shape(row) for row in grid.rows[max(heading.first, 0) : start]]
    begins = {shape[0][1] for shape in header}
    titles = {_line(row) for row in grid.rows[: max(heading.first, 0)]}
    totals, repeated, keep = list[int](), list[int](), list[int]()
    for i in range(start, end):
        row = grid.rows[i]
        head = next(cell for cell in row if cell is not None)
        if isinstance(head, str):
            if _is_total(head):
                totals.append(i)
                continue
            if (tidy(head) in begins and _shape(row) in header) or (titles and _line(row[:3]) in titles):
                repeated.append(i)
                continue
        keep.append(i)
    return keep, _dropped(grid, totals, repeated, range(end, len(grid.rows))), footers


def _dropped(grid: Grid, totals: Sequence[int], repeated: Sequence[int], footers: range) -> list[Finding]:
    found = []
    for code, what, positions in (
        ("total_row", "合计、小计行没有读入", totals),
        ("header_repeated", "重复的表头或标题行没有读入", repeated),
        ("total_row", "表尾的说明没有读入", footers),
    ):
        for i in positions[:MOST_NAMED]:
            found.append(finding(code, what, row=grid.numbers[i], got=_line(grid.rows[i])))
        if len(positions) > MOST_NAMED:
            found.append(finding("more", f"{what}: 共 {len(positions)} 行"))
    return found


def _is_total(text: str) -> bool:
    plain = "".join(text[:40].split())
    return len(plain) <= 14 and bool(_TOTAL.fullmatch(plain))


def _is_footer(row: Sequence[Any], heading: Heading) -> bool:
    """Whether a row at the end is no data: who filled the table in, remarks, page numbers."""
    filled = [cell for cell in row if cell is not None]
    width = max(1, sum(bool(name) for name in heading.names) or len(row))
    few = len(filled) <= max(1, min(6, width // 2))
    return few and isinstance(filled[0], str) and bool(_FOOTER.fullmatch(filled[0].strip()))


def _shape(row: Sequence[Any]) -> tuple[tuple[int, str], ...]:
    return tuple((i, tidy(cell)) for i, cell in enumerate(row) if cell is not None)


def _line(row: Sequence[Any]) -> str:
    return " ".join(" ".join(str(cell)[:400].split()) for cell in row if cell is not None)


def _columns(
    rows: list[list[Any]], number: NDArray[np.int64], grid: Grid, heading: Heading, file: str
) -> tuple[dict[str, Cells], list[Finding]]:
    """Turn rows into columns in use, with merged cells filled down and formula errors taken out."""
    width = max([len(row) for row in rows] + [len(heading.names)])
    names = list(heading.names) + [""] * (width - len(heading.names))
    if len(rows) * width > 10 * MOST_CELLS:
        raise _too_many(file, grid.sheet, len(rows), width)
    filled: list[Cells | None] = []
    cells_used = 0
    for column in zip_longest(*rows) if rows else ():
        cells = np.empty(len(rows), object)
        cells[:] = column
        used = any(cell is not None for cell in column)
        cells_used += len(rows) * used
        if cells_used > MOST_CELLS:
            raise _too_many(file, grid.sheet, len(rows), width)
        filled.append(cells if used else None)
    filled += [None] * (width - len(filled))
    notes = _fill_merged(filled, number, grid, names)
    final, changed = unique(names, [filled[i] is not None or bool(names[i]) for i in range(width)])
    notes += [_renamed(new, old) for new, old in changed.items() if old or heading.first >= 0]
    columns = {}
    for position, name in enumerate(final):
        if name:
            stored = filled[position]
            columns[name] = np.full(len(rows), None, object) if stored is None else stored
            notes += _take_out_errors(columns[name], number, name)
    return columns, notes


def _too_many(file: str, sheet: str, rows: int, width: int) -> Exception:
    what = f"表格不能超过 {MOST_CELLS // 10_000} 万个单元格"
    fix = "请删去表格右侧和下方多余的内容, 或拆分后再导入"
    return refuse("file_too_large", what, file=file, sheet=sheet, got=f"{rows} 行 × {width} 列", fix=fix)


def _renamed(new: str, old: str) -> Finding:
    if not old:
        return finding("extra_column", f"这一列没有表头, 记为 {new}", column=new, fix="请补上表头")
    what = f"表头重复, 后一列记为 {new}"
    return finding("header_duplicate", what, column=old, fix="请删去多余的列, 或改成不同的表头")


def _fill_merged(
    columns: list[Cells | None], number: NDArray[np.int64], grid: Grid, names: Sequence[str]
) -> list[Finding]:
    """Fill the value of cells merged over several rows into those rows, in its own column."""
    counts: dict[int, int] = {}
    budget = _MOST_FILLED
    for top, left, bottom, _ in grid.merges:
        cells = columns[left] if bottom > top and left < len(columns) else None
        if cells is None or budget <= 0:
            continue
        low, high = np.searchsorted(number, [top, bottom + 1])
        if high - low < 2 or number[low] != top or cells[low] is None:
            continue
        part = cells[low:high]
        empty = np.array([cell is None for cell in part])
        part[empty] = cells[low]
        budget -= len(part)
        counts[left] = counts.get(left, 0) + 1
    return [
        finding(
            "merged_cells", f"{count} 处合并单元格已逐行填充", column=names[left] if left < len(names) else ""
        )
        for left, count in sorted(counts.items())
    ]


def _take_out_errors(cells: Cells, number: NDArray[np.int64], name: str) -> list[Finding]:
    """Empty the cells that hold a formula error, in place, and report each."""
    if not ERRORS.intersection(cell for cell in cells if isinstance(cell, str)):
        return []
    bad = np.flatnonzero([isinstance(cell, str) and cell in ERRORS for cell in cells])
    found = [_formula_error(str(cells[i]), int(number[i]), name) for i in bad[:MOST_NAMED]]
    if len(bad) > MOST_NAMED:
        found.append(finding("more", f"公式出错的单元格共 {len(bad)} 个", severity="warning", column=name))
    cells[bad] = None
    return found


def _formula_error(text: str, row: int, column: str) -> Finding:
    if text == NO_RESULT:
        fix = "请用 Excel 打开文件并保存一次, 让公式算出结果"
        return finding("formula_error", "公式没有结果, 按空白处理", row=row, column=column, fix=fix)
    fix = "请改正公式, 或改填数值"
    return finding("formula_error", "公式出错, 按空白处理", row=row, column=column, got=text, fix=fix)
