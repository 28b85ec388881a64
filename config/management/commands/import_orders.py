import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from config.cast import Cast
from config.management.tables import Rejects, TableCommand, source_of, ticking
from intake.importing import ALIASES, Intake, Reference, checked
from intake.sheets import Unreadable
from workorders.lifecycle import Role


class Command(TableCommand):
    help = (
        "Register the rows of a table of complaints as orders, each once. "
        "Ends with 1 where rows were rejected, with 2 where the file cannot be used."
    )
    aliases = ALIASES

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        try:
            intake, rejects = self._take(options)
        except Unreadable as problem:
            raise CommandError(str(problem), returncode=2) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. The same command goes on where this one ended.", returncode=130) from None
        self.stdout.write(("Dry run: " if options["dry_run"] else "") + told(intake, time.monotonic() - begun))
        if rejects.count:
            raise CommandError(rejects.told(), returncode=1)

    def _take(self, options: dict[str, Any]) -> tuple[Intake, Rejects]:
        table, columns = self.opened(options)
        source, dry = source_of(options), options["dry_run"]
        path = options["rejects"] or Path(f"{source}.rejects.csv")
        # A dry run leaves no file behind but one that was asked for by name.
        with Rejects(path, options["file"], table.header, kept=bool(options["rejects"]) or not dry) as rejects:
            intake = Intake(source, None if dry else Cast().of(Role.OPERATOR), rejects.add)
            intake.take(checked(ticking(table), columns, Reference(timezone.now())))
        return intake, rejects


def told(intake: Intake, seconds: float) -> str:
    return (
        f"{intake.read} rows read: {intake.registered} registered, {intake.known} already there, "
        f"{intake.rejected} rejected; {seconds:.1f} s, {intake.read / max(seconds, 0.001):.0f} rows/s."
    )
