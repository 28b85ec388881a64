from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workorders import reindexing
from workorders.reindexing import Index


class Command(BaseCommand):
    help = (
        "Compute anew what orders and people are found by, where an upgrade changed it. Runs beside the site, in small "
        "batches; after a kill it goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="all rows, also those that are not owed")
        parser.add_argument("--check", action="store_true", help="only say how many rows are owed")

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        for index in reindexing.indexes():
            if options["check"]:
                self.stdout.write(f"{index.name}: about {index.behind()} rows behind")
            else:
                failed += self._renew(index, anew=options["all"])
        if failed:
            raise CommandError(f"{failed} rows do not decrypt with the keys that are set; they were left as they are.")

    def _renew(self, index: Index, *, anew: bool) -> int:
        read = changed = failed = percent = 0
        for progress in reindexing.renew_all(index, anew=anew):
            read, changed, failed = read + progress.read, changed + progress.changed, failed + len(progress.failed)
            for line in progress.failed:
                self.stderr.write(line)
            reached = 100 * progress.done // max(1, progress.until)
            if reached > percent:
                percent = reached
                self.stdout.write(f"{index.name}: {percent} %, up to row {progress.done} of {progress.until}")
                self.stdout.flush()
        self.stdout.write(f"{index.name}: {read} rows read, {changed} changed")
        return failed
