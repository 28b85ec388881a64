"""The list as a file: exactly what is listed, all of it, as it comes from the database."""

import csv
import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from workorders.columns import Column, cell

CHUNK = 1000
# XML has no place for them, and a spreadsheet that holds one does not open.
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
BYTE_ORDER_MARK = "\ufeff"  # or Excel takes it for the machine's own encoding


class Echo:
    def write(self, line: str) -> str:
        return line


def as_csv(orders: Iterable[Any], columns: list[Column]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield BYTE_ORDER_MARK + writer.writerow([str(column.label) for column in columns])
    for order in orders:
        yield writer.writerow([cell(column.value(order)) for column in columns])


def as_xlsx(orders: Iterable[Any], columns: list[Column]) -> Any:
    """An open file. A sheet is written row by row to the disk; its end must be known before the beginning is sent."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append([str(column.label) for column in columns])
    for order in orders:
        sheet.append([_typed(sheet, cell(column.value(order))) for column in columns])
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- the answer closes it
    book.save(file)
    file.seek(0)
    return file


def _typed(sheet: Any, value: Any) -> Any:
    """Text stays text: a long number keeps all its digits."""
    if not isinstance(value, str):
        return value
    found = WriteOnlyCell(sheet, FORBIDDEN.sub("", value))
    found.data_type = "s"
    return found
