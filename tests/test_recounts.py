"""Deadlines that run are counted anew when the calendar or the grade of an order changes, and the ledger says so."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import translation

from dispatch import supervision
from dispatch.models import Alert
from tests.roads import Road
from tests.test_calendar import at
from tests.test_deadlines import AT_ONCE, all_of, clock, friday
from workorders import ledger, reference, tasks
from workorders.lifecycle import ClockKind, Grade, Level, Role, Status
from workorders.models import CalendarChange, CalendarDay, Clock, Event, WorkOrder
from workorders.recounts import recount_changed
from workorders.refusals import Invalid, NotVisible
from workorders.selectors import told
from workorders.transitions import perform

__all__ = ["friday"]

MONDAY = date(2026, 9, 21)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OLD, NEW = "2026-09-29 16:30+08:00", "2026-09-30 16:30+08:00"


@pytest.fixture(autouse=True)
def nothing_changed(db: None) -> None:
    CalendarChange.objects.all().delete()


def declare(is_working: bool, day: date = MONDAY) -> None:
    CalendarDay.objects.filter(date=day).update(is_working=is_working)


def of_order(order: WorkOrder) -> list[str]:
    return list(Event.objects.filter(order=order).order_by("number").values_list("step", flat=True))


def accepted(road: Road, **facts: Any) -> WorkOrder:
    order = road.register(**facts)
    road.act(order, "accept", after=AT_ONCE)
    return order


def test_a_day_declared_free_moves_the_deadlines_that_run_across_it_and_the_ledger_says_so(friday: Road) -> None:
    order = accepted(friday)
    before = {one["kind"]: one for one in all_of(order)}
    declare(False)
    assert recount_changed(friday.now + HOUR) == 1
    moved = clock(order, "resolution")
    assert [f"{instant.astimezone(friday.now.tzinfo):%m-%dT%H:%M}" for instant in moved.alerts_at] == [
        "09-24T11:30", "09-29T09:45", "09-30T16:30", "10-08T16:30", "10-09T16:30",
    ]  # fmt: skip
    assert (moved.due_at, moved.next_alert_at) == (moved.alerts_at[2], moved.alerts_at[0])
    assert clock(order, "dispatch").due_at == before["dispatch"]["due_at"], "two hours know no calendar"
    event = Event.objects.filter(order=order).latest("number")
    assert (event.step, event.actor, event.source, event.target) == ("reckon", None, "accepted", "accepted")
    with translation.override("zh-hans"):
        line = f"{ClockKind.RESOLUTION.label}: {OLD} → {NEW}"
    assert event.data == {"deadlines": [line]}
    assert told(event)[0][1] == line
    assert ledger.verify(WorkOrder.objects.get(pk=order.pk)) is None
    assert not CalendarChange.objects.exists()


def test_running_twice_or_going_on_after_a_kill_moves_and_says_nothing_twice(friday: Road) -> None:
    order = accepted(friday)
    declare(False)
    recount_changed(friday.now)
    steps, clocks = of_order(order), all_of(order)
    CalendarChange.objects.create(date=MONDAY)
    assert recount_changed(friday.now + HOUR) == 0
    assert (of_order(order), all_of(order)) == (steps, clocks)


@pytest.mark.parametrize("way", ["saved", "removed", "updated", "added"])
def test_every_way_of_changing_a_day_is_noticed(way: str, road: Road) -> None:
    day = CalendarDay.objects.get(date=MONDAY)
    if way == "saved":
        day.is_working = False
        day.save()
    elif way == "updated":
        declare(False)
    else:
        day.delete()
    assert set(CalendarChange.objects.values_list("date", flat=True)) == {MONDAY}
    if way == "added":
        reference.load()
        assert CalendarChange.objects.filter(date=MONDAY).count() == 2


def test_a_note_on_a_day_changes_no_deadline(road: Road) -> None:
    CalendarDay.objects.filter(date=MONDAY).update(note="工作日")
    assert not CalendarChange.objects.exists()


def test_orders_that_no_changed_day_touches_are_left_alone(friday: Road) -> None:
    order = accepted(friday)
    before = (of_order(order), all_of(order))
    declare(False, date(2026, 9, 17))
    declare(False, date(2026, 12, 1))
    assert recount_changed(friday.now) == 0
    assert (of_order(order), all_of(order)) == before


def test_what_was_raised_stays_and_what_is_to_come_moves(friday: Road) -> None:
    order = accepted(friday)
    found = clock(order, "resolution")
    reminded = found.reached_at(Level.REMINDER)
    supervision.scan(reminded)
    declare(False, date(2026, 9, 29))
    recount_changed(reminded + HOUR)
    moved = clock(order, "resolution")
    assert (moved.reached_at(Level.REMINDER), moved.level, moved.due_at) == (reminded, 1, at("2026-09-30T16:30"))
    supervision.scan(moved.alerts_at[-1])
    levels = Alert.objects.filter(clock=moved).order_by("level").values_list("level", "due_since")
    assert list(levels) == list(enumerate(moved.alerts_at, start=1))


def test_a_deadline_that_ran_out_stays_and_the_way_up_from_it_moves(friday: Road) -> None:
    order = accepted(friday)
    due = clock(order, "resolution").due_at
    supervision.scan(due)
    declare(False, date(2026, 9, 30))
    recount_changed(due + HOUR)
    found = clock(order, "resolution")
    assert (found.due_at, found.level) == (due, 3)
    assert found.reached_at(Level.HIGHER) == at("2026-10-08T16:30")


def test_a_day_declared_worked_brings_a_deadline_forward_but_never_into_the_past(friday: Road) -> None:
    order = accepted(friday)
    now = at("2026-09-29T16:00")
    declare(True, date(2026, 9, 26))
    recount_changed(now)
    found = clock(order, "resolution")
    assert found.due_at == now, "it would have been the day before; nobody is late in hindsight"
    supervision.scan(now)
    assert Alert.objects.get(clock=found, level=Level.OVERDUE).due_since == now


def test_a_suspended_order_is_counted_anew_when_it_goes_on(friday: Road) -> None:
    order = friday.to(Status.SUSPENDED)
    before = clock(order, "resolution").due_at
    declare(False)
    recount_changed(friday.now + HOUR)
    assert clock(order, "resolution").due_at == before
    friday.act(order, "resume", after=AT_ONCE)
    assert clock(order, "resolution").due_at == before + DAY


def test_a_year_that_is_announced_takes_the_provisional_from_its_deadlines(road: Road) -> None:
    road.now = at("2026-12-24T10:00")
    order = accepted(road)
    assert clock(order, "resolution").provisional
    first = date(2027, 1, 1)
    days = [
        CalendarDay(date=first + number * DAY, is_working=number > 2 and (first + number * DAY).weekday() < 5)
        for number in range(60)
    ]
    CalendarDay.objects.bulk_create(days)
    recount_changed(road.now + HOUR)
    found = clock(order, "resolution")
    assert (found.provisional, found.due_at) == (False, at("2027-01-05T10:00")), "the first is free"
    assert of_order(order)[-1] == "reckon"


def test_the_earliest_deadline_is_computed_first(friday: Road) -> None:
    later = accepted(friday, grade="complex")
    sooner = accepted(friday)
    declare(False)
    assert recount_changed(friday.now) == 2
    events = Event.objects.filter(step="reckon").order_by("pk").values_list("order", flat=True)
    assert list(events) == [sooner.pk, later.pk]


def test_the_task_recounts_what_was_changed(friday: Road) -> None:
    accepted(friday)
    declare(False)
    tasks.recount_deadlines()
    assert not CalendarChange.objects.exists()


def test_nobody_recomputes_by_hand(friday: Road) -> None:
    order = accepted(friday)
    declare(False)
    with pytest.raises(NotVisible):
        perform(order.pk, "reckon", actor=friday.cast.of(Role.ADMINISTRATOR), now=friday.now)
    assert of_order(order)[-1] == "accept"


# A change of grade


def test_a_change_of_grade_counts_what_runs_from_its_beginning_under_the_new_limits(friday: Road) -> None:
    order = friday.to(Status.HANDLING)
    event = friday.act(order, "regrade", grade="complex")
    order.refresh_from_db()
    assert order.grade == "complex"
    began = clock(order, "resolution")
    assert began.due_at == at("2026-10-15T16:40"), "15 working days from the acceptance on Friday, 16:40"
    assert [event.data[name] for name in ("grade", "old_grade")] == ["complex", "ordinary"]
    assert len(event.data["deadlines"]) == 3
    words = [line for _label, line in told(event)]
    assert {str(Grade.ORDINARY.label), str(Grade.COMPLEX.label)} <= set(words)


def test_a_grade_with_a_shorter_limit_makes_overdue_from_now_on_and_raises_it(friday: Road) -> None:
    order = friday.to(Status.HANDLING)
    friday.act(order, "regrade", grade="emergency", after=DAY)
    found = clock(order, "resolution")
    assert found.due_at == friday.now
    supervision.scan(friday.now)
    alerts = Alert.objects.filter(clock=found).order_by("level")
    assert [(alert.level, alert.lateness) for alert in alerts] == [(1, AT_ONCE), (2, AT_ONCE), (3, AT_ONCE)]
    assert supervision.proof(friday.now).missed == 0


def test_an_order_that_becomes_an_emergency_has_to_be_arrived_at_and_one_that_is_none_any_more_has_not(
    friday: Road,
) -> None:
    order = friday.to(Status.HANDLING)
    friday.act(order, "regrade", grade="emergency")
    arrival = clock(order, "arrival", unit=friday.lead)
    assert (arrival.stopped_at, arrival.started_at) == (None, friday.now)
    friday.act(order, "regrade", grade="ordinary")
    assert clock(order, "arrival").outcome == Clock.Outcome.VOID


def test_a_deadline_that_ran_out_is_not_undone_by_a_longer_limit(friday: Road) -> None:
    order = accepted(friday, grade="utility")
    due = clock(order, "resolution").due_at
    friday.now = due
    friday.act(order, "regrade", grade="complex", after=HOUR)
    assert clock(order, "resolution").due_at == due


def test_a_change_to_the_same_grade_is_refused_and_changes_nothing(friday: Road) -> None:
    order = accepted(friday)
    before = (of_order(order), all_of(order))
    with pytest.raises(Invalid) as caught:
        friday.act(order, "regrade", grade="ordinary")
    assert set(caught.value.fields) == {"grade"}
    assert (of_order(order), all_of(order)) == before
