from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from evaluation import tally


class Command(BaseCommand):
    help = "Bring the counters of the dashboard up to date; the beat does the same every few seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rebuild", action="store_true", help="count every order again, from the first event on")

    def handle(self, *args: Any, **options: Any) -> None:
        passed = tally.rebuild() if options["rebuild"] else tally.follow()
        self.stdout.write(f"Tallies: {passed} events gone through.")
