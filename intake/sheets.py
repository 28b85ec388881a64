"""Tables as other systems hand them over: CSV or Excel, plain or gzip, told apart by their content, not by their name.

A row knows the line it begins on. One that cannot be read says why, and never takes its neighbours along.
"""

import csv
import gzip
import io
import re
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape
from openpyxl.utils.exceptions import InvalidFileException

GZIP, ZIP, OLD_EXCEL = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
UNDECODED = re.compile("[\ud800-\udfff]")
BROKEN = (OSError, EOFError, zlib.error, BadZipFile, ParseError, InvalidFileException, KeyError, ValueError)


class Unreadable(Exception):
    """The file as a whole cannot be used; the message is one line."""


@dataclass(frozen=True)
class Row:
    line: int
    cells: list[str]
    problem: str = ""


@dataclass(frozen=True)
class Table:
    """`lines` is how many there are in all, as far as the file says."""

    header: list[str]
    rows: Iterator[Row]
    lines: int | None


def read(path: Path, sheet: str = "") -> Table:
    with _named(path):
        if _begins_with(path, ZIP):
            rows, lines = _sheet(path, sheet)
            padded = True
        else:
            encoding, lines = _survey(path)
            rows, padded = _csv(path, encoding), False
    filled = (row for row in _guarded(path, rows) if row.problem or any(cell.strip() for cell in row.cells))
    header = next(filled, None)
    if header is None:
        raise Unreadable(f"{path}: is empty.")
    return Table(header.cells, _fitted(filled, len(header.cells), padded), lines)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except BROKEN as problem:
        reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        raise Unreadable(f"{path}: cannot be read: {reason}.") from problem


def _guarded(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    with _named(path):
        yield from rows


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        yield cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw


def _begins_with(path: Path, mark: bytes) -> bool:
    with _opened(path) as stream:
        beginning = stream.read(4)
    if beginning == OLD_EXCEL:
        raise Unreadable(f"{path}: is an Excel file of the old kind; save it as .xlsx or as CSV.")
    return beginning == mark


def _fitted(rows: Iterator[Row], width: int, padded: bool) -> Iterator[Row]:
    """A spreadsheet leaves out empty cells at the end; in a CSV a cell that is missing has moved the others."""
    for row in rows:
        if row.problem:
            yield row
        elif any(UNDECODED.search(cell) for cell in row.cells):
            yield Row(row.line, row.cells, _("The text is not in the encoding of the file."))
        elif any(cell.strip() for cell in row.cells[width:]) or (len(row.cells) < width and not padded):
            counted = _("%(found)s columns instead of %(width)s.") % {"found": len(row.cells), "width": width}
            yield Row(row.line, row.cells, counted)
        else:
            yield Row(row.line, (row.cells + [""] * width)[:width])


# CSV


def _survey(path: Path) -> tuple[str, int]:
    """Encoding and number of lines. Reading once to the end also finds a damaged archive before anything is done."""
    with _opened(path) as stream:
        kinds = Counter(map(_decodes, stream))
    lines, good, bad = kinds.total(), kinds[True], kinds[False]
    # Some lines of GB18030 pass for UTF-8 by accident; a few bad lines among good UTF-8 are bad rows, not an encoding.
    in_gb18030 = bad * 2 >= lines and good * 100 <= bad and bad > 0
    return ("gb18030" if in_gb18030 else "utf-8-sig"), lines


def _decodes(line: bytes) -> bool | None:
    """None where every encoding would do."""
    if line.isascii():
        return None
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _csv(path: Path, encoding: str) -> Iterator[Row]:
    with _opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")
        yield from records(text)


class _Lines:
    """Lines that can be given back: a quote that is never closed must not swallow the rows after it."""

    def __init__(self, source: Iterable[str]) -> None:
        self.source = iter(source)
        self.taken: list[str] = []
        self.returned: deque[str] = deque()

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.returned.popleft() if self.returned else next(self.source)
        self.taken.append(line)
        return line

    def keep_first(self) -> str:
        self.returned.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        return self.taken[0].rstrip("\r\n")


def records(text: Iterable[str]) -> Iterator[Row]:
    lines, number = _Lines(text), 1
    reader = csv.reader(lines, strict=True)
    while True:
        lines.taken.clear()
        try:
            row = Row(number, next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            row = Row(number, [lines.keep_first()], _csv_problem(error))
        yield row
        number += len(lines.taken)


def _csv_problem(error: csv.Error) -> str:
    if "field limit" in str(error):
        return _("A field is longer than any that is taken, or its quotes are not closed.")
    return _("The quotes are not closed, or stand inside a field without being doubled.")


# Excel


def _sheet(path: Path, name: str) -> tuple[Iterator[Row], int | None]:
    with _opened(path) as stream:
        book = load_workbook(io.BytesIO(stream.read()), read_only=True, data_only=True)
    names = [page.title for page in book.worksheets]
    if not names or name not in ("", *names):
        raise Unreadable(f"{path}: there is no sheet “{name}”; it has {', '.join(names) or 'none'}.")
    page: Any = book[name or names[0]]
    lines = page.max_row
    page.reset_dimensions()  # some programs write them wrong, and openpyxl would stop there
    rows = (Row(number, [_as_text(cell) for cell in cells]) for number, cells in enumerate(page.values, 1))
    return rows, lines


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return unescape(str(value))
