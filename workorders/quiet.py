"""When a message may ring: at once, at the end of quiet hours 免打扰时段, or with the next digest. All in local time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.utils.translation import gettext as _

SPAN = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True)
class Hours:
    """From `start` on, before `end`; across midnight where that comes earlier."""

    start: time
    end: time

    @classmethod
    def of(cls, span: str) -> "Hours | None":
        """22:00-07:00; an empty text is none."""
        start, _dash, end = span.partition("-")
        return cls(time.fromisoformat(start), time.fromisoformat(end)) if span else None

    def end_of(self, at: datetime) -> datetime | None:
        """When the quiet hours that `at` lies in are over; none outside them."""
        clock = at.time()
        across = self.start > self.end
        inside = (clock >= self.start or clock < self.end) if across else self.start <= clock < self.end
        if not inside:
            return None
        day = at.date() + timedelta(days=across and clock >= self.start)
        return datetime.combine(day, self.end, at.tzinfo)


def quiet_problems(span: Any) -> Iterator[str]:
    """They may reach across midnight; an empty text is none."""
    start, _dash, end = span.partition("-") if isinstance(span, str) else ("", "", "")
    if span != "" and not (isinstance(span, str) and SPAN.fullmatch(span) and start != end):
        yield _("%(path)s: must be a span such as 22:00-07:00, or empty.") % {"path": "notices.quiet"}


def following_digest(at: datetime, every: timedelta) -> datetime:
    """The next whole multiple of `every` since midnight; midnight itself begins anew."""
    midnight = datetime.combine(at.date(), time.min, at.tzinfo)
    due = midnight + ((at - midnight) // every + 1) * every
    return min(due, midnight + timedelta(days=1))


def awake(at: datetime, quiet: Hours | None) -> datetime:
    return (quiet.end_of(at) if quiet else None) or at
