import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from config.cast import Cast
from config.management.tables import Opened, Rejects, TableCommand, rejects_path, source_of, ticking
from intake.heads import ALIASES, HISTORY_ALIASES
from intake.importing import Intake
from intake.moments import moment
from intake.rows import HistoryForm, Options, Reference, RowForm, checked
from intake.sheets import Unreadable
from workorders.folding import folded
from workorders.lifecycle import Role


class Command(TableCommand):
    help = (
        "Register the rows of a table of complaints as orders, each once. Ends with 1 where rows were rejected or a part "
        "of the file was not read, with 2 where the file cannot be used."
    )
    aliases = ALIASES

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--map-value",
            nargs="+",
            action="extend",
            default=[],
            metavar="FIELD:VALUE=CODE",
            help="the code that is meant by what stands in the file, as in channel:微博=web",
        )
        parser.add_argument(
            "--registered-at",
            metavar="TIME",
            help="the time of rows that have none (without it they are rejected); or now",
        )
        parser.add_argument(
            "--history",
            action="store_true",
            help="orders that were handled elsewhere: closed, to be searched; no clock starts and nobody is told",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        self.aliases = HISTORY_ALIASES if options["history"] else ALIASES
        self.intake: Intake | None = None
        try:
            opened, intake, rejects = self._take(options)
        except Unreadable as problem:
            # A file that breaks off late has been read in part.
            begun_with = f"\n{told(self.intake, time.monotonic() - begun)}" if self.intake and self.intake.read else ""
            raise CommandError(f"{problem}{begun_with}", returncode=2) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. The same command goes on where this one ended.", returncode=130) from None
        self.stdout.write(("Dry run: " if options["dry_run"] else "") + told(intake, time.monotonic() - begun))
        for line in [*opened.notes(), *noted(intake)]:
            self.stdout.write(line)
        if rejects.count:
            raise CommandError(rejects.told(), returncode=1)
        if opened.file.unread and not options["sheet"]:
            raise CommandError("A part of the file was not read. Name with --sheet what is to be read.", returncode=1)

    def _take(self, options: dict[str, Any]) -> tuple[Opened, Intake, Rejects]:
        now = timezone.now()
        opened = self.opened(options)
        reference = Reference(now, self._values(options, now))
        source, dry = source_of(options), options["dry_run"]
        path = rejects_path(options, source)
        form = HistoryForm if options["history"] else RowForm
        # A dry run leaves no file behind but one that was asked for by name.
        with Rejects(path, options["file"], opened.header, kept=bool(options["rejects"]) or not dry) as rejects:
            actor = None if dry else Cast().of(Role.OPERATOR)
            self.intake = intake = Intake(source, actor, rejects.add, is_history=options["history"], now=now)
            for table, layout in opened.tables:
                rejects.begin(table)
                intake.take(checked(ticking(table), layout.columns, reference, form))
        return opened, intake, rejects

    def _values(self, options: dict[str, Any], now: Any) -> Options:
        values = {}
        for text in options["map_value"]:
            field, _colon, rest = text.partition(":")
            value, _equals, code = rest.rpartition("=")
            if not value or not code:
                raise Unreadable(f"--map-value: “{text}” is not FIELD:VALUE=CODE.")
            if field not in self.aliases:
                raise Unreadable(f"--map-value: there is no field “{field}”; there are {', '.join(self.aliases)}.")
            values[field, folded(value.strip())] = code
        at = options["registered_at"]
        try:
            return Options(values, now if at == "now" else moment(at) if at else None)
        except (ValueError, OverflowError):
            raise Unreadable(f"--registered-at: “{at}” is no time.") from None


def told(intake: Intake, seconds: float) -> str:
    return (
        f"{intake.read} rows read: {intake.registered} registered, {intake.known} already there, "
        f"{intake.rejected} rejected; {seconds:.1f} s, {intake.read / max(seconds, 0.001):.0f} rows/s."
    )


def noted(intake: Intake) -> list[str]:
    """Return what was taken otherwise than it stands in the file, and what the person may have meant otherwise."""
    lines = []
    for note, count in intake.notes.most_common():
        places = ", ".join(intake.places[note]) + (" …" if count > len(intake.places[note]) else "")
        lines.append(f"{count} rows: {note} (line {places}).")
    if intake.old and not intake.is_history:
        lines.append(
            f"{intake.old} rows are older than 30 days; their limits have run out and raise alerts. "
            "What is only to be searched is imported with --history."
        )
    return lines
