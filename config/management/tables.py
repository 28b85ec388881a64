"""What the commands share that read a table of complaints."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from intake import sheets
from intake.importing import layout, limit_of
from intake.sheets import Row, Table, Unreadable
from workorders.models import Policy

ENDINGS = (".gz", ".csv", ".xlsx", ".txt")
SHOWN = 5


class TableCommand(BaseCommand):
    aliases: Mapping[str, tuple[str, ...]] = {}
    needed: tuple[str, ...] = ("matter",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV or Excel, plain or gzip")
        parser.add_argument("--map", nargs="+", action="extend", default=[], metavar="COLUMN=FIELD")
        parser.add_argument("--source", help="whose the ids of the file are (the file's name without its endings)")
        parser.add_argument("--sheet", default="", help="the sheet of an Excel file (the first one)")
        parser.add_argument("--rejects", type=Path, help="where rejected rows go (SOURCE.rejects.csv in this folder)")

    def opened(self, options: dict[str, Any]) -> tuple[Table, dict[str, int]]:
        """The table, and which column feeds which field."""
        if not Policy.objects.exists():
            raise CommandError("There are no rules yet. First: manage.py load_reference", returncode=2)
        table = sheets.read(options["file"], options["sheet"])
        columns = layout(table.header, _pairs(options["map"]), self.aliases)
        for name in self.needed:
            if name not in columns:
                heads = ", ".join(table.header)
                raise Unreadable(f"No column is known as the {name}; there are {heads}. Use --map COLUMN={name}.")
        return table, columns


def source_of(options: dict[str, Any]) -> str:
    source: str = options["source"] or options["file"].name
    while not options["source"] and source.lower().endswith(ENDINGS):
        source = source.rpartition(".")[0]
    if len(source) > limit_of("source"):
        raise Unreadable(f"The source “{source}” is longer than {limit_of('source')} characters. Use --source.")
    return source


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for pair in given:
        column, _equals, name = pair.rpartition("=")
        if not column or not name:
            raise Unreadable(f"--map: “{pair}” is not COLUMN=FIELD.")
        pairs[column] = name
    return pairs


def ticking(table: Table) -> Iterator[Row]:
    """The rows, with a bar of progress where somebody sees it."""
    with tqdm(total=table.lines, unit=" lines", disable=None) as bar:
        for row in table.rows:
            bar.update(row.line - bar.n)
            yield row


class Rejects(AbstractContextManager["Rejects"]):
    """A CSV with line, reason and the columns as they came, byte by byte; made when the first row is rejected."""

    def __init__(self, path: Path, read: Path, header: list[str], *, kept: bool) -> None:
        if path.exists() and path.samefile(read):
            raise Unreadable(f"--rejects: {path} is the file that is read.")
        self.path, self.header, self.kept = path, header, kept
        self.count = 0
        self.shown: list[str] = []
        self._writer: Any = None
        self._files = ExitStack()

    def __exit__(self, *_problem: object) -> None:
        self._files.close()

    def add(self, row: Row, problem: str) -> None:
        self.count += 1
        if self.count <= SHOWN:
            self.shown.append(f"line {row.line}: {problem}")
        if self.kept:
            self._writer = self._writer or self._open()
            self._writer.writerow([row.line, problem, *row.cells])

    def told(self) -> str:
        where = f": {self.path}" if self.kept else ""
        more = ["…"] if self.count > SHOWN else []
        return "\n".join([f"{self.count} rows were rejected{where}", *self.shown, *more])

    def _open(self) -> Any:
        try:
            file = self.path.open("w", encoding="utf-8-sig", errors="surrogateescape", newline="")
        except OSError as problem:
            raise Unreadable(f"{self.path}: cannot be written: {problem.strerror}.") from None
        writer = csv.writer(self._files.enter_context(file))
        writer.writerow(["line", "reason", *self.header])
        return writer
