"""The only writer of Clock. A deadline is computed when its clock starts and stored; nothing recomputes it on read.

Where a clock is moved, its instants are counted anew from its beginning, without its pauses; what it had reached stays.
"""

import logging
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from workorders.calendar import WorkCalendar
from workorders.lifecycle import BY_GRADE, RESOLUTION_CLOCKS, UNIT_CLOCKS, ClockKind, Level, Status
from workorders.models import CalendarDay, Clock
from workorders.policy import Course, Limit, Rules

if TYPE_CHECKING:
    from workorders.models import Unit, WorkOrder

logger = logging.getLogger(__name__)

HORIZON = timedelta(days=120)  # more than any row of holidays lengthens a limit by


def load_calendar(rules: Rules, start: datetime, horizon: timedelta = HORIZON) -> WorkCalendar:
    """The announced days from `start` on, up to a horizon that whatever is computed with it must not pass."""
    first = timezone.localdate(start)
    days = CalendarDay.objects.filter(date__range=(first, first + horizon)).values_list("date", "is_working")
    return WorkCalendar(dict(days), rules.hours)


@dataclass(frozen=True)
class Instant:
    """The end of a limit. `provisional` where it lies in a year whose holidays nobody has announced."""

    at: datetime
    provisional: bool


def end_of(limit: Limit, rules: Rules, start: datetime) -> Instant:
    """Count a limit from `start`, for an instant that a stage stores beside an order."""
    calendar = load_calendar(rules, start, limit.reach + HORIZON)
    at = limit.after(start, calendar)
    return Instant(at, limit.in_working_time and not calendar.is_announced(timezone.localdate(at)))


def start(order: "WorkOrder", kinds: Iterable[str], *, now: datetime, unit: "Unit | None" = None) -> None:
    """Start these clocks, unit clocks for `unit`. A kind that the policy sets no limit for is left out."""
    clocks = []
    for kind in kinds:
        limit = _limit(order, kind, order.round)
        if limit:
            of = {"order": order, "unit": unit if kind in UNIT_CLOCKS else None, "kind": kind, "round": order.round}
            clocks.append(Clock(started_at=now, counted_from=now, in_working_time=limit.in_working_time, **of))
    _count(order, clocks, since=now, now=now)
    Clock.objects.bulk_create(clocks)
    _warn_of_provisional(clocks)


def start_own(order: "WorkOrder", kind: str, days: float, *, now: datetime, unit: "Unit") -> Clock:
    """Start a clock of the unit's whose limit in working days is its own, as a slip's is, and not the grade's."""
    limit = Limit(days, "working_day")
    rules = order.policy.rules
    calendar = load_calendar(rules, now, limit.reach + rules.ladder(kind, order.grade).reach + HORIZON)
    alerts = rules.alerts(kind, order.grade, now, limit, calendar)
    due_at = alerts[Level.OVERDUE - 1]
    clock = Clock.objects.create(
        order=order,
        unit=unit,
        kind=kind,
        round=order.round,
        in_working_time=limit.in_working_time,
        own_days=limit.value,
        provisional=limit.in_working_time and not calendar.is_announced(timezone.localdate(due_at)),
        started_at=now,
        counted_from=now,
        due_at=due_at,
        alerts_at=alerts,
        next_alert_at=alerts[0],
    )
    _warn_of_provisional([clock])
    return clock


def settle(clock: Clock, *, now: datetime) -> None:
    """What this one clock asked for was done: in time or not."""
    _end(clock.order, _locked(clock.order).filter(pk=clock.pk), Clock.Outcome.MET, now)


def stop(order: "WorkOrder", kinds: Iterable[str], *, now: datetime, unit: "Unit | None") -> None:
    """The order did what these clocks asked for: in time or not."""
    _end(order, _running(order, kinds, unit), Clock.Outcome.MET, now)


def void(order: "WorkOrder", kinds: Iterable[str], *, now: datetime, units: "Sequence[Unit] | None" = None) -> None:
    """What these clocks asked for, of these or of all units, is no longer owed. One that ran out already stays missed."""
    running = _locked(order).filter(kind__in=list(kinds))
    _end(order, running if units is None else running.filter(unit__in=units), Clock.Outcome.VOID, now)


def _end(order: "WorkOrder", clocks: Iterable[Clock], outcome: Clock.Outcome, now: datetime) -> None:
    """What a clock reached before it ended is still owed: the scan raises it, however soon the end came."""
    for clock in clocks:
        if clock.paused_at:
            _go_on(order, clock, now)
        clock.stopped_at, clock.outcome = now, Clock.Outcome.MISSED if clock.due_at < now else outcome
        clock.next_alert_at = _next_alert(clock)
        clock.save()


def go_on(order: "WorkOrder", kinds: Iterable[str], *, now: datetime) -> None:
    """B03: the order came back, so its clock begins where the last one of this round began, as if it had never stopped.

    What of its alerts lies in the past comes due now, not then: no scan has missed it.
    """
    for kind in kinds:
        last = order.clocks.filter(kind=kind, unit=None, round=order.round).order_by("id").last()
        if last:
            again = Clock(order=order, kind=kind, round=order.round, started_at=last.started_at)
            again.counted_from, again.pauses, again.extra_days = last.counted_from, last.pauses, last.extra_days
            again.in_working_time = _limit_of(order, again).in_working_time
            _count(order, [again], since=now, now=now)
            _save([again])
        else:
            start(order, [kind], now=now)


def hand_down(order: "WorkOrder", giver: "Unit", taker: "Unit", *, now: datetime) -> None:
    """下派: what `giver` owes is owed by `taker` from now on; nobody gets a later deadline by handing down."""
    owed = {clock.kind: clock for clock in _running(order, UNIT_CLOCKS, giver) if not _is_overdue(clock, now)}
    void(order, UNIT_CLOCKS, now=now, units=[giver, taker])
    start(order, UNIT_CLOCKS, now=now, unit=taker)
    for clock in _running(order, owed, taker):
        if owed[clock.kind].due_at < clock.due_at:
            _take_over(clock, owed[clock.kind], now)


def _take_over(clock: Clock, other: Clock, now: datetime) -> None:
    """The other's deadline, counted as it was, and its alerts from now on."""
    for name in ("in_working_time", "provisional", "due_at", "counted_from", "pauses", "extra_days"):
        setattr(clock, name, getattr(other, name))
    clock.alerts_at = [max(instant, now) for instant in other.alerts_at]
    clock.next_alert_at = clock.alerts_at[0]
    clock.save()


def extended(order: "WorkOrder", days: int, *, now: datetime) -> list[tuple[Clock, datetime]]:
    """(clock, its deadline after `days` working days more) of what an extension would move, the lead unit's first."""
    standing = _extendable(order, now)
    moved = _extended(order, [copy(clock) for clock in standing], days, now)
    return [(clock, after.due_at) for clock, after in zip(standing, moved, strict=True)]


def extend(order: "WorkOrder", days: int, *, now: datetime) -> None:
    """延期: move these deadlines and the alerts still to come; a warning that was reached stays where it was."""
    _save(_extended(order, _extendable(order, now), days, now))


def _extended(order: "WorkOrder", clocks: list[Clock], days: int, now: datetime) -> list[Clock]:
    for clock in clocks:
        clock.extra_days += days
    _count(order, clocks, since=now, now=now)
    return clocks


def _extendable(order: "WorkOrder", now: datetime) -> list[Clock]:
    """The lead unit's and the citizen's resolution clocks. One that has run out stays: more time does not undo that."""
    running = _running(order, RESOLUTION_CLOCKS, order.lead_unit).filter(due_at__gt=now)
    return sorted(running, key=lambda clock: clock.unit_id is None)


def pause(order: "WorkOrder", kinds: Iterable[str], *, now: datetime) -> None:
    """A clock that has run out already is not stopped from saying so."""
    for clock in _locked(order).filter(kind__in=list(kinds), paused_at=None, due_at__gt=now):
        clock.paused_at = now
        clock.next_alert_at = _next_alert(clock)
        clock.save()


def resume(order: "WorkOrder", kinds: Iterable[str], *, now: datetime) -> None:
    """Move the deadline and the alerts still to come by as much time as was left when the clock was paused."""
    for clock in _locked(order).filter(kind__in=list(kinds)).exclude(paused_at=None):
        _go_on(order, clock, now)
        _save([clock])


def _save(clocks: list[Clock]) -> None:
    for clock in clocks:
        clock.save()
    _warn_of_provisional(clocks)


def _go_on(order: "WorkOrder", clock: Clock, now: datetime) -> None:
    assert clock.paused_at
    since, clock.paused_at = clock.paused_at, None
    clock.pauses = [*clock.pauses, since, now]
    _count(order, [clock], since=since, now=now)


def recounted(order: "WorkOrder", *, now: datetime) -> list[tuple[Clock, Clock]]:
    """(as it stands, as it would be) of the clocks whose instants the grade and the calendar of today would move.

    One that has run out keeps its deadline; a paused one is counted anew when it goes on.
    """
    return _recounted(order, order.clocks.running(), now)


def _recounted(order: "WorkOrder", running: QuerySet[Clock], now: datetime) -> list[tuple[Clock, Clock]]:
    counting = running.filter(paused_at=None).order_by("id")
    standing = [clock for clock in counting if _is_limited(order, clock)]
    fresh = [copy(clock) for clock in standing]
    for clock in fresh:
        if clock.due_at > now:
            clock.in_working_time = _limit_of(order, clock).in_working_time
    _count(order, fresh, since=now, now=now)
    return [pair for pair in zip(standing, fresh, strict=True) if _differ(*pair)]


def recount(order: "WorkOrder", *, now: datetime) -> None:
    """After a change of grade or calendar. What the grade asks for no more is void, what it asks for as well is started."""
    _save([clock for _before, clock in _recounted(order, _locked(order), now)])
    idle = [clock for clock in _locked(order).filter(kind__in=BY_GRADE) if not _is_limited(order, clock)]
    _end(order, idle, Clock.Outcome.VOID, now)
    if order.status in (Status.DISPATCHED, Status.HANDLING) and not _arrival(order).exists():
        start(order, [ClockKind.ARRIVAL], now=now, unit=order.lead_unit)


def _arrival(order: "WorkOrder") -> QuerySet[Clock]:
    ours = order.clocks.filter(kind=ClockKind.ARRIVAL, unit=order.lead_unit)
    return ours.exclude(outcome=Clock.Outcome.VOID)


def _differ(one: Clock, other: Clock) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in ("due_at", "alerts_at", "provisional"))


# Counting


def _limit(order: "WorkOrder", kind: str, round: int) -> Limit | None:
    return order.policy.rules.limit(kind, order.grade, round)


def _limit_of(order: "WorkOrder", clock: Clock) -> Limit:
    if clock.own_days is not None:
        return Limit(clock.own_days, "working_day")
    limit = _limit(order, clock.kind, clock.round)
    assert limit, "a clock runs for a limit"
    return limit


def _is_limited(order: "WorkOrder", clock: Clock) -> bool:
    return clock.own_days is not None or _limit(order, clock.kind, clock.round) is not None


def _count(order: "WorkOrder", clocks: list[Clock], *, since: datetime, now: datetime) -> None:
    """Set deadlines and alerts. What was reached up to `since` stays; what is new lies at `now` at the earliest."""
    if not clocks:
        return
    begin = min(clock.counted_from for clock in clocks)
    calendar = load_calendar(order.policy.rules, begin, max(_reach(order, clock) for clock in clocks) + now - begin)
    for clock in clocks:
        _count_one(order, clock, calendar, since, now)


def _reach(order: "WorkOrder", clock: Clock) -> timedelta:
    """More than lies between now and the last alert."""
    ladder = order.policy.rules.ladder(clock.kind, order.grade)
    return _limit_of(order, clock).reach + Limit(clock.extra_days, "working_day").reach + ladder.reach + HORIZON


def _count_one(order: "WorkOrder", clock: Clock, calendar: WorkCalendar, since: datetime, now: datetime) -> None:
    ladder = order.policy.rules.ladder(clock.kind, order.grade)
    course = Course(clock.counted_from, calendar, clock.pause_spans, clock.extra_days)
    reached = max(clock.level, sum(instant <= since for instant in clock.alerts_at))
    known = clock.alerts_at[:reached]

    def settled(fresh: list[datetime]) -> list[datetime]:
        return [*known, *(max(instant, now) for instant in fresh[reached:])]

    before = ladder.before(_limit_of(order, clock), course)
    if reached < Level.OVERDUE:
        # Nobody becomes late in hindsight, but who goes on as if never stopped may be late already.
        clock.due_at = max(before[-1], now) if clock.alerts_at else before[-1]
    clock.alerts_at = settled([*before, *ladder.beyond(clock.due_at, calendar)])
    clock.next_alert_at = _next_alert(clock)
    clock.provisional = clock.in_working_time and not calendar.is_announced(timezone.localdate(clock.due_at))


def _next_alert(clock: Clock) -> datetime | None:
    """What the scan has still to raise; of a clock that stands, what it reached before."""
    if clock.level == len(clock.alerts_at):
        return None
    instant, stands_since = clock.alerts_at[clock.level], clock.stopped_at or clock.paused_at
    return instant if stands_since is None or instant <= stands_since else None


# The scan

# The clocks are found by one array of keys: one walk of the index, where a join would go down it once a clock.
ADVANCE_DUE = """
    WITH due AS (
        SELECT id, order_id, unit_id, kind, level, alerts_at, LEAST(%(now)s, stopped_at, paused_at) AS until
        FROM workorders_clock
        WHERE next_alert_at <= %(now)s
        ORDER BY next_alert_at LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
    ), reached AS (
        SELECT due.id, order_id, unit_id, kind, alert.level, alert.at
        FROM due, unnest(due.alerts_at) WITH ORDINALITY AS alert (at, level)
        WHERE alert.level > due.level AND alert.at <= due.until
    ), advanced AS (
        UPDATE workorders_clock AS clock SET (level, next_alert_at) = (
            SELECT GREATEST(clock.level, count(*)), CASE WHEN clock.stopped_at IS NULL AND clock.paused_at IS NULL
                   THEN clock.alerts_at[GREATEST(clock.level, count(*)) + 1] END
            FROM unnest(clock.alerts_at) AS at WHERE at <= LEAST(%(now)s, clock.stopped_at, clock.paused_at)
        )
        WHERE clock.id = ANY(ARRAY(SELECT id FROM due))
    ),
"""


def advance_due(now: datetime, batch: int, *, raising: str) -> tuple[int, int]:
    """Move up to `batch` due clocks past every level they have reached, earliest first, in one statement with `raising`.

    That is the rest of the statement: it raises the alerts of `reached` (id, order_id, unit_id, kind, level, at) and
    selects how many clocks were `due` and how many alerts were raised. Rows that another scan holds are passed over.
    """
    with connection.cursor() as cursor:
        cursor.execute(ADVANCE_DUE + raising, {"now": now, "batch": batch})
        return cursor.fetchone()


def _locked(order: "WorkOrder") -> QuerySet[Clock]:
    """The running ones, held against a scan that would move them on between our reading and our writing."""
    return order.clocks.running().select_for_update(no_key=True)


def _running(order: "WorkOrder", kinds: Iterable[str], unit: "Unit | None") -> QuerySet[Clock]:
    ours = [kind for kind in kinds if kind in UNIT_CLOCKS]
    orders = [kind for kind in kinds if kind not in UNIT_CLOCKS]
    running = _locked(order)
    return running.filter(kind__in=orders, unit=None) | running.filter(kind__in=ours, unit=unit)


def _is_overdue(clock: Clock, now: datetime) -> bool:
    return clock.paused_at is None and clock.due_at < now


def _warn_of_provisional(clocks: list[Clock]) -> None:
    for clock in clocks:
        if clock.provisional:
            logger.warning(
                "The calendar of %s is not announced: the %s deadline of order %s is provisional",
                timezone.localdate(clock.due_at).year,
                clock.kind,
                clock.order.number,
            )
