"""What the commands share that read a table of complaints."""

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from intake import heads, sheets
from intake.heads import Layout, Wishes, named
from intake.rows import limit_of
from intake.sheets import File, Reading, Row, Table, Unreadable
from workorders.cells import guarded_in_text
from workorders.models import Policy

# Mended rejects are of the file they came from: under another source they would be registered a second time.
OF_REJECTS = re.compile(r"\.rejects(\.\d+)?$")
ENDINGS = (".gz", ".csv", ".xlsx", ".xlsm", ".txt", ".tsv")
SHOWN = 5


@dataclass(frozen=True)
class Opened:
    """A file whose columns are all spoken of: each table with its layout."""

    file: File
    tables: list[tuple[Table, Layout]]

    @property
    def header(self) -> list[str]:
        """The heads of all tables, each once."""
        return list(dict.fromkeys(name for table, _layout in self.tables for name in named(table.header)))

    def notes(self) -> list[str]:
        """Return what was not read or could be overlooked, a line each."""
        notes = [*self.file.unread, *self.file.remarks]
        for table, layout in self.tables:
            of_sheet = f"Sheet “{table.sheet}”: " if table.sheet else ""
            if table.above:
                notes.append(f"{of_sheet}lines above the heads were not read: {', '.join(map(str, table.above))}.")
            if layout.left:
                notes.append(f"{of_sheet}columns that no row can bring back were not read: {', '.join(layout.left)}.")
        return notes


class TableCommand(BaseCommand):
    aliases: Mapping[str, tuple[str, ...]] = {}
    needed: tuple[str, ...] = ("matter",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="text (.csv, .txt, .tsv) or Excel, plain or gzip")
        parser.add_argument(
            "--map", nargs="+", action="extend", default=[], metavar="COLUMN=FIELD", help="what a column feeds"
        )
        parser.add_argument(
            "--drop", nargs="+", action="extend", default=[], metavar="COLUMN", help="columns that are not taken"
        )
        parser.add_argument("--source", help="whose the ids of the file are (the file's name without its endings)")
        parser.add_argument(
            "--sheet",
            nargs="+",
            action="extend",
            default=[],
            metavar="SHEET",
            help="the sheets of an Excel file that are read (all that can be seen)",
        )
        parser.add_argument(
            "--head-line", type=int, help="the line in which the heads stand (the first with known heads)"
        )
        parser.add_argument("--encoding", default="", help="the encoding of a text (told by itself)")
        parser.add_argument("--rejects", type=Path, help="where rejected rows go (SOURCE.rejects.csv in this folder)")

    def opened(self, options: dict[str, Any]) -> Opened:
        """Open the file and lay its tables out, or say what nobody has spoken of yet, before anything is registered."""
        if not Policy.objects.exists():
            raise CommandError("There are no rules yet. First: manage.py load_reference", returncode=2)
        wishes = Wishes(_pairs(options["map"]), options["drop"])
        is_header = partial(heads.is_header, wishes=wishes, aliases=self.aliases)
        reading = Reading(is_header, options["sheet"], options["head_line"], options["encoding"])
        file = sheets.read(options["file"], reading)
        heads.check(wishes, [table.header for table in file.tables], self.aliases)
        return Opened(file, [(table, self._laid_out(table, wishes)) for table in file.tables])

    def _laid_out(self, table: Table, wishes: Wishes) -> Layout:
        layout, names = heads.layout(table.header, wishes, self.aliases), named(table.header)
        of_sheet = f"Sheet “{table.sheet}”: " if table.sheet else ""
        if heads.is_cut(names) and "matter" not in wishes.mapping.values():
            column = names[layout.columns["matter"]]
            raise Unreadable(
                f"{of_sheet}This is an export without the matter in full; “{column}” is the title alone. Export it with "
                f"that column, or say --map {column}=matter."
            )
        for name in self.needed:
            if name not in layout.columns:
                raise Unreadable(
                    f"{of_sheet}No column is known as the {name}; there are {heads.listed(names)}. "
                    f"Use --map COLUMN={name}{', or --sheet with the sheets that are to be read' if of_sheet else ''}."
                )
        if layout.unknown:
            raise Unreadable(
                f"{of_sheet}Nobody has said what these columns are: {heads.listed(layout.unknown)}. "
                f"Use --map COLUMN=FIELD or --drop COLUMN for each; fields are {', '.join(self.aliases)}."
            )
        return layout


def source_of(options: dict[str, Any]) -> str:
    source: str = options["source"] or options["file"].name
    while not options["source"] and source.lower().endswith(ENDINGS):
        source = source.rpartition(".")[0]
    if not options["source"]:
        source = OF_REJECTS.sub("", source)
    if len(source) > limit_of("source"):
        raise Unreadable(f"The source “{source}” is longer than {limit_of('source')} characters. Use --source.")
    return source


def rejects_path(options: dict[str, Any], source: str) -> Path:
    """Return the path that was asked for, or the first of the source's own that is free: somebody may be mending one."""
    if options["rejects"]:
        return options["rejects"]
    names = (f"{source}.rejects{number}.csv" for number in ["", *(f".{count}" for count in range(2, 1000))])
    return next(path for name in names if not (path := Path(name)).exists())


def _pairs(options: list[str]) -> dict[str, str]:
    pairs = {}
    for pair in options:
        column, _equals, name = pair.rpartition("=")
        if not column or not name:
            raise Unreadable(f"--map: “{pair}” is not COLUMN=FIELD.")
        pairs[column] = name
    return pairs


def ticking(table: Table) -> Iterator[Row]:
    """Yield the rows, with a bar of progress where somebody sees it."""
    with tqdm(total=table.lines, unit=" lines", disable=None) as bar:
        for row in table.rows:
            bar.update(row.line - bar.n)
            yield row


class Rejects(AbstractContextManager["Rejects"]):
    """A CSV with line, reason and the columns as they came; made when the first row is rejected.

    People open it in a spreadsheet to mend it: formulas and long numbers are guarded, and the import takes that off.
    """

    def __init__(self, path: Path, read: Path, header: list[str], *, kept: bool) -> None:
        if path.exists() and path.samefile(read):
            raise Unreadable(f"--rejects: {path} is the file that is read.")
        self.path, self.header, self.kept = path, header, kept
        self.count = 0
        self.shown: list[str] = []
        self._places: list[int] = list(range(len(header)))
        self._writer: Any = None
        self._files = ExitStack()

    def __exit__(self, *_problem: object) -> None:
        self._files.close()

    def begin(self, table: Table) -> None:
        """Take rows of this table from now on; its columns may stand in another order than those of the others."""
        self._places = [self.header.index(name) for name in named(table.header)]

    def add(self, row: Row, problem: str) -> None:
        self.count += 1
        if self.count <= SHOWN:
            self.shown.append(f"line {row.place}: {problem}")
        if self.kept:
            self._writer = self._writer or self._open()
            self._writer.writerow(map(guarded_in_text, [row.place, problem, *self._arranged(row.cells)]))

    def _arranged(self, cells: list[str]) -> list[str]:
        if self._places == list(range(len(self.header))):
            return cells
        arranged = [""] * len(self.header)
        for place, cell in zip(self._places, cells, strict=False):
            arranged[place] = cell
        return [*arranged, *cells[len(self._places) :]]

    def told(self) -> str:
        where = f": {self.path}" if self.kept else ""
        more = ["…"] if self.count > SHOWN else []
        return "\n".join([f"{self.count} rows were rejected{where}", *self.shown, *more])

    def _open(self) -> Any:
        try:
            # The rows hold personal data: nobody else on this machine reads them.
            self.path.touch(0o600)
            file = self.path.open("w", encoding="utf-8-sig", errors="surrogateescape", newline="")
        except OSError as problem:
            raise Unreadable(f"{self.path}: cannot be written: {problem.strerror}.") from None
        writer = csv.writer(self._files.enter_context(file))
        writer.writerow(["line", "reason", *map(guarded_in_text, self.header)])
        return writer
