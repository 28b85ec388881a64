"""Tables as text: which encoding, which separator, and records that keep their line and their bytes."""

import codecs
import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from django.utils.translation import gettext as _

from intake.sheets import File, IsHeader, Reading, Row, Unreadable, beginning, opened, refuse_markup, table

BYTE_ORDER_MARK = "\ufeff"
# The longer marks first: that of UTF-32 begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
REPLACED = "\ufffd"
WIDE = ("utf-16", "utf-32")
# The mark of UTF-8, read once in the wrong encoding and written again.
MISREAD_MARK = "\u00ef\u00bb\u00bf"
SEPARATORS = (",", "\t", ";", "|")
NAMED_SEPARATOR = re.compile(r'"?sep=(?P<separator>.)"?\s*', re.IGNORECASE)
SAMPLE = 1 << 16


def read(path: Path, reading: Reading) -> File:
    if reading.sheets:
        raise Unreadable(f"{path}: --sheet is for Excel files; this is a text.")
    encoding, lines = _survey(path, reading.encoding)
    sample = _sample(path, encoding)
    refuse_markup(path, "".join(sample))
    line = NAMED_SEPARATOR.fullmatch(sample[0]) if sample else None
    if line:
        separator, begin = line["separator"], 1
    else:
        separator, begin = _separator(sample, reading.is_header), 0
    rows = _rows(path, encoding, separator, begin)
    only = table(path, rows, reading, padded=False)
    if only is None:
        raise Unreadable(f"{path}: is empty.")
    return File([replace(only, lines=lines)])


def _survey(path: Path, named: str) -> tuple[str, int]:
    """Return encoding and number of lines. Reading once to the end finds a damaged file before anything is done."""
    start = beginning(path)
    encoding = named or _marked(start) or _unmarked(start)
    if encoding.lower().startswith(WIDE):
        return encoding, _count_wide(path, encoding)
    if encoding:
        codecs.lookup(encoding)
        with opened(path) as stream:
            return encoding, sum(1 for _line in stream)
    with opened(path) as stream:
        kinds = Counter(map(_decodes, stream))
    good, bad = kinds[True], kinds[False]
    # Some lines of GB18030 pass for UTF-8 by accident; a few bad lines among good UTF-8 are bad rows, not an encoding.
    return ("gb18030" if good * 100 <= bad and bad else "utf-8"), kinds.total()


def _marked(start: bytes) -> str:
    return next((encoding for mark, encoding in MARKS if start.startswith(mark)), "")


def _unmarked(start: bytes) -> str:
    """Return UTF-16 where its mark is missing: line ends are two bytes, and what is ASCII has many zeros."""
    zeros = start.count(0)
    if zeros * 20 < len(start) // 2 and _is_utf8(start):
        return ""
    units = {start[index : index + 2] for index in range(0, len(start) - 1, 2)}
    ends = {"utf-16-le": b"\n\0", "utf-16-be": b"\0\n"}
    return next((encoding for encoding, end in ends.items() if end in units), "")


def _is_utf8(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True


def _count_wide(path: Path, encoding: str) -> int:
    with opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")
        return sum(1 for _line in text)


def _decodes(line: bytes) -> bool | None:
    """Return none where every encoding would do."""
    if line.isascii():
        return None
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    """Yield the lines; bytes that are not in the encoding stay as they are, or are marked where it has no room for them."""
    errors = "replace" if encoding.lower().startswith(WIDE) else "surrogateescape"
    with opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")
        first = next(text, "")
        yield first.lstrip(BYTE_ORDER_MARK).removeprefix(MISREAD_MARK).lstrip(BYTE_ORDER_MARK)
        yield from text


def _sample(path: Path, encoding: str) -> list[str]:
    """Return the first lines, whole ones."""
    lines, size = [], 0
    for line in _decoded(path, encoding):
        lines.append(line)
        size += len(line)
        if size > SAMPLE:
            break
    return lines


def _separator(sample: list[str], is_header: IsHeader) -> str:
    """Return the separator with which most heads are known, or else the one that makes most columns."""

    def merit(separator: str) -> tuple[int, int]:
        rows = [row.cells for row in islice(records(sample, separator), 20) if not row.problem]
        return max((is_header(cells) for cells in rows), default=0), max(map(len, rows), default=0)

    return max(SEPARATORS, key=merit)


def _rows(path: Path, encoding: str, separator: str, begin: int) -> Iterator[Row]:
    lines = _decoded(path, encoding)
    for _line in range(begin):
        next(lines, None)
    is_wide = encoding.lower().startswith(WIDE)
    for row in records(lines, separator, begin + 1):
        if is_wide and any(REPLACED in cell for cell in row.cells):
            yield replace(row, problem=_("The text is not in the encoding of the file."))
        else:
            yield row


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


def records(text: Iterable[str], separator: str = ",", number: int = 1) -> Iterator[Row]:
    lines = _Lines(text)
    reader = csv.reader(lines, strict=True, delimiter=separator)
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
