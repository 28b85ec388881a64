import time
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config import demonstration
from intake.moments import moment


class Command(BaseCommand):
    help = "Seed the demo, once: 300 orders of the last 60 days in every status, and people who can log in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--now", type=moment, help="the day and time on which the story ends (now)")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        now = options["now"] or ten_minutes(timezone.now())
        if now > timezone.now():
            raise CommandError("--now lies in the future.", returncode=2)
        seeded = demonstration.seed(now, demonstration.password())
        if seeded is None:
            self.stdout.write("Demo: there are orders already, nothing to do.")
            return
        self.stdout.write(
            f"Demo: {sum(seeded.statuses.values())} orders in {len(seeded.statuses)} statuses, {seeded.steps} steps, "
            f"{seeded.alerts} alerts; {time.monotonic() - begun:.1f} s."
        )


def ten_minutes(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 10 * 10, second=0, microsecond=0)
