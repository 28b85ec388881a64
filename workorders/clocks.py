"""The only writer of Clock. A deadline is computed when its clock starts and stored; nothing recomputes it on read."""

import logging
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from workorders.calendar import WorkCalendar
from workorders.lifecycle import RESOLUTION_CLOCKS, UNIT_CLOCKS
from workorders.models import CalendarDay, Clock
from workorders.policy import Limit, Rules

if TYPE_CHECKING:
    from workorders.models import Unit, WorkOrder

logger = logging.getLogger(__name__)

HORIZON = timedelta(days=120)  # more than any row of holidays lengthens a limit by


def load_calendar(rules: Rules, start: datetime, horizon: timedelta = HORIZON) -> WorkCalendar:
    """The announced days from `start` on, up to a horizon that whatever is computed with it must not pass."""
    first = timezone.localdate(start)
    days = CalendarDay.objects.filter(date__range=(first, first + horizon)).values_list("date", "is_working")
    return WorkCalendar(dict(days), rules.hours)


def start(order: "WorkOrder", kinds: Iterable[str], *, now: datetime, unit: "Unit | None" = None) -> None:
    """Start these clocks, unit clocks for `unit`. A kind that the policy sets no limit for is left out."""
    rules = order.policy.rules
    limits = {kind: rules.limit(kind, order.grade, order.round) for kind in kinds}
    limited = {kind: limit for kind, limit in limits.items() if limit}
    if not limited:
        return
    reach = max(limit.reach for limit in limited.values()) + rules.escalation(order.grade).reach
    calendar = load_calendar(rules, now, reach + HORIZON)
    clocks = []
    for kind, limit in limited.items():
        alerts = rules.alerts(kind, order.grade, now, limit, calendar)
        clocks.append(
            Clock(
                order=order,
                unit=unit if kind in UNIT_CLOCKS else None,
                kind=kind,
                round=order.round,
                in_working_time=limit.in_working_time,
                provisional=limit.in_working_time and not calendar.is_announced(_last_day(alerts[1])),
                started_at=now,
                due_at=alerts[1],
                alerts_at=alerts,
                next_alert_at=alerts[0],
            )
        )
    Clock.objects.bulk_create(clocks)
    _warn_of_provisional(clocks)


def start_limit(order: "WorkOrder", kind: str, limit: Limit, *, now: datetime, unit: "Unit") -> Clock:
    """Start a clock of the unit's whose limit is set by something else than the order's grade, as a slip's is."""
    rules = order.policy.rules
    calendar = load_calendar(rules, now, limit.reach + rules.escalation(order.grade).reach + HORIZON)
    alerts, due_at = rules.alerts(kind, order.grade, now, limit, calendar), limit.after(now, calendar)
    clock = Clock.objects.create(
        order=order,
        unit=unit,
        kind=kind,
        round=order.round,
        in_working_time=limit.in_working_time,
        provisional=limit.in_working_time and not calendar.is_announced(_last_day(due_at)),
        started_at=now,
        due_at=due_at,
        alerts_at=alerts,
        next_alert_at=alerts[0],
    )
    _warn_of_provisional([clock])
    return clock


def settle(clock: Clock, *, now: datetime) -> None:
    """What this one clock asked for was done: in time or not."""
    end(clock, Clock.Outcome.MISSED if _is_overdue(clock, now) else Clock.Outcome.MET, now=now)


def stop(order: "WorkOrder", kinds: Iterable[str], *, now: datetime, unit: "Unit | None") -> None:
    """The order did what these clocks asked for: in time or not."""
    for clock in _running(order, kinds, unit):
        end(clock, Clock.Outcome.MISSED if _is_overdue(clock, now) else Clock.Outcome.MET, now=now)


def void(order: "WorkOrder", kinds: Iterable[str], *, now: datetime, units: "Sequence[Unit] | None" = None) -> None:
    """What these clocks asked for, of these or of all units, is no longer owed. One that ran out already stays missed."""
    running = order.clocks.running().filter(kind__in=list(kinds))
    for clock in running if units is None else running.filter(unit__in=units):
        end(clock, Clock.Outcome.MISSED if _is_overdue(clock, now) else Clock.Outcome.VOID, now=now)


def end(clock: Clock, outcome: Clock.Outcome, *, now: datetime) -> None:
    clock.stopped_at, clock.outcome, clock.paused_at, clock.next_alert_at = now, outcome, None, None
    clock.save(update_fields=["stopped_at", "outcome", "paused_at", "next_alert_at"])


def go_on(order: "WorkOrder", kinds: Iterable[str], *, now: datetime) -> None:
    """B03: the order came back, so its clock begins where the last one of this round began and keeps its deadline.

    What of its alerts lies in the past comes due now, not then: no scan has missed it.
    """
    for kind in kinds:
        last = order.clocks.filter(kind=kind, unit=None, round=order.round).order_by("id").last()
        if last:
            _take_over(Clock(order=order, kind=kind, round=order.round, started_at=last.started_at), last, now)
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
    clock.in_working_time, clock.provisional, clock.due_at = other.in_working_time, other.provisional, other.due_at
    clock.alerts_at = [max(instant, now) for instant in other.alerts_at]
    clock.next_alert_at = clock.alerts_at[0]
    clock.save()


def extended(order: "WorkOrder", days: int, *, now: datetime) -> list[tuple[Clock, datetime]]:
    """(clock, its deadline after `days` working days more) of what an extension would move, the lead unit's first."""
    moving, calendar = _extendable(order, days, now)
    return [(clock, calendar.add(clock.due_at, days * calendar.day_length)) for clock in moving]


def extend(order: "WorkOrder", days: int, *, now: datetime) -> None:
    """延期: move these deadlines and the alerts still to come; a warning that was reached stays where it was."""
    wait = order.policy.rules.escalation(order.grade)
    moving, calendar = _extendable(order, days, now)
    for clock in moving:
        old = clock.alerts_at[0]
        warning, due_at = (calendar.add(instant, days * calendar.day_length) for instant in (old, clock.due_at))
        _move(clock, warning if old > now else old, due_at, wait, calendar)


def _extendable(order: "WorkOrder", days: int, now: datetime) -> tuple[list[Clock], WorkCalendar]:
    """The lead unit's and the citizen's resolution clocks. One that has run out stays: more time does not undo that."""
    rules = order.policy.rules
    running = _running(order, RESOLUTION_CLOCKS, order.lead_unit).filter(due_at__gte=now)
    moving = sorted(running, key=lambda clock: clock.unit_id is None)
    reach = max((clock.due_at - now for clock in moving), default=timedelta(0))
    reach += Limit(days, "working_day").reach + rules.escalation(order.grade).reach
    return moving, load_calendar(rules, now, reach + HORIZON)


def pause(order: "WorkOrder", kinds: Iterable[str], *, now: datetime) -> None:
    """A clock that has run out already is not stopped from saying so."""
    order.clocks.running().filter(kind__in=list(kinds), paused_at=None, due_at__gt=now).update(paused_at=now)


def resume(order: "WorkOrder", kinds: Iterable[str], *, now: datetime) -> None:
    """Move the deadline and the alerts still to come by as much time as was left when the clock was paused."""
    wait = order.policy.rules.escalation(order.grade)
    for clock in order.clocks.running().filter(kind__in=list(kinds)).exclude(paused_at=None):
        assert clock.paused_at
        reach = (now - clock.paused_at) + 2 * (clock.due_at - clock.paused_at) + wait.reach
        _resume(clock, wait, load_calendar(order.policy.rules, clock.paused_at, reach + HORIZON), now)


def _resume(clock: Clock, wait: Limit, calendar: WorkCalendar, now: datetime) -> None:
    paused_at, warning = clock.paused_at, clock.alerts_at[0]
    assert paused_at

    def moved(instant: datetime) -> datetime:
        if clock.in_working_time:
            return calendar.add(now, calendar.between(paused_at, instant))
        return instant + (now - paused_at)

    # A warning that was reached before the pause stays where it was, raised already or not.
    warning = moved(warning) if warning > paused_at else warning
    _move(clock, warning, moved(clock.due_at), wait, calendar)


def _move(clock: Clock, warning: datetime, due_at: datetime, wait: Limit, calendar: WorkCalendar) -> None:
    clock.due_at, clock.alerts_at = due_at, [warning, due_at, wait.after(due_at, calendar)]
    clock.next_alert_at = clock.alerts_at[clock.level] if clock.level < len(clock.alerts_at) else None
    clock.provisional = clock.in_working_time and not calendar.is_announced(_last_day(clock.due_at))
    clock.paused_at = None
    clock.save(update_fields=["due_at", "alerts_at", "next_alert_at", "provisional", "paused_at"])
    _warn_of_provisional([clock])


ADVANCE_DUE = """
    WITH due AS (
        SELECT id, level, alerts_at FROM workorders_clock
        WHERE stopped_at IS NULL AND paused_at IS NULL AND next_alert_at <= %(now)s
        ORDER BY next_alert_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
    ), reached AS (
        SELECT due.id, due.level AS before, alert.level, alert.at
        FROM due, unnest(due.alerts_at) WITH ORDINALITY AS alert (at, level)
        WHERE alert.level > due.level AND alert.at <= %(now)s
    ), advanced AS (
        UPDATE workorders_clock AS clock
        SET level = top.level, next_alert_at = clock.alerts_at[top.level + 1]
        FROM (SELECT id, max(level) AS level FROM reached GROUP BY id) AS top
        WHERE clock.id = top.id
    )
    SELECT id, level, at FROM reached ORDER BY at, id
"""


def advance_due(now: datetime, batch: int) -> list[tuple[int, int, datetime]]:
    """Move up to `batch` due clocks past every level they have reached, earliest first: (clock id, level, due since).

    Rows that another scan holds are passed over. The caller raises the alerts in the same transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(ADVANCE_DUE, {"now": now, "batch": batch})
        return cursor.fetchall()


def _running(order: "WorkOrder", kinds: Iterable[str], unit: "Unit | None") -> QuerySet[Clock]:
    ours = [kind for kind in kinds if kind in UNIT_CLOCKS]
    orders = [kind for kind in kinds if kind not in UNIT_CLOCKS]
    running = order.clocks.running()
    return running.filter(kind__in=orders, unit=None) | running.filter(kind__in=ours, unit=unit)


def _is_overdue(clock: Clock, now: datetime) -> bool:
    return clock.paused_at is None and clock.due_at < now


def _last_day(instant: datetime) -> date:
    return timezone.localdate(instant)


def _warn_of_provisional(clocks: list[Clock]) -> None:
    for clock in clocks:
        if clock.provisional:
            logger.warning(
                "The calendar of %s is not announced: the %s deadline of order %s is provisional",
                _last_day(clock.due_at).year,
                clock.kind,
                clock.order.number,
            )
