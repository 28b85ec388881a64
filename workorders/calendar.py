"""Working-time arithmetic, pure: values in, values out.

A working day is a span of working time: seven working days from Tuesday 10:30 end on the seventh working day after it
at 10:30, and from a moment outside working time they count from the next opening. Make-up days 调休 are ordinary
working days.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZERO = timedelta(0)
ONE_DAY = timedelta(days=1)
SEARCH_LIMIT = 400  # days without any working time before the calendar is called broken


class NoWorkingTime(ValueError):
    """The calendar has no working time in more than a year ahead."""


@dataclass(frozen=True)
class WorkCalendar:
    """`days` maps announced dates to whether they are worked; `hours` are a working day's spans, ascending, local."""

    days: Mapping[date, bool]
    hours: tuple[tuple[time, time], ...]
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))

    @property
    def day_length(self) -> timedelta:
        return sum((_length(span) for span in self.hours), ZERO)

    def is_announced(self, day: date) -> bool:
        return day in self.days

    def is_working(self, day: date) -> bool:
        """An unannounced day follows the week; whoever stores the result marks it provisional."""
        return self.days.get(day, day.weekday() < 5)

    def spans(self, first: date) -> Iterator[tuple[datetime, datetime]]:
        """Working spans from the day on, without end."""
        day, idle = first, 0
        while idle < SEARCH_LIMIT:
            hours = self.hours if self.is_working(day) else ()
            for start, end in hours:
                yield self._at(day, start), self._at(day, end)
            idle = 0 if hours else idle + 1
            day += ONE_DAY
        raise NoWorkingTime(f"no working time in the {SEARCH_LIMIT} days before {day}")

    def add(self, start: datetime, amount: timedelta) -> datetime:
        """The moment when `amount` of working time has passed since `start`; inside working time, its ends included."""
        if amount < ZERO:
            raise ValueError("working time cannot be taken back")
        for opening, closing in self.spans(start.astimezone(self.zone).date()):
            begin = max(start, opening)
            if begin > closing or (begin == closing and amount > ZERO):
                continue
            if amount <= closing - begin:
                return begin + amount
            amount -= closing - begin
        raise AssertionError("spans() never ends quietly")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Working time between two moments; nothing where `end` is not after `start`."""
        total = ZERO
        if end <= start:
            return total
        for opening, closing in self.spans(start.astimezone(self.zone).date()):
            if opening >= end:
                return total
            total += max(min(end, closing) - max(start, opening), ZERO)
        raise AssertionError("spans() never ends quietly")

    def _at(self, day: date, moment: time) -> datetime:
        return datetime.combine(day, moment, tzinfo=self.zone)


def _length(span: tuple[time, time]) -> timedelta:
    start, end = (datetime.combine(date.min, moment) for moment in span)
    return end - start
