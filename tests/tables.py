"""import_orders at its door: files of every kind, and what the command says of them."""

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from django.utils import translation
from openpyxl import Workbook


class Import:
    """Runs the command in a folder of its own, in English."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rejects: Path | None = folder / "rejects.csv"

    def file(self, content: str | bytes, name: str = "letters.csv", encoding: str = "utf-8") -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def run(self, path: Path, *options: str) -> tuple[int, str]:
        """(exit code, what it said at the end)"""
        out = io.StringIO()
        with translation.override("en"):
            try:
                rejects = ("--rejects", str(self.rejects)) if self.rejects else ()
                call_command("import_orders", str(path), *options, *rejects, stdout=out)
            except CommandError as problem:
                return problem.returncode, out.getvalue() + str(problem)
        return 0, out.getvalue()

    def rejected(self) -> list[list[str]]:
        assert self.rejects
        with self.rejects.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            return list(csv.reader(file))[1:]


def counts(said: str) -> list[int]:
    """Rows read, registered, already there, rejected."""
    return [int(word) for word in said.replace(",", " ").split() if word.isdigit()][:4]


def book(rows: Iterable[Iterable[object]], name: str = "letters", change: Callable[[Any], None] | None = None) -> bytes:
    """A workbook with these rows in a sheet; `change` does to the workbook what rows cannot say."""
    workbook, stream = Workbook(), io.BytesIO()
    assert workbook.active is not None
    workbook.active.title = name
    for row in rows:
        workbook.active.append(list(row))
    if change:
        change(workbook)
    workbook.save(stream)
    return stream.getvalue()
