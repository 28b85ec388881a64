"""What stops, pauses, moves and voids a clock, and what it keeps through all that."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.roads import Road
from tests.test_calendar import OFFICIAL, at
from tests.test_deadlines import AT_ONCE, FRIDAY, GRADES, all_of, clock, friday
from workorders import clocks
from workorders.lifecycle import RESOLUTION_CLOCKS, Level, Status

__all__ = ["friday"]


offsets = st.timedeltas(timedelta(minutes=1), timedelta(days=40)).map(
    lambda delta: timedelta(minutes=delta // timedelta(minutes=1))
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(GRADES), offsets, offsets)
def test_a_pause_takes_nothing_of_the_time_that_was_left(
    friday: Road, grade: str, before: timedelta, paused: timedelta
) -> None:
    friday.now = at(FRIDAY)
    order = friday.register(grade=grade)
    for step in ("accept", "dispatch"):
        friday.act(order, step, after=AT_ONCE)
    started = {one.pk: one for one in order.clocks.running()}
    stop, go_on = friday.now + before, friday.now + before + paused
    clocks.pause(order, RESOLUTION_CLOCKS, now=stop)
    clocks.resume(order, RESOLUTION_CLOCKS, now=go_on)
    for after in order.clocks.running():
        was = started[after.pk]
        if after.kind not in RESOLUTION_CLOCKS or was.due_at <= stop:
            assert (after.due_at, after.alerts_at) == (was.due_at, was.alerts_at), "untouched"
            continue
        left = OFFICIAL.between if after.in_working_time else lambda start, end: end - start
        assert left(go_on, after.due_at) == left(stop, was.due_at)
        for now_at, was_at in zip(after.alerts_at[:2], was.alerts_at[:2], strict=True):
            assert now_at == was_at if was_at <= stop else left(go_on, now_at) == left(stop, was_at)
        assert after.alerts_at == sorted(after.alerts_at)
        assert (after.paused_at, after.next_alert_at) == (None, after.alerts_at[0])


def test_a_warning_reached_before_the_pause_is_still_raised_for_when_it_was_due(friday: Road) -> None:
    order = friday.to(Status.HANDLING, grade="utility")
    warning = clock(order, "resolution").reached_at(Level.WARNING)
    friday.now = warning
    friday.act(order, "suspend")
    friday.act(order, "resume", after=timedelta(days=3))
    found = clock(order, "resolution")
    assert (found.next_alert_at, found.reached_at(Level.WARNING)) == (found.reached_at(Level.REMINDER), warning)
    assert found.due_at - warning == timedelta(days=3, hours=6)


def test_a_deadline_that_a_pause_moves_into_a_year_not_announced_becomes_provisional(friday: Road) -> None:
    order = friday.to(Status.HANDLING)
    friday.act(order, "suspend")
    friday.now = at("2026-12-30T10:00")
    friday.act(order, "resume", after=AT_ONCE)
    assert clock(order, "resolution").provisional
    assert clock(order, "resolution").due_at.year == 2027


@pytest.mark.parametrize(("minutes", "outcome"), [(119, "met"), (120, "met"), (121, "missed")])
def test_a_clock_that_is_stopped_was_met_up_to_its_very_deadline(minutes: int, outcome: str, friday: Road) -> None:
    order = friday.register()
    friday.act(order, "accept", after=timedelta(minutes=minutes))
    found = clock(order, "acceptance")
    assert (found.outcome, found.stopped_at) == (outcome, friday.now)
    assert found.next_alert_at == found.reached_at(Level.REMINDER), "what it reached is still raised"


def test_what_was_paused_in_time_is_met_however_long_the_correction_took(friday: Road) -> None:
    order = friday.register()
    friday.act(order, "ask_correction")
    friday.act(order, "decline", after=timedelta(days=30))
    assert clock(order, "acceptance").outcome == "met"


def test_what_had_run_out_is_not_paused_and_stays_missed(friday: Road) -> None:
    order = friday.register()
    friday.act(order, "ask_correction", after=timedelta(hours=3))
    assert clock(order, "acceptance").paused_at is None
    friday.act(order, "correct")
    friday.act(order, "accept")
    assert clock(order, "acceptance").outcome == "missed"


@pytest.mark.parametrize(("after", "outcome"), [(timedelta(minutes=5), "void"), (timedelta(days=60), "missed")])
def test_withdrawing_voids_what_still_runs_and_leaves_missed_what_had_run_out(
    after: timedelta, outcome: str, friday: Road
) -> None:
    order = friday.to(Status.DISPATCHED)
    friday.act(order, "withdraw", after=after)
    assert {one.outcome for one in order.clocks.filter(stopped_at=friday.now)} == {outcome}
    assert not order.clocks.running().exists()


def test_withdrawing_a_suspended_order_voids_its_paused_clocks(friday: Road) -> None:
    order = friday.to(Status.SUSPENDED)
    friday.act(order, "withdraw", after=timedelta(days=60))
    assert {clock(order, kind).outcome for kind in RESOLUTION_CLOCKS} == {"void"}


def test_a_recall_keeps_the_citizens_clock_and_the_dispatchers_goes_on_where_it_began(friday: Road) -> None:
    order = friday.to(Status.HANDLING)
    citizens, first = clock(order, "resolution"), clock(order, "dispatch")
    friday.act(order, "recall", after=timedelta(days=1))
    citizens_after, again = clock(order, "resolution"), clock(order, "dispatch")
    assert (citizens_after.pk, citizens_after.due_at, citizens_after.stopped_at) == (citizens.pk, citizens.due_at, None)
    assert (first.outcome, again.stopped_at) == ("met", None)
    assert (again.started_at, again.due_at) == (first.started_at, first.due_at), "the lost time is the dispatcher's"
    assert not order.clocks.running().exclude(unit=None).exists()
    friday.act(order, "dispatch", lead=friday.stranger, co_handling=[])
    assert {one.unit for one in order.clocks.running().exclude(unit=None)} == {friday.stranger}
    assert clock(order, "unit_resolution", unit=friday.stranger).started_at == friday.now


def test_each_unit_stops_its_own_clocks_alone(friday: Road) -> None:
    order = friday.to(Status.DISPATCHED)
    friday.act(order, "co_sign")
    running = {(one.kind, one.unit) for one in order.clocks.running() if one.kind == "signing"}
    assert running == {("signing", friday.lead)}


def test_the_database_knows_one_running_clock_of_a_kind(friday: Road) -> None:
    order = friday.register()
    before = all_of(order)
    with pytest.raises(IntegrityError, match="one_running_clock_of_a_kind"), transaction.atomic():
        clocks.start(order, ["acceptance"], now=friday.now)
    assert all_of(order) == before
