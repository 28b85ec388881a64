"""Every instant of working time moves with the calendar, not only the deadlines of clocks; whoever relies on it is told."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from django.test import override_settings
from django.utils import translation

from dispatch import rectifications
from dispatch.models import Assignment, Notice, Rectification
from evaluation.models import Callback
from intake import corrections
from intake.models import Correction, Message
from tests.roads import Road
from tests.test_calendar import at
from workorders.lifecycle import Status
from workorders.models import CalendarChange, CalendarDay, Clock, Event, Unit, WorkOrder
from workorders.recounts import recount_changed

AT_ONCE = timedelta(0)


@pytest.fixture(autouse=True)
def nothing_changed(db: None) -> None:
    CalendarChange.objects.all().delete()


@pytest.fixture
def year_end(road: Road) -> Iterator[Road]:
    """A Tuesday before a year whose holidays nobody has announced."""
    CalendarDay.objects.filter(date__year=2027).delete()
    CalendarChange.objects.all().delete()
    road.now = at("2026-12-29T10:00")
    return road


def announce_new_year() -> None:
    for day in range(1, 6):
        CalendarDay.objects.update_or_create(date=date(2027, 1, day), defaults={"is_working": False})


def announce_whole_year() -> None:
    announce_new_year()
    days = [date(2027, 1, 6) + timedelta(days=number) for number in range(40)]
    CalendarDay.objects.bulk_create(CalendarDay(date=day, is_working=day.weekday() < 5) for day in days)


def incomplete(road: Road) -> WorkOrder:
    order = road.register()
    road.act(order, "ask_correction", after=timedelta(minutes=10))
    return order


def last_event(order: WorkOrder) -> Event:
    return Event.objects.filter(order=order).latest("number")


def test_a_correction_that_runs_across_days_declared_free_stays_open_and_the_complainant_hears_the_new_date(
    year_end: Road,
) -> None:
    order = incomplete(year_end)
    announce_new_year()
    assert recount_changed(at("2026-12-30T09:00")) == 1
    for moment in ("2026-12-30T10:20", "2026-12-31T10:20", "2027-01-05T10:30"):
        corrections.work_off(at(moment))
    order.refresh_from_db()
    standing = Correction.objects.get(order=order)
    assert (order.status, standing.closes_at) == (Status.INCOMPLETE, at("2027-01-08T10:10"))
    assert standing.closes_at == corrections.schedule(order, standing.asked_at).closes_at
    moved = Message.objects.get(order=order, kind=Message.Kind.POSTPONED)
    assert moved.event.step == "reckon"
    assert "1月8日" in moved.text or "2027-01-08" in moved.text
    assert "2027-01-05 10:10+08:00 → 2027-01-08 10:10+08:00" in moved.event.data["deadlines"][0]
    assert corrections.work_off(at("2027-01-08T10:10")) == 1
    order.refresh_from_db()
    assert order.status != Status.INCOMPLETE


def test_who_closes_corrections_looks_at_days_entered_a_moment_ago_first(year_end: Road) -> None:
    order = incomplete(year_end)
    announce_new_year()
    corrections.work_off(at("2027-01-05T10:30"))
    order.refresh_from_db()
    assert order.status == Status.INCOMPLETE


def test_a_day_declared_a_working_day_takes_no_promised_time_from_the_complainant(year_end: Road) -> None:
    order = incomplete(year_end)
    before = Correction.objects.get(order=order).closes_at
    CalendarDay.objects.create(date=date(2027, 1, 2), is_working=True)
    recount_changed(at("2026-12-30T09:00"))
    assert Correction.objects.get(order=order).closes_at == before
    assert not Message.objects.filter(order=order, kind=Message.Kind.POSTPONED).exists()


def test_a_date_in_a_year_not_announced_says_so_until_the_year_is_announced(year_end: Road) -> None:
    asked = incomplete(year_end)
    year_end.now = at("2026-12-31T15:00")
    window = Assignment.objects.filter(order=year_end.to("dispatched"), part="lead")
    assert Correction.objects.get(order=asked).provisional
    assert "not announced" in told_to_complainant(asked)
    assert window.get().provisional
    announce_whole_year()
    recount_changed(at("2026-12-31T17:20"))
    assert not Correction.objects.get(order=asked).provisional
    assert not window.get().provisional


def told_to_complainant(order: WorkOrder) -> str:
    correction = Correction.objects.get(order=order)
    with translation.override("en"), override_settings(LANGUAGE_CODE="en"):
        return corrections.words_of(correction)


def test_the_window_for_a_return_moves_with_the_calendar_and_what_has_closed_stays_closed(year_end: Road) -> None:
    order = year_end.to("dispatched")
    window = Assignment.objects.get(order=order, part="lead")
    assert window.returnable_until
    tomorrow = window.returnable_until.astimezone(at("2026-12-29T10:00").tzinfo).date()
    CalendarDay.objects.filter(date=tomorrow).update(is_working=False)
    recount_changed(window.returnable_until + timedelta(minutes=1))
    assert Assignment.objects.get(pk=window.pk).returnable_until == window.returnable_until
    CalendarChange.objects.create(date=tomorrow)
    recount_changed(year_end.now)
    later = Assignment.objects.get(pk=window.pk).returnable_until
    assert later
    assert later > window.returnable_until
    assert any("→" in line for line in last_event(order).data["deadlines"])


def test_a_slips_clock_moves_with_the_calendar(year_end: Road) -> None:
    order = year_end.to("handling")
    year_end.act(order, "issue_slip", demand="请说明办理情况。", days=2)
    before = Clock.objects.get(order=order, kind="slip")
    CalendarDay.objects.filter(date=date(2026, 12, 30)).update(is_working=False)
    recount_changed(year_end.now)
    after = Clock.objects.get(order=order, kind="slip")
    assert after.due_at > before.due_at
    assert after.own_days == 2


def test_the_next_attempt_of_a_callback_moves_unless_it_was_agreed(year_end: Road) -> None:
    year_end.now = at("2026-12-30T16:00")
    agreed, resting = year_end.to("callback"), year_end.to("callback")
    year_end.now = at("2026-12-31T16:00")
    wish = at("2027-01-01T15:00")
    year_end.act(agreed, "attempt", why="later", again_at=wish, after=AT_ONCE)
    year_end.act(resting, "attempt", why="no_answer", after=AT_ONCE)
    announce_new_year()
    recount_changed(year_end.now + timedelta(minutes=1))
    assert Callback.objects.get(order=agreed).next_attempt_at == wish
    assert _day(Callback.objects.get(order=resting).next_attempt_at) == date(2027, 1, 6)


def _day(moment: datetime | None) -> date:
    assert moment
    return moment.astimezone(at("2026-12-29T10:00").tzinfo).date()


def test_the_date_of_a_rectification_report_moves_and_the_unit_hears_it(year_end: Road) -> None:
    now = year_end.now
    unit = Unit.objects.get(pk=year_end.lead.pk)
    year_end.cast.of("handler", unit)
    open_one = Rectification.objects.create(
        unit=unit, cause="grave_miss", demanded_at=now, due_at=at("2027-01-05T10:00")
    )
    rectifications._note(open_one, "demand", round=1, at=now)
    notices = Notice.objects.count()
    announce_new_year()
    assert recount_changed(now + timedelta(hours=1)) == 1
    open_one.refresh_from_db()
    assert open_one.due_at > at("2027-01-05T18:00")
    assert list(open_one.entries.values_list("act", flat=True)) == ["demand", "recount"]
    assert Notice.objects.count() > notices
    assert rectifications.flag_overdue(at("2027-01-05T12:00")) == 0


def test_what_no_changed_day_touches_is_left_alone(year_end: Road) -> None:
    order = incomplete(year_end)
    before = (Correction.objects.values().get(order=order), last_event(order).number)
    CalendarDay.objects.create(date=date(2027, 3, 1), is_working=False)
    assert recount_changed(year_end.now) == 0
    assert (Correction.objects.values().get(order=order), last_event(order).number) == before
