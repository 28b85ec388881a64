import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from evaluation.simulation import DAYS, SAMPLE, simulate
from evaluation.simulation_report import Table, report_of
from workorders.policy_versions import read


class Command(BaseCommand):
    help = (
        "Say what the rules in FILE would have done with the orders of the last days: which deadlines, alerts and on-time "
        "rates would have been different. Nothing is changed. Ends with 2 where the file holds no valid rules."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="a policy document (TOML)")
        parser.add_argument("--days", type=int, default=DAYS, help=f"how many days back ({DAYS})")
        parser.add_argument("--sample", type=int, default=SAMPLE, help=f"replay at most so many orders ({SAMPLE})")
        parser.add_argument("--now", type=parse_datetime, help="the end of these days (now)")
        parser.add_argument("--json", action="store_true", help="the figures as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        document = self._document(options["file"])
        if options["days"] < 1 or options["sample"] < 1:
            raise CommandError("--days and --sample are at least 1.", returncode=2)
        facts = {"days": options["days"], "sample": options["sample"]}
        result = simulate(document, now=options["now"] or timezone.now(), **facts)
        lines = [json.dumps(result, ensure_ascii=False)] if options["json"] else lines_of(result)
        for line in lines:
            self.stdout.write(line)

    def _document(self, path: Path) -> dict[str, Any]:
        try:
            document, problems = read(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as problem:
            raise CommandError(f"{path}: cannot be read: {problem}", returncode=2) from None
        if problems:
            raise CommandError("\n".join([f"{path}:", *problems]), returncode=2)
        return document


def lines_of(result: dict[str, Any]) -> Iterator[str]:
    report = report_of(result)
    yield report.scope
    yield ""
    for figure in report.figures:
        yield f"{figure.label}: {figure.before}{' → ' if figure.before else ''}{figure.after} ({figure.direction})"
    for table in report.tables:
        if not table.rows or table.folded:
            continue
        yield ""
        yield from lines_of_table(table)
    yield ""
    yield from report.remarks


def lines_of_table(table: Table) -> Iterator[str]:
    yield table.title
    for row in [table.headers, *table.rows]:
        yield "  " + " | ".join(row)
