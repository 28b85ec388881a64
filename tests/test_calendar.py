"""Working time: the official arrangement day by day, and the laws its arithmetic obeys."""

from datetime import date, datetime, time, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CHINA
from workorders import clocks, reference
from workorders.calendar import ZERO, NoWorkingTime, WorkCalendar
from workorders.models import CalendarDay
from workorders.policy import Rules, default_document

HOURS = ((time(9), time(12)), (time(13, 30), time(17, 30)))
DAY = timedelta(hours=7)
ANNOUNCED = {day.date: day.is_working for day in reference.announced_days()}
OFFICIAL = WorkCalendar(ANNOUNCED, HOURS)
FIRST, LAST = date(2004, 1, 1), date(2026, 12, 31)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


# Moments around the holidays of real years, on and off the working day's edges, in several zones.
moments = st.builds(
    lambda day, minutes, zone: (datetime.combine(day, time(), tzinfo=CHINA) + timedelta(minutes=minutes)).astimezone(
        zone
    ),
    st.dates(date(2024, 1, 1), date(2026, 11, 30)),
    st.one_of(st.sampled_from([0, 540, 720, 810, 1050, 1439]), st.integers(0, 1439)),
    st.sampled_from([CHINA, reference.UTC]),
)
amounts = st.one_of(
    st.sampled_from([ZERO, timedelta(hours=3), timedelta(hours=4), DAY, 7 * DAY, 15 * DAY]),
    st.timedeltas(ZERO, 20 * DAY),
)


def is_inside_working_time(moment: datetime) -> bool:
    local = moment.astimezone(CHINA)
    return OFFICIAL.is_working(local.date()) and any(start <= local.time() <= end for start, end in HOURS)


@pytest.mark.django_db
def test_every_day_of_2004_to_2026_is_worked_as_officially_arranged() -> None:
    rows = dict(CalendarDay.objects.values_list("date", "is_working"))
    assert (min(rows), max(rows), len(rows)) == (FIRST, LAST, (LAST - FIRST).days + 1), "not a day is left out"
    assert rows == {day: chinese_calendar.is_workday(day) for day in rows}


@pytest.mark.django_db
def test_the_calendar_of_a_limit_is_the_one_in_the_database() -> None:
    CalendarDay.objects.filter(date="2026-03-11").update(is_working=False)
    calendar = clocks.load_calendar(Rules(default_document()), at("2026-01-01T00:00"), LAST - date(2026, 1, 1))
    wrong = [day for day in calendar.days if calendar.is_working(day) != chinese_calendar.is_workday(day)]
    assert wrong == [date(2026, 3, 11)], "what the administrator changed counts, and nothing else is changed"
    assert len(calendar.days) == 365


@pytest.mark.django_db
def test_make_up_days_say_that_they_are() -> None:
    assert CalendarDay.objects.get(date="2026-09-20").note == "调休上班"
    assert not CalendarDay.objects.filter(is_working=True, date__week_day__in=[1, 7]).exclude(note="调休上班").exists()


@pytest.mark.django_db
def test_loading_the_calendar_again_leaves_what_an_administrator_changed() -> None:
    CalendarDay.objects.filter(date="2026-03-11").update(is_working=False, note="停水放假")
    assert reference.load()["calendar days"] == 0
    assert CalendarDay.objects.get(date="2026-03-11").note == "停水放假"


@given(moments, amounts)
def test_a_deadline_in_working_time_lies_in_working_time_ends_included(start: datetime, amount: timedelta) -> None:
    assert is_inside_working_time(OFFICIAL.add(start, amount))


@given(moments, amounts, amounts)
def test_more_working_time_never_ends_earlier(start: datetime, one: timedelta, other: timedelta) -> None:
    less, more = sorted([one, other])
    assert OFFICIAL.add(start, less) <= OFFICIAL.add(start, more)


@given(moments, moments, amounts)
def test_a_later_start_never_ends_earlier(one: datetime, other: datetime, amount: timedelta) -> None:
    earlier, later = sorted([one, other])
    assert OFFICIAL.add(earlier, amount) <= OFFICIAL.add(later, amount)


@given(moments, amounts, amounts)
def test_adding_twice_is_adding_the_sum(start: datetime, one: timedelta, other: timedelta) -> None:
    assert OFFICIAL.add(OFFICIAL.add(start, one), other) == OFFICIAL.add(start, one + other)


@given(moments, amounts)
def test_the_working_time_between_start_and_deadline_is_what_was_added(start: datetime, amount: timedelta) -> None:
    assert OFFICIAL.between(start, OFFICIAL.add(start, amount)) == amount


@given(moments, moments, moments)
def test_working_time_adds_up_over_neighbouring_spans(one: datetime, two: datetime, three: datetime) -> None:
    first, middle, last = sorted([one, two, three])
    assert OFFICIAL.between(first, middle) + OFFICIAL.between(middle, last) == OFFICIAL.between(first, last)
    assert OFFICIAL.between(last, first) == ZERO


@pytest.mark.parametrize(
    ("start", "amount", "end"),
    [
        ("2026-03-10T10:30", 7 * DAY, "2026-03-19T10:30"),
        ("2026-03-10T10:30", timedelta(hours=2), "2026-03-10T14:00"),
        ("2026-03-10T12:00", ZERO, "2026-03-10T12:00"),
        ("2026-03-10T12:30", ZERO, "2026-03-10T13:30"),
        ("2026-03-10T09:00", timedelta(hours=3), "2026-03-10T12:00"),
        ("2026-03-10T20:00", timedelta(minutes=1), "2026-03-11T09:01"),
        ("2026-03-13T17:30", timedelta(minutes=1), "2026-03-16T09:01"),
        # National Day 2026: 1 to 7 October are free, Sunday 20 September and Saturday 10 October are worked.
        ("2026-09-18T17:00", DAY, "2026-09-20T17:00"),
        ("2026-09-30T10:00", DAY, "2026-10-08T10:00"),
        ("2026-09-30T10:00", 3 * DAY, "2026-10-10T10:00"),
        ("2026-10-10T10:00", DAY, "2026-10-12T10:00"),
        ("2026-10-03T10:00", DAY, "2026-10-08T17:30"),
    ],
)
def test_working_time_by_hand(start: str, amount: timedelta, end: str) -> None:
    assert OFFICIAL.add(at(start), amount) == at(end)


def test_a_year_that_nobody_announced_follows_the_week() -> None:
    assert not OFFICIAL.is_announced(date(2027, 1, 1))
    assert [OFFICIAL.is_working(date(2027, 1, day)) for day in range(1, 8)] == [True, False, False, *[True] * 4]


@pytest.mark.parametrize("hours", [HOURS, ()])
def test_a_calendar_without_working_time_says_so_instead_of_looking_for_ever(
    hours: tuple[tuple[time, time], ...],
) -> None:
    free = {date(2026, 1, 1) + timedelta(days=day): bool(not hours) for day in range(800)}
    with pytest.raises(NoWorkingTime):
        WorkCalendar(free, hours).add(at("2026-03-10T10:00"), ZERO)
    with pytest.raises(NoWorkingTime):
        WorkCalendar(free, hours).between(at("2026-03-10T10:00"), at("2026-03-11T10:00"))


def test_working_time_cannot_be_taken_back() -> None:
    with pytest.raises(ValueError, match="taken back"):
        OFFICIAL.add(at("2026-03-10T10:00"), timedelta(seconds=-1))
