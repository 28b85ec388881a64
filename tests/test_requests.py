"""Requests beside the order: who may ask when, what a decision does, and what becomes of a request nobody decided."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override
from django_fsm import TransitionNotAllowed

from dispatch import supervision
from dispatch.models import Alert, Assignment, Request
from tests.roads import Road
from tests.test_calendar import at
from tests.test_lifecycle import picture
from workorders import ledger
from workorders.lifecycle import RESOLUTION_CLOCKS, ActsFor, Level, Role, Status
from workorders.models import Clock, Event, Unit, WorkOrder
from workorders.moments import day_and_time, spelled
from workorders.policy import default_document, problems_of
from workorders.refusals import Invalid, NotAllowed, Refused, WrongState
from workorders.selectors import to_do
from workorders.transitions import STEPS, available, perform

KINDS = tuple(Request.Kind.values)
VERBS = {"grant": "granted", "refuse": "refused"}
AT_ONCE = timedelta(0)
SECOND = timedelta(seconds=1)
ROOT = Path(__file__).resolve().parent.parent


def actor_of(road: Road, order: WorkOrder, step: str) -> Any:
    lead = WorkOrder.objects.get(pk=order.pk).lead_unit
    return road.cast.of(STEPS[step].roles[0], lead if STEPS[step].acts_for == ActsFor.LEAD else None)


def refused(
    kind: type[Refused], road: Road, order: WorkOrder, step: str, now: datetime | None = None, **data: Any
) -> Refused:
    """What the refusal said, in English; that nothing changed is checked here."""
    given, actor = {**road.needs(step, order), **data}, actor_of(road, order, step)
    before = picture(order)
    with pytest.raises(kind) as caught, transaction.atomic(), override("en"):
        perform(order.pk, step, actor=actor, now=now or road.now, **given)
    assert picture(order) == before
    return caught.value


def clock(order: WorkOrder, kind: str, **narrowed: Any) -> Clock:
    return Clock.objects.filter(order=order, kind=kind, **narrowed).latest("pk")


def request_of(order: WorkOrder) -> Request:
    return Request.objects.select_related("decided_by", "asked_by", "unit").get(order=order)


def ask(road: Road, order: WorkOrder, kind: str, **data: Any) -> Request:
    road.act(order, f"request_{kind}", **data)
    return Request.objects.get(order=order, kind=kind, status="open")


def dispatched_at(road: Road, moment: str, **facts: Any) -> WorkOrder:
    """An order whose unit got it at this very moment."""
    road.now = at(moment)
    order = road.register(**facts)
    road.act(order, "accept", after=AT_ONCE)
    road.act(order, "dispatch", after=AT_ONCE)
    return order


def handled_since(road: Road, moment: str, **facts: Any) -> WorkOrder:
    order = dispatched_at(road, moment, **facts)
    road.act(order, "sign", after=AT_ONCE)
    return order


# Asking and deciding


@pytest.mark.parametrize("kind", KINDS)
def test_asking_leaves_the_order_and_its_clocks_as_they_are(kind: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    clocks = list(order.clocks.order_by("pk").values())
    request = ask(road, order, kind)
    needs = road.needs(f"request_{kind}", order)
    assert (order.status, order.lead_unit, list(order.clocks.order_by("pk").values())) == (
        "handling",
        road.lead,
        clocks,
    )
    assert (request.unit, request.round, request.asked_at) == (road.lead, 1, road.now)
    assert request.asked_by == road.cast.of(Role.HANDLER, road.lead)
    assert request.reason == needs["reason"]
    assert {
        "code": request.code,
        "basis": request.basis,
        "length": request.length,
        "review_date": request.review_date,
    } == {
        "code": needs.get("code", ""),
        "basis": needs.get("basis", ""),
        "length": needs.get("length"),
        "review_date": at("2026-12-01T00:00").date() if "review_date" in needs else None,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_waits_for_its_decision_is_not_asked_again(kind: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    ask(road, order, kind)
    assert "waits for its decision" in str(refused(WrongState, road, order, f"request_{kind}").message)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verb", VERBS)
def test_what_nobody_asked_for_is_not_decided(verb: str, kind: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    for other in KINDS:
        if other != kind:
            ask(road, order, other)
    assert refused(WrongState, road, order, f"{verb}_{kind}").status == 409


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("verb", "status"), VERBS.items())
def test_a_decision_keeps_who_decided_when_and_in_which_words(verb: str, status: str, kind: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    ask(road, order, kind)
    event = road.act(order, f"{verb}_{kind}", reason="经研究决定")
    request = request_of(order)
    assert (request.status, request.decision, request.decided_at) == (status, "经研究决定", road.now)
    assert request.decided_by == road.cast.of(Role.DISPATCHER)
    assert event.reason == "经研究决定"
    assert ledger.verify(WorkOrder.objects.get(pk=order.pk)) is None
    refused(WrongState, road, order, f"{verb}_{kind}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_needs_its_reason_and_leaves_the_order_where_it_was(kind: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    ask(road, order, kind)
    assert set(refused(Invalid, road, order, f"refuse_{kind}", reason=" ").fields) == {"reason"}
    clocks = list(order.clocks.order_by("pk").values())
    road.act(order, f"refuse_{kind}")
    assert (order.status, list(order.clocks.order_by("pk").values())) == ("handling", clocks)


WRONG: dict[str, dict[str, list[Any]]] = {
    "request_return": {"code": [..., "", "too_hard", 1], "reason": [..., "", " "], "length": [5]},
    "request_extension": {
        "length": [..., None, "", 0, -1, 1.5, "five", True, 8, 10**400, [5]],
        "basis": [..., "", "长" * 1001],
        "reason": [...],
    },
    "request_suspension": {"review_date": [..., "soon", "2026-03-10"], "reason": [...], "basis": ["无"]},
    "assign_down": {"lead": [..., "", "no-such", "Q110105", "J110105009", "J110101001", "1100"]},
    "urge": {"text": [..., "", "长" * 2001]},
}


@pytest.mark.parametrize("step", WRONG)
def test_what_is_missing_or_wrong_is_named(step: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    actor = actor_of(road, order, step)
    before = picture(order)
    for field, values in WRONG[step].items():
        for value in values:
            given = {**road.needs(step, order), field: value}
            if value is ...:
                del given[field]
            with pytest.raises(Invalid) as caught, transaction.atomic():
                perform(order.pk, step, actor=actor, now=road.now, **given)
            assert field in caught.value.fields, f"{value!r}: {caught.value.fields}"
    assert picture(order) == before


# When an order may be returned


@pytest.mark.parametrize(
    ("dispatched", "end"),
    [
        ("2026-03-10T10:00", "2026-03-11T10:00"),
        ("2026-03-13T16:00", "2026-03-16T16:00"),
        ("2026-09-24T10:00", "2026-09-28T10:00"),
        ("2026-03-14T20:00", "2026-03-16T17:30"),
    ],
)
def test_a_return_is_asked_for_within_a_working_day_of_the_dispatch(dispatched: str, end: str, road: Road) -> None:
    order = dispatched_at(road, dispatched)
    late = refused(WrongState, road, order, "request_return", at(end) + SECOND)
    with override("en"):
        assert spelled(at(end)) in str(late.message)
    handler = actor_of(road, order, "request_return")
    assert "request_return" in available(order, handler, at(end))
    assert "request_return" not in available(order, handler, at(end) + SECOND)
    road.now = at(end)
    assert ask(road, order, "return", after=AT_ONCE).asked_at == at(end)


def test_each_unit_has_the_window_from_its_own_dispatch(road: Road) -> None:
    order = dispatched_at(road, "2026-03-10T10:00")
    road.act(order, "recall", after=timedelta(days=2))
    road.act(order, "dispatch", lead=road.stranger)
    assert ask(road, order, "return").unit == road.stranger


def test_a_designated_unit_may_not_return_the_order_nor_may_one_below_it(road: Road) -> None:
    order = road.to(Status.CONSULTING)
    road.act(order, "designate")
    assert "designated" in str(refused(WrongState, road, order, "request_return").message)
    road.act(order, "sign")
    road.act(order, "assign_down")
    assert order.lead_unit == road.below
    refused(WrongState, road, order, "request_return")


def test_a_unit_asks_once_and_two_are_asked_for_on_one_order(road: Road) -> None:
    order = road.to(Status.DISPATCHED)
    ask(road, order, "return")
    road.act(order, "refuse_return")
    assert "a unit may ask" in str(refused(WrongState, road, order, "request_return").message)
    road.act(order, "recall")
    road.act(order, "dispatch", lead=road.stranger)
    ask(road, order, "return")
    road.act(order, "grant_return")
    road.act(order, "dispatch", lead="D01", co_handling=[])
    assert "on one order" in str(refused(WrongState, road, order, "request_return").message)


def test_a_request_that_lapsed_is_not_counted(road: Road) -> None:
    order = road.to(Status.DISPATCHED)
    ask(road, order, "return")
    road.act(order, "recall")
    road.act(order, "dispatch")
    assert ask(road, order, "return").unit == road.lead


def test_a_granted_return_takes_the_order_from_all_units_and_says_so(road: Road) -> None:
    order = road.to(Status.HANDLING)
    ask(road, order, "return")
    road.act(order, "grant_return")
    assert (order.status, order.lead_unit) == ("accepted", None)
    assert set(Assignment.objects.filter(order=order).values_list("end", "ended_at")) == {("returned", road.now)}
    assert not order.clocks.running().exclude(unit=None).exists()
    assert not WorkOrder.objects.visible_to(road.cast.of(Role.HANDLER, road.lead)).exists()


# Whose time it was (B03)


@pytest.mark.parametrize(("step", "end"), [("grant_return", "returned"), ("recall", "recalled")])
def test_what_a_wrong_dispatch_took_is_on_the_dispatchers_clock(step: str, end: str, road: Road) -> None:
    order = dispatched_at(road, "2026-03-10T10:00")
    first, citizens = clock(order, "dispatch"), clock(order, "resolution")
    road.ask_before(order, step)
    road.act(order, step, after=timedelta(minutes=30))
    again = clock(order, "dispatch")
    assert (first.outcome, again.stopped_at, again.outcome) == ("met", None, "")
    assert (again.started_at, again.due_at, again.alerts_at) == (first.started_at, first.due_at, first.alerts_at)
    assert (again.in_working_time, again.level, again.next_alert_at) == (False, 0, first.alerts_at[0])
    assert clock(order, "resolution").due_at == citizens.due_at
    lead = Assignment.objects.get(order=order, part="lead")
    assert (lead.end, lead.lost) == (end, road.now - at("2026-03-10T10:00"))


@pytest.mark.parametrize("step", ["grant_return", "recall"])
def test_an_order_that_comes_back_too_late_is_overdue_at_once(step: str, road: Road) -> None:
    order = dispatched_at(road, "2026-03-10T10:00")
    supervision.scan(road.now)
    road.ask_before(order, step)
    road.act(order, step, after=timedelta(hours=5))
    again = clock(order, "dispatch")
    assert (again.due_at, again.next_alert_at) == (at("2026-03-10T12:00"), road.now)
    assert again in Clock.objects.overdue(road.now)
    supervision.scan(road.now)
    raised = Alert.objects.filter(clock=again).order_by("level")
    assert [(alert.level, alert.lateness) for alert in raised] == [(1, AT_ONCE), (2, AT_ONCE), (3, AT_ONCE)], (
        "no scan was late"
    )
    road.act(order, "dispatch", lead=road.stranger)
    assert clock(order, "dispatch").outcome == "missed"


def test_the_clock_of_a_second_wrong_dispatch_goes_on_from_the_first(road: Road) -> None:
    order = dispatched_at(road, "2026-03-10T10:00")
    for lead in (road.stranger, road.lead):
        road.act(order, "recall")
        road.act(order, "dispatch", lead=lead)
    road.act(order, "recall")
    starts = {one.started_at for one in order.clocks.filter(kind="dispatch")}
    assert starts == {at("2026-03-10T10:00")}


def test_a_recall_in_a_new_round_starts_a_clock_of_its_own(road: Road) -> None:
    order = road.to(Status.CALLBACK)
    road.act(order, "rework", after=timedelta(days=3))
    road.act(order, "recall")
    assert (clock(order, "dispatch").started_at, clock(order, "dispatch").round) == (road.now, 2)


# When a limit is extended


@pytest.mark.parametrize(
    ("grade", "extended"), [("emergency", False), ("utility", False), ("ordinary", True), ("complex", True)]
)
def test_only_ordinary_and_complex_orders_are_extended(grade: str, extended: bool, road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00", grade=grade)
    if extended:
        assert ask(road, order, "extension").length == 5
    else:
        assert "not extended" in str(refused(WrongState, road, order, "request_extension").message)
        assert "request_extension" not in available(order, actor_of(road, order, "request_extension"), road.now)


# Seven working days from Tuesday 10 March, 10:00: Thursday 19 March, 10:00.
@pytest.mark.parametrize("moment", ["2026-03-18T10:00", "2026-03-18T09:59"])
def test_an_extension_is_asked_for_up_to_a_working_day_before_the_deadline(moment: str, road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00")
    road.now = at(moment)
    assert ask(road, order, "extension", after=AT_ONCE).is_open


@pytest.mark.parametrize("moment", ["2026-03-18T10:01", "2026-03-19T10:00", "2026-03-20T10:00"])
def test_an_extension_is_asked_for_too_late(moment: str, road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00")
    assert "before the unit's deadline" in str(
        refused(WrongState, road, order, "request_extension", at(moment)).message
    )


@pytest.mark.parametrize(
    ("grade", "rounds", "longest"), [("ordinary", 1, 7), ("complex", 1, 10), ("ordinary", 2, 3), ("complex", 2, 7)]
)
def test_no_extension_is_longer_than_the_limit_itself_or_ten_days(
    grade: str, rounds: int, longest: int, road: Road
) -> None:
    order = road.to(Status.HANDLING, grade=grade)
    for _ in range(rounds - 1):
        for step in ("report", "approve", "rework"):
            road.act(order, step)
    assert set(refused(Invalid, road, order, "request_extension", length=longest + 1).fields) == {"length"}
    assert ask(road, order, "extension", length=longest).length == longest


@pytest.mark.parametrize("verb", VERBS)
def test_an_extension_is_asked_for_once_a_round(verb: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    ask(road, order, "extension")
    road.act(order, f"{verb}_extension")
    assert "one round" in str(refused(WrongState, road, order, "request_extension").message)
    for step in ("report", "approve", "rework"):
        road.act(order, step)
    assert ask(road, order, "extension", length=3).round == 2


def test_a_granted_extension_moves_the_deadlines_of_the_unit_and_of_the_citizen_and_says_so(road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00")
    before = {one.pk: one for one in order.clocks.running()}
    ask(road, order, "extension", after=AT_ONCE)
    event = road.act(order, "grant_extension", after=AT_ONCE)
    due, reminder, warning = (at(f"2026-03-{text}") for text in ("26T10:00", "20T15:00", "24T11:45"))
    for kind, unit in (("unit_resolution", road.lead), ("resolution", None)):
        moved = clock(order, kind, unit=unit)
        assert (moved.due_at, moved.next_alert_at, moved.level) == (due, reminder, 0), kind
        assert moved.alerts_at == [reminder, warning, due, at("2026-03-27T10:00"), at("2026-03-30T10:00")]
        assert moved.started_at == before[moved.pk].started_at
    for one in order.clocks.running().exclude(unit=road.lead, kind="unit_resolution").exclude(kind="resolution"):
        assert (one.due_at, one.alerts_at) == (before[one.pk].due_at, before[one.pk].alerts_at), "no other clock moves"
    told = event.data["told"]
    assert {**event.data, "told": ""} == {
        "length": 5, "old_due": "2026-03-19 10:00+08:00", "new_due": "2026-03-26 10:00+08:00", "told": "",
    }  # fmt: skip
    assert order.spoken_number in told
    assert "2026年3月26日前" in told


def test_an_extension_leaves_a_warning_that_was_reached_where_it_was(road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00")
    warning = clock(order, "unit_resolution", unit=road.lead).reached_at(Level.WARNING)
    road.now = warning
    ask(road, order, "extension", after=AT_ONCE)
    supervision.scan(road.now)
    road.act(order, "grant_extension", after=timedelta(minutes=1))
    moved = clock(order, "unit_resolution", unit=road.lead)
    assert (moved.reached_at(Level.WARNING), moved.level, moved.next_alert_at) == (warning, 2, at("2026-03-26T10:00"))
    supervision.scan(at("2026-03-26T09:59"))
    assert not Alert.objects.filter(clock=moved, level__gte=3).exists()
    supervision.scan(at("2026-03-26T10:00"))
    assert Alert.objects.filter(clock=moved, level=3).count() == 1


def test_an_extension_does_not_undo_that_the_citizens_deadline_was_missed(road: Road) -> None:
    road.now = at("2026-03-10T10:00")
    order = road.register()
    road.act(order, "accept", after=AT_ONCE)
    road.act(order, "dispatch", after=timedelta(days=8))
    road.act(order, "sign")
    road.now = at("2026-03-19T10:30")
    ask(road, order, "extension", after=AT_ONCE)
    event = road.act(order, "grant_extension", after=AT_ONCE)
    assert clock(order, "resolution").due_at == at("2026-03-19T10:00")
    assert clock(order, "unit_resolution", unit=road.lead).due_at == at("2026-04-03T10:00")
    assert "2026年4月3日前" in event.data["told"], "what is told is the date that is still to come"


def test_an_extension_is_not_granted_after_the_deadline_but_can_be_refused(road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00")
    ask(road, order, "extension", after=AT_ONCE)
    refused(WrongState, road, order, "grant_extension", at("2026-03-19T10:01"))
    road.now = at("2026-03-19T10:01")
    road.act(order, "refuse_extension")
    assert request_of(order).status == "refused"


def test_an_extension_into_a_year_that_is_not_announced_is_provisional(road: Road) -> None:
    order = handled_since(road, "2026-12-21T10:00")
    ask(road, order, "extension", after=AT_ONCE)
    assert not clock(order, "unit_resolution", unit=road.lead).provisional
    road.act(order, "grant_extension")
    moved = clock(order, "unit_resolution", unit=road.lead)
    assert (moved.provisional, moved.due_at.year) == (True, 2027)


# When it is suspended


@pytest.mark.parametrize(("given", "kept"), [({}, "2026-12-01"), ({"review_date": "2026-10-15"}, "2026-10-15")])
def test_a_granted_suspension_does_what_suspend_does_with_the_date_of_either_side(
    given: dict[str, str], kept: str, road: Road
) -> None:
    order = road.to(Status.HANDLING)
    ask(road, order, "suspension")
    event = road.act(order, "grant_suspension", **given)
    assert (order.status, event.data["review_date"]) == ("suspended", kept)
    paused = order.clocks.running().filter(paused_at=road.now)
    assert {one.kind for one in paused} == set(RESOLUTION_CLOCKS)
    road.act(order, "resume", after=timedelta(days=3))
    assert not order.clocks.running().exclude(paused_at=None).exists()


# What nobody decided

LEAVING = {
    "return": {
        "dispatched": ["recall", "withdraw"],
        "handling": ["report", "recall", "suspend", "withdraw", "assign_down"],
    },
    "extension": {"handling": ["report", "recall", "suspend", "withdraw", "assign_down"]},
    "suspension": {"handling": ["report", "recall", "suspend", "withdraw", "assign_down"]},
}
CASES = [(kind, status, step) for kind, places in LEAVING.items() for status, steps in places.items() for step in steps]


@pytest.mark.parametrize(("kind", "status", "step"), CASES)
def test_a_request_lapses_when_the_order_moves_on(kind: str, status: str, step: str, road: Road) -> None:
    order = road.to(status)
    ask(road, order, kind)
    event = road.act(order, step)
    request = request_of(order)
    assert (request.status, request.decided_at, request.decided_by, request.decision) == (
        "lapsed",
        road.now,
        event.actor,
        "",
    )


@pytest.mark.parametrize("other", ["extension", "suspension"])
def test_a_granted_return_lets_the_other_requests_lapse(other: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    ask(road, order, other)
    ask(road, order, "return")
    road.act(order, "grant_return")
    found = dict(Request.objects.filter(order=order).values_list("kind", "status"))
    assert found == {"return": "granted", other: "lapsed"}


@pytest.mark.parametrize("step", ["sign", "note", "urge", "co_sign"])
def test_a_request_stands_while_the_order_is_where_it_makes_sense(step: str, road: Road) -> None:
    order = road.to(Status.DISPATCHED)
    ask(road, order, "return")
    road.act(order, step)
    assert request_of(order).is_open


def test_a_step_that_is_refused_lets_nothing_lapse(road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00")
    ask(road, order, "extension")
    refused(WrongState, road, order, "report")
    assert request_of(order).is_open


# Handing down and urging


def test_an_order_handed_down_is_led_by_the_unit_below_and_still_seen_above(road: Road) -> None:
    order = road.to(Status.HANDLING)
    event = road.act(order, "assign_down", instructions="请社区网格员先行核实")
    assert (order.status, order.lead_unit, event.data["lead"]) == (
        "dispatched",
        road.below,
        f"{road.below.code} {road.below.name}",
    )
    rows = Assignment.objects.filter(order=order).order_by("pk").values_list("unit", "part", "end", "instructions")
    assert list(rows) == [
        (road.lead.pk, "lead", "handed_down", ""),
        (road.co_unit.pk, "co_handling", "", ""),
        (road.below.pk, "lead", "", "请社区网格员先行核实"),
        (road.lead.pk, "co_handling", "", ""),
    ]
    assert Assignment.objects.get(end="handed_down").lost is None, "no wrong dispatch"
    for unit in (road.lead, road.below):
        assert order in WorkOrder.objects.visible_to(road.cast.of(Role.HANDLER, unit))
    road.act(order, "sign")
    assert order.status == "handling"


def test_the_unit_above_can_no_longer_act_as_the_lead(road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "assign_down")
    before = picture(order)
    with pytest.raises(NotAllowed), transaction.atomic():
        perform(order.pk, "sign", actor=road.cast.of(Role.HANDLER, road.lead), now=road.now)
    assert picture(order) == before


def test_nobody_gets_a_later_deadline_by_handing_down(road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00")
    own = clock(order, "unit_resolution", unit=road.lead)
    road.now = at("2026-03-12T10:00")
    road.act(order, "assign_down", after=AT_ONCE)
    theirs = {one.kind: one for one in order.clocks.running().filter(unit=road.below)}
    assert set(theirs) == {"signing", "contact", "unit_resolution"}
    assert (theirs["unit_resolution"].due_at, theirs["unit_resolution"].started_at) == (own.due_at, road.now)
    assert theirs["unit_resolution"].alerts_at == own.alerts_at
    assert theirs["signing"].due_at == at("2026-03-12T14:00")
    assert theirs["contact"].due_at == at("2026-03-13T10:00"), "the contact of the unit above was missed and stays so"
    outcomes = dict(order.clocks.filter(unit=road.lead, stopped_at=road.now).values_list("kind", "outcome"))
    assert outcomes["contact"] == "missed"
    assert outcomes["unit_resolution"] == "void"


def test_a_first_contact_that_is_owed_stays_owed_for_the_same_hour(road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00")
    road.act(order, "assign_down", after=timedelta(hours=20))
    assert clock(order, "contact", unit=road.below).due_at == at("2026-03-11T10:00")


def test_an_alert_that_the_unit_above_had_comes_to_the_unit_below_at_once(road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00")
    road.now = at("2026-03-18T15:00")
    supervision.scan(road.now)
    road.act(order, "assign_down", after=AT_ONCE)
    taken = clock(order, "unit_resolution", unit=road.below)
    assert (taken.next_alert_at, taken.due_at) == (road.now, at("2026-03-19T10:00"))


def test_an_overdue_order_is_not_handed_down(road: Road) -> None:
    order = handled_since(road, "2026-03-10T10:00")
    refused(WrongState, road, order, "assign_down", at("2026-03-19T10:01"))


def test_a_co_handling_unit_below_becomes_the_lead_and_owes_it_once(road: Road) -> None:
    order = road.to(Status.ACCEPTED)
    road.act(order, "dispatch", lead=road.co_unit, co_handling=[road.lead])
    for step in ("sign", "contact"):
        road.act(order, step)
    road.act(order, "assign_down", lead=road.lead)
    assert {one.kind for one in order.clocks.running().filter(unit=road.lead)} == {
        "signing",
        "contact",
        "unit_resolution",
    }
    assert list(
        Assignment.objects.filter(order=order, unit=road.lead, ended_at=None).values_list("part", flat=True)
    ) == ["lead"]
    assert not order.clocks.running().filter(unit=road.co_unit).exists()


def test_the_other_units_clocks_run_on_when_an_order_is_handed_down(road: Road) -> None:
    order = road.to(Status.HANDLING)
    before = list(order.clocks.running().filter(unit=road.co_unit).values())
    road.act(order, "assign_down")
    assert list(order.clocks.running().filter(unit=road.co_unit).values()) == before != []


def test_whoever_presses_says_what_for(road: Road) -> None:
    order = road.to(Status.HANDLING)
    event = road.act(order, "urge", text="诉求人今日第二次来电催问进展")
    assert (order.status, event.data) == ("handling", {"text": "诉求人今日第二次来电催问进展"})


# What the database holds


@pytest.mark.parametrize("kind", KINDS)
def test_the_database_knows_one_open_request_of_a_kind(kind: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    request = ask(road, order, kind)
    request.pk = None
    with pytest.raises(IntegrityError, match="one_open_request_of_a_kind"), transaction.atomic():
        request.save(force_insert=True)
    assert Request.objects.filter(order=order).count() == 1


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"status": "granted"}, "request_decided_iff_not_open"),
        ({"status": "lapsed"}, "request_decided_iff_not_open"),
        ({"status": "forgotten"}, "request_decided_iff_not_open"),
        ({"status": "refused", "decided_at": at("2026-03-10T10:00")}, "request_decided_iff_not_open"),
        ({"decided_at": at("2026-03-10T10:00")}, "request_decided_iff_not_open"),
        ({"decision": "同意"}, "request_decided_iff_not_open"),
        ({"length": 0}, "request_says_what_its_kind_needs"),
        ({"length": None}, "request_says_what_its_kind_needs"),
        ({"basis": ""}, "request_says_what_its_kind_needs"),
        ({"code": "other"}, "request_says_what_its_kind_needs"),
        ({"kind": "return"}, "request_says_what_its_kind_needs"),
        ({"kind": "wish"}, "request_says_what_its_kind_needs"),
    ],
)
def test_the_database_refuses_a_request_that_does_not_hold_together(
    changes: dict[str, Any], constraint: str, road: Road
) -> None:
    request = ask(road, road.to(Status.HANDLING), "extension")
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Request.objects.filter(pk=request.pk).update(**changes)


@pytest.mark.parametrize("changes", [{"ended_at": None}, {"end": ""}])
def test_an_assignment_that_ended_says_why(changes: dict[str, Any], road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "recall")
    with pytest.raises(IntegrityError, match="assignment_says_why_it_ended"), transaction.atomic():
        Assignment.objects.filter(order=order).update(**changes)


def test_the_status_of_a_request_is_protected_and_moves_once(road: Road) -> None:
    request = ask(road, road.to(Status.HANDLING), "return")
    with pytest.raises(AttributeError):
        request.status = "granted"
    request.lapse(by=None, at=road.now)
    for verb in ("grant", "refuse"):
        with pytest.raises(TransitionNotAllowed):
            getattr(request, verb)(by=None, at=road.now, words="")


def test_only_one_module_writes_requests() -> None:
    writing = re.compile(
        r"\bRequest\.objects\.(create|update|get_or_create|bulk_)|\brequests?\.(grant|refuse|lapse)\(|Request\(order"
    )
    apps = ("config", "workorders", "intake", "dispatch", "evaluation", "archive")
    sources = [path for app in apps for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
    writers = {
        path.relative_to(ROOT).as_posix() for path in sources if writing.search(path.read_text(encoding="utf-8"))
    }
    assert writers == {"dispatch/requests.py"}


# What people see


@pytest.mark.parametrize("kind", KINDS)
def test_an_open_request_waits_for_the_dispatcher_and_for_nobody_else(kind: str, road: Road) -> None:
    order, other = road.to(Status.HANDLING), road.to(Status.HANDLING)
    ask(road, order, kind)

    def waiting(role: Role, unit: Unit | None = None) -> set[WorkOrder]:
        return set(WorkOrder.objects.filter(to_do(road.cast.of(role, unit))))

    assert waiting(Role.DISPATCHER) == {order}
    for role in (Role.OPERATOR, Role.CALLBACK_AGENT, Role.SUPERVISOR):
        assert waiting(role) == set()
    assert waiting(Role.HANDLER, road.lead) == {order, other}, "as before"
    road.act(order, f"refuse_{kind}")
    assert waiting(Role.DISPATCHER) == set()


def test_steps_of_requests_are_not_work_that_an_order_waits_for(road: Road) -> None:
    order = road.to(Status.HANDLING)
    assert not WorkOrder.objects.filter(to_do(road.cast.of(Role.DISPATCHER)), pk=order.pk).exists()
    reported = road.to(Status.REPORTED)
    assert not WorkOrder.objects.filter(to_do(road.cast.of(Role.HANDLER, road.lead)), pk=reported.pk).exists()


@pytest.mark.parametrize("kind", KINDS)
def test_buttons_stand_there_only_while_they_do_something(kind: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    decisions = {f"{verb}_{kind}" for verb in VERBS}

    def offered(role: Role, unit: Unit | None = None) -> set[str]:
        return set(available(WorkOrder.objects.get(pk=order.pk), road.cast.of(role, unit), road.now))

    assert f"request_{kind}" in offered(Role.HANDLER, road.lead)
    assert not decisions & offered(Role.DISPATCHER)
    ask(road, order, kind)
    assert f"request_{kind}" not in offered(Role.HANDLER, road.lead)
    assert decisions <= offered(Role.DISPATCHER)
    assert {step for step in offered(Role.SUPERVISOR) if "_" in step} == {
        *("issue_slip", "hand_over", "replace_co_handling")
    }


def test_the_orders_page_shows_both_sides_words_the_rule_and_the_deadline(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.HANDLING)
    ask(recent, order, "extension", reason="检测机构排期至下周", basis="《产品质量法》第十五条")
    ask(recent, order, "return")
    recent.act(order, "refuse_return", reason="点位确在贵街道辖区内")
    page = as_(Role.DISPATCHER).get(f"/orders/{order.number}/").content.decode()
    panel = page[page.index("检测机构排期至下周") - 2000 :]
    for words in (
        "检测机构排期至下周",
        "《产品质量法》第十五条",
        "点位确在贵街道辖区内",
        "该点位不在我单位辖区",
        recent.lead.name,
    ):
        assert words in panel
    due = timezone.localtime(clock(order, "unit_resolution", unit=recent.lead).due_at)
    assert f"{due:%H:%M}" in panel
    assert 'data-step="grant_extension"' in page
    assert 'data-step="grant_return"' not in page


@pytest.mark.parametrize("status", ["dispatched", "handling"])
def test_an_order_page_with_requests_keeps_to_thirteen_queries_for_everybody(
    status: str, as_: Callable, recent: Road
) -> None:
    order = recent.to(status)
    kinds = ["return"] if status == "dispatched" else KINDS
    people = [(role, None) for role in (Role.DISPATCHER, Role.SUPERVISOR, Role.OPERATOR)]
    people += [(Role.HANDLER, recent.lead), (Role.REVIEWER, recent.lead), (Role.HANDLER, recent.co_unit)]
    for kind in (None, *kinds):
        if kind:
            ask(recent, order, kind)
        for role, unit in people:
            client = as_(role, unit)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(f"/orders/{order.number}/").status_code == 200
            assert len(queries) <= 13, (role, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_who_decides_second_is_told_so_and_loses_nothing_typed(kind: str, as_: Callable, recent: Road) -> None:
    order = recent.to(Status.HANDLING)
    ask(recent, order, kind)
    seen = order.version
    recent.act(order, f"refuse_{kind}")
    before = picture(order)
    response = as_(Role.DISPATCHER).post(
        f"/orders/{order.number}/steps/grant_{kind}/", {"version": seen, "reason": "同意，请尽快推进"}
    )
    assert response.status_code == 409
    assert "同意，请尽快推进" in response.content.decode()
    assert picture(order) == before


def test_the_list_of_a_dispatcher_does_not_ask_more_for_more_requests(as_: Callable, recent: Road) -> None:
    client = as_(Role.DISPATCHER)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get("/orders/").status_code == 200
        return len(found)

    ask(recent, recent.to(Status.HANDLING), "return")
    few = queries()
    for kind in KINDS:
        ask(recent, recent.to(Status.HANDLING), kind)
    assert queries() == few <= 13


def test_the_timeline_names_what_an_extension_did(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.HANDLING)
    ask(recent, order, "extension")
    event: Event = recent.act(order, "grant_extension")
    page = as_(Role.DISPATCHER).get(f"/orders/{order.number}/").content.decode()
    assert day_and_time(datetime.fromisoformat(event.data["new_due"]), timezone.now()) in page
    assert "old_due" not in page


# The rule book

BROKEN: dict[str, list[Any]] = {
    "returns": [..., None, [], "x"],
    "returns/window": [..., None, 1, {"value": 1}, {"value": 0, "unit": "hour"}, {"value": 1, "unit": "week"}],
    "returns/per_order": [..., None, "2", True, -1, 1.5, 101],
    "returns/per_unit": [..., None, "1", True, -1, 0.5],
    "extension": [..., None, [], "x"],
    "extension/notice": [..., None, 1, {"unit": "hour"}, {"value": "1", "unit": "working_day"}],
    "extension/per_round": [..., None, "1", False, -1],
    "extension/longest_days": [..., None, "10", True, 0, 2.5, 367],
}
PROBLEMS = [(path, value) for path, values in BROKEN.items() for value in values]


@pytest.mark.parametrize(("path", "value"), PROBLEMS, ids=[f"{path}={value!r}" for path, value in PROBLEMS])
def test_a_broken_rule_of_requests_is_refused_with_its_path(path: str, value: Any) -> None:
    document: dict[str, Any] = default_document()
    *above, last = path.split("/")
    place = document[above[0]] if above else document
    if value is ...:
        del place[last]
    else:
        place[last] = value
    assert any(path.replace("/", ".") in problem for problem in problems_of(document))
