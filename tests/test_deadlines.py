"""Deadlines and alerts: stored when a clock starts, and worked out by hand here."""

import logging
from datetime import date, timedelta
from typing import Any

import pytest

from tests.roads import Road
from tests.test_calendar import OFFICIAL, at
from workorders.lifecycle import Status
from workorders.models import CalendarDay, Clock, Policy, WorkOrder
from workorders.policy import default_document

# Friday, an hour before the working day ends. Sunday 20 September is worked, 25 to 27 September and 1 to 7 October are free.
FRIDAY = "2026-09-18T16:30"
DEADLINES = {
    "acceptance": ("2026-09-18T16:45", "2026-09-18T17:30", "2026-09-18T18:30", "2026-09-18T18:30"),
    "dispatch": ("2026-09-18T16:45", "2026-09-18T17:00", "2026-09-18T18:30", "2026-09-20T16:30"),
    "resolution": ("2026-09-18T18:30", "2026-09-19T16:30", "2026-09-29T16:30", "2026-10-15T16:30"),
    "signing": ("2026-09-18T16:45", "2026-09-18T17:30", "2026-09-18T20:30", "2026-09-18T20:30"),
    "contact": ("2026-09-18T17:00", "2026-09-18T18:30", "2026-09-19T16:30", "2026-09-19T16:30"),
    "arrival": ("2026-09-18T17:30", None, None, None),
    "unit_resolution": ("2026-09-18T18:30", "2026-09-19T16:30", "2026-09-29T16:30", "2026-10-15T16:30"),
    "callback": ("2026-09-19T16:30", "2026-09-19T16:30", "2026-09-21T16:30", "2026-09-21T16:30"),
}
REWORK = {
    "resolution": ("2026-09-18T17:30", "2026-09-19T04:30", "2026-09-23T11:30", "2026-09-30T11:30"),
    "unit_resolution": ("2026-09-18T17:30", "2026-09-19T04:30", "2026-09-23T11:30", "2026-09-30T11:30"),
    "contact": ("2026-09-18T17:00", "2026-09-18T18:30", "2026-09-19T16:30", "2026-09-19T16:30"),
    "arrival": (None, None, None, None),
}
GRADES = ("emergency", "utility", "ordinary", "complex")
ROAD = ("accept", "dispatch", "sign", "contact", "arrive", "report", "approve")
AT_ONCE = timedelta(0)


def clock(order: WorkOrder, kind: str, **narrowed: Any) -> Clock:
    return Clock.objects.filter(order=order, kind=kind, **narrowed).latest("pk")


def all_of(order: WorkOrder) -> list[dict[str, Any]]:
    return list(Clock.objects.filter(order=order).order_by("pk").values())


@pytest.fixture
def friday(road: Road) -> Road:
    road.now = at(FRIDAY)
    return road


@pytest.mark.parametrize(("grade", "column"), [(grade, column) for column, grade in enumerate(GRADES)])
def test_every_deadline_is_the_one_worked_out_by_hand(grade: str, column: int, friday: Road) -> None:
    order = friday.register(grade=grade)
    for step in ROAD:
        friday.act(order, step, after=AT_ONCE)
    for kind, deadlines in DEADLINES.items():
        expected = [at(deadlines[column])] if deadlines[column] else []
        ours = Clock.objects.filter(order=order, kind=kind).exclude(unit=friday.co_unit)
        assert [one.due_at for one in ours] == expected, kind
    co_unit = Clock.objects.filter(order=order, unit=friday.co_unit).order_by("kind")
    assert [(one.kind, one.due_at) for one in co_unit] == [
        (kind, at(DEADLINES[kind][column] or "")) for kind in ("signing", "unit_resolution")
    ]


@pytest.mark.parametrize(("grade", "column"), [(grade, column) for column, grade in enumerate(GRADES)])
def test_a_rework_has_half_the_time_to_solve_and_all_the_time_to_make_contact(
    grade: str, column: int, friday: Road
) -> None:
    order = friday.register(grade=grade)
    for step in (*ROAD, "rework"):
        friday.act(order, step, after=AT_ONCE)
    for kind, deadlines in REWORK.items():
        expected = [at(deadlines[column])] if deadlines[column] else []
        ours = Clock.objects.filter(order=order, kind=kind, round=2)
        assert [(one.due_at, one.unit) for one in ours] == [
            (due, None if kind == "resolution" else friday.lead) for due in expected
        ], kind


def test_an_ordinary_order_taken_in_on_a_free_saturday_counts_from_monday(road: Road) -> None:
    road.now = at("2026-09-26T11:00")
    order = road.register()
    road.act(order, "accept", after=AT_ONCE)
    road.act(order, "dispatch", after=AT_ONCE)
    due = {kind: clock(order, kind).due_at for kind in ("acceptance", "resolution", "contact")}
    assert due == {
        "acceptance": at("2026-09-26T13:00"),
        "resolution": at("2026-10-12T17:30"),
        "contact": at("2026-09-27T11:00"),
    }


@pytest.mark.parametrize(
    ("grade", "kind", "ladder"),
    [
        (
            "ordinary",
            "resolution",
            ["2026-09-23T11:30", "2026-09-28T09:45", "2026-09-29T16:30", "2026-09-30T16:30", "2026-10-08T16:30"],
        ),
        (
            "ordinary",
            "contact",
            ["2026-09-19T04:30", "2026-09-19T10:30", "2026-09-19T16:30", "2026-09-19T20:30", "2026-09-20T04:30"],
        ),
        (
            "emergency",
            "resolution",
            ["2026-09-18T17:00", "2026-09-18T17:30", "2026-09-18T18:30", "2026-09-18T18:40", "2026-09-18T19:00"],
        ),
        (
            "utility",
            "resolution",
            ["2026-09-19T04:30", "2026-09-19T10:30", "2026-09-19T16:30", "2026-09-19T17:30", "2026-09-19T20:30"],
        ),
    ],
)
def test_the_ladder_of_alerts_is_stored_with_the_clock(grade: str, kind: str, ladder: list[str], friday: Road) -> None:
    order = friday.register(grade=grade)
    friday.act(order, "accept", after=AT_ONCE)
    friday.act(order, "dispatch", after=AT_ONCE)
    found = clock(order, kind, unit=friday.lead if kind == "contact" else None)
    assert found.alerts_at == [at(text) for text in ladder]
    assert (found.next_alert_at, found.level, found.due_at) == (at(ladder[0]), 0, at(ladder[2]))


def test_a_deadline_in_a_year_that_is_not_announced_is_provisional_and_says_so(
    road: Road, caplog: pytest.LogCaptureFixture
) -> None:
    road.now = at("2026-12-24T10:00")
    order = road.register()
    with caplog.at_level(logging.WARNING, "workorders.clocks"):
        road.act(order, "accept", after=AT_ONCE)
    resolution, dispatch = clock(order, "resolution"), clock(order, "dispatch")
    assert (resolution.provisional, dispatch.provisional) == (True, False), "2 hours need no calendar"
    assert resolution.due_at == at("2027-01-04T10:00"), "by the week alone"
    assert [(record.levelname, order.number in record.getMessage()) for record in caplog.records] == [("WARNING", True)]
    assert "2027" in caplog.text


def test_a_deadline_in_an_announced_year_warns_of_nothing(friday: Road, caplog: pytest.LogCaptureFixture) -> None:
    friday.to(Status.CALLBACK)
    assert not [record for record in caplog.records if record.name == "workorders.clocks"]
    assert not Clock.objects.filter(provisional=True).exists()


def test_a_very_long_limit_counts_every_announced_holiday_on_its_way(road: Road) -> None:
    document = default_document()
    document["limits"]["resolution"]["ordinary"] = {"value": 300, "unit": "working_day"}
    facts = {"document": document, "effective_from": at("2024-01-01T00:00"), "state": Policy.State.APPROVED}
    Policy.objects.create(version=2, title="长期限", **facts)
    road.now = at("2024-06-03T10:00")
    order = road.register()
    road.act(order, "accept", after=AT_ONCE)
    found = clock(order, "resolution")
    assert found.due_at == OFFICIAL.add(at("2024-06-03T10:00"), 300 * OFFICIAL.day_length)
    assert not found.provisional


def test_a_day_declared_free_later_moves_no_stored_deadline_by_itself(friday: Road) -> None:
    order = friday.to(Status.ACCEPTED)
    before = all_of(order)
    CalendarDay.objects.filter(date=date(2026, 9, 21)).update(is_working=False)
    friday.act(order, "dispatch")
    assert clock(order, "resolution").due_at == next(one["due_at"] for one in before if one["kind"] == "resolution")
    assert clock(order, "unit_resolution").due_at > clock(order, "resolution").due_at
