"""Tables as other systems hand them over: text or Excel, plain or gzip, told apart by their content, not by their name.

A row knows the line it begins on. One that cannot be read says why, and never takes its neighbours along.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, cast
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from django.utils.translation import gettext as _
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
# What is often handed over under the name of a table, by its first bytes.
OTHERS = (
    (b"\xd0\xcf\x11\xe0", "is an Excel file of the old kind or one with a password; save it as .xlsx or as CSV."),
    (b"%PDF", "is a PDF, no table; export the table as .xlsx or as CSV."),
    (b"{\\rtf", "is a text document, no table; export the table as .xlsx or as CSV."),
    (b"MIME-Version:", "is a web archive under the name of a table; open it in a spreadsheet and save it as .xlsx."),
)
MARKUP = re.compile(
    r"\s*<(?P<tag>!doctype|!--|\?xml|\?mso|html|head|meta|body|table|style|div|span|title|script|form|center|font|link|tr|td"
    r"|p|br|workbook|[a-z]+:[a-z]+)\b(?P<rest>[^>]{0,200})",
    re.IGNORECASE,
)
UNDECODED = re.compile("[\ud800-\udfff]")
BROKEN = (
    OSError,
    EOFError,
    zlib.error,
    BadZipFile,
    ParseError,
    InvalidFileException,
    KeyError,
    ValueError,
    LookupError,
)
# What stands in a cell instead of its value, in a spreadsheet and in what was saved from one.
ERROR = re.compile(
    r"#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|BUSY!|UNKNOWN!|GETTING_DATA|#{2,})"
)
LOOKED_AT = 20  # filled rows in which the heads are looked for

IsHeader = Callable[[Sequence[str]], int]


class Unreadable(Exception):
    """The file as a whole cannot be used; the message is one line."""


@dataclass(frozen=True)
class Row:
    """`flaws` says of a column (from 0) why what stands in it is not what was typed; `joins` a row merged with the last."""

    line: int
    cells: list[str]
    problem: str = ""
    flaws: Mapping[int, str] = field(default_factory=dict)
    joins: bool = False
    sheet: str = ""

    @property
    def place(self) -> str:
        return f"{self.sheet}:{self.line}" if self.sheet else str(self.line)


@dataclass(frozen=True)
class Table:
    """`lines` is how many there are in all, as far as the file says; `above` are those above the heads."""

    header: list[str]
    rows: Iterator[Row]
    lines: int | None = None
    sheet: str = ""
    above: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class File:
    """`unread` says what is not read, in a sentence each; `remarks` what is read and could be overlooked."""

    tables: list[Table]
    unread: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """How a file is to be read: the test for heads, and what its user says of sheets, heads and encoding."""

    is_header: IsHeader
    sheets: Sequence[str] = ()
    head_line: int | None = None
    encoding: str = ""


def read(path: Path, reading: Reading) -> File:
    from intake import texts, workbooks

    with named(path):
        if _is_workbook(path):
            return workbooks.read(path, reading)
        return texts.read(path, reading)


@contextmanager
def named(path: Path) -> Iterator[None]:
    try:
        yield
    except BROKEN as problem:
        reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        raise Unreadable(f"{path}: cannot be read: {reason}.") from problem


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        yield cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw


def beginning(path: Path, size: int = 4096) -> bytes:
    with opened(path) as stream:
        return stream.read(size)


def _is_workbook(path: Path) -> bool:
    start = beginning(path, 20)
    for mark, reason in OTHERS:
        if start.startswith(mark):
            raise Unreadable(f"{path}: {reason}")
    return start.startswith(ZIP)


def refuse_markup(path: Path, text: str) -> None:
    """Refuse a web page or XML under the name of a table. Its content is nobody's head and is not repeated."""
    match = MARKUP.match(text)
    if match:
        xml = match["tag"].lower() in ("?xml", "?mso", "workbook") and "<html" not in text.lower()
        kind = "an XML document" if xml else "a web page"
        raise Unreadable(f"{path}: is {kind} under the name of a table; open it in a spreadsheet and save it as .xlsx.")


def table(path: Path, rows: Iterator[Row], reading: Reading, *, padded: bool, sheet: str = "") -> Table | None:
    """Return the table in these rows, or none where they are all empty."""
    filled = (row for row in _guarded(path, rows) if row.problem or any(cell.strip() for cell in row.cells))
    first = list(islice(filled, LOOKED_AT))
    if not first:
        return None
    place = _head_place(path, first, reading)
    header, above = first[place], [row.line for row in first[:place]]
    below = _fitted(chain(first[place + 1 :], filled), header.cells, padded)
    return Table(header.cells, (replace(row, sheet=sheet) for row in below), None, sheet, above)


def _head_place(path: Path, rows: list[Row], reading: Reading) -> int:
    """Return where the heads stand: in the line that the user names, or in the row with most names that are known."""
    if reading.head_line is not None:
        for place, row in enumerate(rows):
            if row.line == reading.head_line:
                return place
        raise Unreadable(
            f"{path}: no heads stand in line {reading.head_line}; --head-line takes one of the first lines."
        )
    fields = [0 if row.problem else reading.is_header(row.cells) for row in rows]
    place = fields.index(max(fields))
    # Heads in two lines are merged downwards; the lower one is the finer.
    while place + 1 < len(rows) and rows[place + 1].joins and fields[place + 1] and not rows[place + 1].flaws:
        place += 1
    return place


def _guarded(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    with named(path):
        yield from rows


def _fitted(rows: Iterable[Row], header: list[str], padded: bool) -> Iterator[Row]:
    """A spreadsheet leaves out empty cells at the end; in a text a cell that is missing has moved the others."""
    width = len(header)
    for row in rows:
        problem = row.problem or _problem(row.cells, header, padded)
        if problem:
            yield replace(row, problem=problem)
        else:
            cells = (row.cells + [""] * width)[:width]
            yield replace(row, cells=cells, flaws={**row.flaws, **_errors(cells)})


def _problem(cells: list[str], header: list[str], padded: bool) -> str:
    width = len(header)
    if any(UNDECODED.search(cell) for cell in cells):
        return _("The text is not in the encoding of the file.")
    if any(cell.strip() for cell in cells[width:]) or (len(cells) < width and not padded):
        return _("%(found)s columns instead of %(width)s.") % {"found": len(cells), "width": width}
    for index, (head, cell) in enumerate(zip(header, cells, strict=False), 1):
        if cell.strip() and not head.strip():
            return _("Something stands in column %(column)s, which has no head.") % {"column": get_column_letter(index)}
    return ""


def _errors(cells: list[str]) -> dict[int, str]:
    return {
        index: _("The spreadsheet has put “%(error)s” in the place of the value.") % {"error": cell.strip()}
        for index, cell in enumerate(cells)
        if cell.startswith("#") and ERROR.fullmatch(cell.strip())
    }
