import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from config.management.tables import Opened, Rejects, TableCommand, rejects_path, source_of, ticking
from config.walking import WALK_ALIASES, ReplyForm, Walker, broken, deadlines, steps_of
from intake.importing import taken
from intake.rows import Checked, Reference, checked
from intake.sheets import Unreadable
from workorders.models import WorkOrder
from workorders.refusals import Refused


class Command(TableCommand):
    help = (
        "Drive complaints with their replies from registration to the archive, at the times in the file. "
        "Ends with 1 where a ledger's chain is broken or rows were rejected, with 2 where the file cannot be used."
    )
    aliases = WALK_ALIASES
    needed = ("matter", "registered_at", "reply", "replied_at")

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--limit", type=int, help="only the first rows of the file")
        parser.add_argument("--verify", action="store_true", help="check the chains of orders walked before, too")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        try:
            walked, known, rejects = self._walk(options)
        except Unreadable as problem:
            raise CommandError(str(problem), returncode=2) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. The same command goes on where this one ended.", returncode=130) from None
        self._tell(walked, known, time.monotonic() - begun)
        self._verify([*walked, *(known if options["verify"] else [])])
        if rejects.count:
            raise CommandError(rejects.told(), returncode=1)

    def _walk(self, options: dict[str, Any]) -> tuple[list[int], list[int], Rejects]:
        opened = self.opened(options)
        source, now = source_of(options), timezone.now()
        walker, walked, known = Walker(source, now), [], []
        path = rejects_path(options, source)
        with Rejects(path, options["file"], opened.header, kept=True) as rejects:
            for one in islice(_rows(opened, rejects, Reference(now)), options["limit"]):
                if one.problem:
                    rejects.add(one.row, one.problem)
                elif taken(source, [one.cleaned["source_id"]]):
                    known.append(one.cleaned["source_id"])
                else:
                    walked += self._go(walker, one, rejects)
        return walked, ids_of(source, known), rejects

    def _go(self, walker: Walker, one: Checked, rejects: Rejects) -> list[int]:
        try:
            return [walker.walk(one.cleaned).pk]
        except Refused as refusal:
            rejects.add(one.row, f"{refusal.message} {refusal.fields or ''}".strip())
        return []

    def _tell(self, walked: list[int], known: list[int], seconds: float) -> None:
        steps = steps_of(walked)
        self.stdout.write(
            f"{len(walked)} orders walked, {len(known)} were there already; "
            f"{steps} steps, {seconds:.1f} s, {steps / max(seconds, 0.001):.0f} steps/s."
        )
        rows = deadlines(walked)
        if rows:
            self.stdout.write(f"{'Deadlines':<24}{'met':>8}{'missed':>8}{'void':>8}")
        for label, *counts in rows:
            self.stdout.write(f"{label:<24}" + "".join(f"{count:>8}" for count in counts))

    def _verify(self, orders: list[int]) -> None:
        bad = broken(orders)
        self.stdout.write(f"Chains verified: {len(orders) - len(bad)} of {len(orders)}.")
        if bad:
            raise CommandError(f"Broken: {', '.join(order.spoken_number for order in bad[:20])}", returncode=1)


def _rows(opened: Opened, rejects: Rejects, reference: Reference) -> Iterator[Checked]:
    for table, layout in opened.tables:
        rejects.begin(table)
        yield from checked(ticking(table), layout.columns, reference, ReplyForm)


def ids_of(source: str, source_ids: list[str]) -> list[int]:
    found = WorkOrder.objects.filter(appeals__source=source, appeals__source_id__in=source_ids)
    return list(found.values_list("pk", flat=True))
