"""Tables as Excel workbooks: all sheets that can be seen, merged cells spread, and nothing that Excel has rounded.

Each sheet is gone through twice: what is merged, hidden or never computed stands behind the rows, or where openpyxl
does not look.
"""

import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import iterparse
from zipfile import ZipFile

from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.cell_range import CellRange

from intake.sheets import File, Reading, Row, Table, Unreadable, opened, table

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
STRICT_SPACE = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
MOST_DIGITS = 15  # a spreadsheet keeps no more of a number
LOST_FROM = 10**MOST_DIGITS
LAST_LINE = 1_048_576
PADDED = re.compile("0{2,}")
NAMED = 5


@dataclass
class Survey:
    """What a sheet says of its cells beside their values; lines from 1, columns from 0."""

    lines: int = 0
    filled: int = 0
    width: int = 0
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)  # first line, last line, first column, last
    hidden_lines: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    uncomputed: dict[int, list[int]] = field(default_factory=dict)


def read(path: Path, reading: Reading) -> File:
    with opened(path) as stream:
        content = io.BytesIO(stream.read())
    book = _book(path, content)
    names = [page.title for page in book.worksheets]
    for name in reading.sheets:
        if name not in names:
            raise Unreadable(f"{path}: there is no sheet “{name}”; it has {', '.join(names) or 'none'}.")
    tables: list[Table] = []
    unread: list[str] = []
    remarks: list[str] = []
    for page in book.worksheets:
        survey = _survey(page)
        if not survey.filled:
            continue
        if not (page.title in reading.sheets if reading.sheets else page.sheet_state == "visible"):
            unread.append(_unread(page, survey))
            continue
        its_table = table(path, _rows(page, survey), reading, padded=True, sheet=page.title)
        if its_table:
            tables.append(replace(its_table, lines=survey.lines))
            remarks += _remarks(page, survey)
    if not tables:
        hidden = f" {' '.join(unread)}" if unread else ""
        raise Unreadable(f"{path}: is empty.{hidden}")
    if len(tables) == 1 and not unread:
        tables = [replace(tables[0], sheet="", rows=(replace(row, sheet="") for row in tables[0].rows))]
    return File(tables, unread, remarks)


def _book(path: Path, content: io.BytesIO) -> Any:
    with ZipFile(content) as archive:
        members = set(archive.namelist())
    if "[Content_Types].xml" not in members or not any(name.startswith("xl/") for name in members):
        raise Unreadable(f"{path}: is a zip archive, but no .xlsx; unpack it, or save the table as .xlsx or CSV.")
    if "xl/workbook.bin" in members:
        raise Unreadable(f"{path}: is a binary workbook (.xlsb); save it as .xlsx or as CSV.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that openpyxl leaves out
        return load_workbook(content, read_only=True, data_only=True)


def _unread(page: Any, survey: Survey) -> str:
    state = "" if page.sheet_state == "visible" else " (hidden)"
    return f"Sheet “{page.title}”{state} was not read: {survey.filled} lines."


def _remarks(page: Any, survey: Survey) -> list[str]:
    remarks = []
    if survey.hidden_lines:
        some = ", ".join(map(str, survey.hidden_lines[:NAMED])) + (" …" if len(survey.hidden_lines) > NAMED else "")
        remarks.append(f"Sheet “{page.title}” hides {len(survey.hidden_lines)} lines that were read: {some}.")
    # What is hidden behind the last column that is filled hides nothing.
    columns = [
        get_column_letter(column)
        for first, last in survey.hidden_columns
        for column in range(first, min(last, survey.width) + 1)
    ]
    if columns:
        remarks.append(f"Sheet “{page.title}” hides columns that were read: {', '.join(columns)}.")
    return remarks


# The survey


def _survey(page: Any) -> Survey:
    survey = Survey()
    with page._get_source() as source:
        data = None
        for event, element in iterparse(source, events=("start", "end")):  # noqa: S314  as openpyxl does
            tag = element.tag.replace(STRICT_SPACE, SPACE).removeprefix(SPACE)
            if event == "start":
                data = element if tag == "sheetData" else data
            elif tag == "row":
                _survey_row(survey, element)
                if data is not None:
                    data.clear()
            elif tag == "mergeCell":
                area = CellRange(element.get("ref"))
                survey.merged.append((area.min_row, area.max_row, area.min_col - 1, area.max_col - 1))
            elif tag == "col" and _is_hidden(element):
                survey.hidden_columns.append((int(element.get("min", "1")), int(element.get("max", "1"))))
    survey.merged.sort()
    return survey


def _survey_row(survey: Survey, element: Any) -> None:
    survey.lines = int(element.get("r") or survey.lines + 1)
    if survey.lines > LAST_LINE:
        raise ValueError(f"line {survey.lines} lies beyond the end of a sheet")
    is_filled, column = False, 0
    for cell in element:
        column = coordinate_to_tuple(cell.get("r"))[1] if cell.get("r") else column + 1
        parts = {part.tag.rpartition("}")[2]: part for part in cell}
        value = parts.get("v")
        is_empty = value is None or not value.text
        # A result that is an empty text says that it is one.
        if "f" in parts and is_empty and cell.get("t") != "str":
            survey.uncomputed.setdefault(survey.lines, []).append(column - 1)
        elif "is" not in parts and is_empty:
            continue
        is_filled, survey.width = True, max(survey.width, column)
    survey.filled += is_filled
    if is_filled and _is_hidden(element):
        survey.hidden_lines.append(survey.lines)


def _is_hidden(element: Any) -> bool:
    return element.get("hidden") in ("1", "true")


# Rows


def _rows(page: Any, survey: Survey) -> Iterator[Row]:
    page.reset_dimensions()  # some programs write them wrong, and openpyxl would stop there
    waiting = iter(survey.merged)
    following, width = next(waiting, None), 0
    running: list[tuple[int, int, int, int, str, str]] = []  # the area, its text and what is wrong with it
    for line, cells in enumerate(page.iter_rows(), 1):
        texts = [_as_text(cell) for cell in cells]
        flaws = {index: flaw for index, cell in enumerate(cells) if (flaw := _flaw(cell))}
        flaws |= dict.fromkeys(
            survey.uncomputed.get(line, ()), _("The formula has no result: open and save the file once.")
        )
        is_filled = any(text.strip() for text in texts) or bool(flaws)
        running = [area for area in running if area[1] >= line]
        joins = bool(running)
        while following and following[0] <= line:
            first_column = following[2]
            text = texts[first_column] if first_column < len(texts) else ""
            running.append((*following, text, flaws.get(first_column, "")))
            following = next(waiting, None)
        width = max(width, len(texts))
        if is_filled:  # a line that has nothing of its own is no row, even where an area reaches over it
            for _first, _last, left, right, text, flaw in running:
                _spread(texts, flaws, left, min(right, width - 1), text, flaw)
        yield Row(line, texts, flaws=flaws, joins=joins)


def _spread(texts: list[str], flaws: dict[int, str], left: int, right: int, text: str, flaw: str) -> None:
    """A merged area holds its value in the first cell alone; people see it in all of them."""
    if not text and not flaw:
        return
    texts += [""] * (right + 1 - len(texts))
    for index in range(left, right + 1):
        texts[index] = text
        if flaw:
            flaws[index] = flaw


def _as_text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float) and float(value).is_integer():
        digits = str(int(value))
        # A format of zeros shows those before the number: people see 007 and mean it.
        return digits.zfill(len(cell.number_format)) if PADDED.fullmatch(cell.number_format or "") else digits
    if isinstance(value, datetime | date):
        return value.isoformat()
    return unescape(str(value))


def _flaw(cell: Any) -> str:
    value = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= LOST_FROM:
        return _("As a number it has lost digits behind the fifteenth: make the column text, and fill it anew.")
    return ""
