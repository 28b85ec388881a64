"""The list as a file: exactly what is listed, all of it, sent on as it comes from the database."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.utils.datetime import to_excel

from workorders.cells import guarded_in_book, guarded_in_text
from workorders.columns import Column

CHUNK = 1000
# XML has no place for them or makes another of them: a workbook writes them by their number. What is written like such
# a number and is none has its first sign written so.
ESCAPED = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
BYTE_ORDER_MARK = "\ufeff"  # or Excel takes it for the machine's own encoding
ROWS_OF_A_SHEET = 1_048_576  # a spreadsheet knows no more; what is beyond goes on to the next sheet
DATE_STYLE = 1
BEFORE = (
    '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView></sheetViews>'
    '<cols><col min="1" max="{columns}" width="20" customWidth="1"/></cols><sheetData>'
)
AFTER = "</sheetData></worksheet>"


class Echo:
    def write(self, line: str) -> str:
        return line


class Pipe(io.RawIOBase):
    """What was written since one last took from it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if data:  # a compressor has often nothing to give yet
            self.parts.append(bytes(data))
        return len(data)

    def taken(self) -> Iterator[bytes]:
        parts, self.parts = self.parts, []
        yield from parts


def as_csv(orders: Iterable[Any], columns: list[Column]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield BYTE_ORDER_MARK + writer.writerow([str(column.label) for column in columns])
    for order in orders:
        values = (column.exported(order) for column in columns)
        yield writer.writerow([guarded_in_text(value) if isinstance(value, str) else value for value in values])


def as_xlsx(orders: Iterable[Any], columns: list[Column]) -> Iterator[bytes]:
    """openpyxl would keep the whole sheet until its last row is known: the rows are written here, the book around them there."""
    rows = (_row(column.exported(order) for column in columns) for order in orders)
    head = BEFORE.format(columns=len(columns)) + _row(str(column.label) for column in columns)
    pipe, sheets, first = Pipe(), 0, next(rows, "")
    with ZipFile(pipe, "w", ZIP_DEFLATED) as book:
        while first or not sheets:
            sheets += 1
            with book.open(f"xl/worksheets/sheet{sheets}.xml", "w") as sheet:
                for row in (head, first):
                    sheet.write(row.encode())
                for row in islice(rows, ROWS_OF_A_SHEET - 2):
                    sheet.write(row.encode())
                    yield from pipe.taken()
                sheet.write(AFTER.encode())
            first = next(rows, "")
        _write_around(book, sheets)
    yield from pipe.taken()


def _write_around(book: ZipFile, sheets: int) -> None:
    """All that a book has beside the rows of its sheets."""
    empty, file = Workbook(), io.BytesIO()
    for _sheet in range(sheets - 1):
        empty.create_sheet()
    empty.worksheets[0].cell(1, 1, 0).number_format = "yyyy-mm-dd hh:mm"
    empty.save(file)
    with ZipFile(file) as around:
        for name in around.namelist():
            if not name.startswith("xl/worksheets/"):
                book.writestr(name, around.read(name))


def _row(values: Iterable[Any]) -> str:
    return f"<row>{''.join(map(_cell, values))}</row>"


def _cell(value: Any) -> str:
    """Text stays text: a long number keeps all its digits."""
    if isinstance(value, datetime):
        return f'<c s="{DATE_STYLE}"><v>{to_excel(value)}</v></c>'
    if isinstance(value, str):
        text = ESCAPED.sub(lambda sign: f"_x{ord(sign[0]):04X}_", guarded_in_book(value))
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'
    return f"<c><v>{value}</v></c>"
