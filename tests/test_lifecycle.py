"""Every cell of status × step × role, against a table that was written by hand and not read from the code."""

import pytest
from django.db import transaction

from config.cast import Cast
from dispatch.models import Meeting, Opinion, Request, Slip
from intake.models import Correction, Message
from tests.roads import ROADS, Road
from workorders.lifecycle import Role, Status
from workorders.models import Clock, Event, User, WorkOrder
from workorders.refusals import NotAllowed, NotVisible, Refused, WrongState
from workorders.transitions import STEPS, perform

OPEN = "registered incomplete accepted consulting dispatched handling suspended reported callback reviewing"
ENDED = "closed answered declined merged withdrawn"
SAME = "same"

# step: (from, to, roles, clocks it starts, clocks it stops)
TABLE: dict[str, tuple[str, str, str, str, str]] = {
    "ask_correction": ("registered", "incomplete", "operator", "", ""),
    "correct": ("incomplete", "registered", "operator", "", ""),
    "remind_correction": ("incomplete", SAME, "operator", "", ""),
    "lapse_correction": ("incomplete", "withdrawn", "", "", "all"),
    "transfer": (
        "registered incomplete accepted consulting dispatched handling suspended reported",
        SAME,
        "operator dispatcher",
        "",
        "",
    ),
    "answer": ("registered", "answered", "operator", "", "acceptance"),
    "accept": ("registered", "accepted", "operator", "dispatch resolution", "acceptance"),
    "decline": ("registered incomplete", "declined", "operator", "", "acceptance"),
    "merge": ("registered incomplete accepted", "merged", "operator dispatcher", "", "all"),
    "withdraw": (
        "registered incomplete accepted consulting dispatched handling suspended reported",
        "withdrawn",
        "operator",
        "",
        "all",
    ),
    "consult": ("accepted", "consulting", "dispatcher", "", ""),
    "dispatch": (
        "accepted",
        "dispatched",
        "dispatcher",
        "signing contact unit_resolution signing+ unit_resolution+",
        "dispatch",
    ),
    "designate": (
        "consulting",
        "dispatched",
        "dispatcher",
        "signing contact unit_resolution signing+ unit_resolution+",
        "dispatch",
    ),
    "opine": ("consulting", SAME, "handler reviewer handler+ reviewer+", "", ""),
    "end_meeting": ("consulting", "accepted", "dispatcher", "", ""),
    "recall": ("dispatched handling", "accepted", "dispatcher", "dispatch", "units"),
    "regrade": ("accepted consulting dispatched handling reported", SAME, "dispatcher", "", ""),
    "sign": ("dispatched", "handling", "handler", "", "signing"),
    "contact": ("handling suspended", SAME, "handler", "", "contact"),
    "arrive": ("handling", SAME, "handler", "", "arrival"),
    "progress": ("handling", SAME, "handler", "", ""),
    "co_sign": ("dispatched handling", SAME, "handler+", "", "signing+"),
    "co_report": ("handling", SAME, "handler+", "", "signing+ unit_resolution+"),
    "report": ("handling", "reported", "handler", "", ""),
    "send_back": ("reported", "handling", "reviewer", "", ""),
    "approve": ("reported", "callback", "reviewer", "callback", "resolution units"),
    "suspend": ("handling", "suspended", "dispatcher", "", ""),
    "resume": ("suspended", "handling", "dispatcher", "", ""),
    "request_return": ("dispatched handling", SAME, "handler", "", ""),
    "grant_return": ("dispatched handling", "accepted", "dispatcher", "dispatch", "units"),
    "refuse_return": ("dispatched handling", SAME, "dispatcher", "", ""),
    "request_extension": ("handling", SAME, "handler", "", ""),
    "grant_extension": ("handling", SAME, "dispatcher", "", ""),
    "refuse_extension": ("handling", SAME, "dispatcher", "", ""),
    "request_suspension": ("handling", SAME, "handler", "", ""),
    "grant_suspension": ("handling", "suspended", "dispatcher", "", ""),
    "refuse_suspension": ("handling", SAME, "dispatcher", "", ""),
    "assign_down": ("handling", "dispatched", "handler", "signing contact unit_resolution", "unit_resolution"),
    "hand_over": (
        "dispatched handling suspended reported",
        "dispatched",
        "dispatcher supervisor",
        "signing contact unit_resolution",
        "signing contact arrival unit_resolution",
    ),
    "replace_co_handling": (
        "dispatched handling suspended reported",
        SAME,
        "dispatcher supervisor",
        "",
        "signing+ unit_resolution+",
    ),
    "issue_slip": ("dispatched handling suspended reported", SAME, "supervisor", "slip", ""),
    "answer_slip": ("dispatched handling suspended reported callback", SAME, "handler reviewer", "", "slip"),
    "accept_slip": ("dispatched handling suspended reported callback", SAME, "supervisor", "", ""),
    "reject_slip": ("dispatched handling suspended reported callback", SAME, "supervisor", "slip", ""),
    "raise_slip": ("dispatched handling suspended reported callback", SAME, "supervisor", "", ""),
    "withdraw_slip": ("dispatched handling suspended reported callback", SAME, "supervisor", "", "slip"),
    "urge": (OPEN, SAME, "operator supervisor", "", ""),
    "attempt": ("callback", SAME, "callback_agent", "", ""),
    "close": ("callback", "closed", "callback_agent", "", "callback"),
    "rework": ("callback", "handling", "callback_agent", "contact unit_resolution resolution", "callback"),
    "object": ("closed", "reviewing", "operator callback_agent", "", ""),
    "uphold": ("reviewing", "handling", "supervisor", "contact unit_resolution resolution", ""),
    "dismiss": ("reviewing", "closed", "supervisor", "", ""),
    "archive": (ENDED, "archived", "archivist", "", ""),
    "reckon": (OPEN, SAME, "", "", ""),
    "note": (
        f"{OPEN} {ENDED}",
        SAME,
        "operator dispatcher handler handler+ reviewer callback_agent supervisor",
        "",
        "",
    ),
    "reveal": (
        f"{OPEN} {ENDED} archived",
        SAME,
        "operator handler handler+ callback_agent supervisor archivist",
        "",
        "",
    ),
}
PEOPLE_OF_UNITS = {"handler", "reviewer", "handler+", "reviewer+"}
OF_SLIPS = {"answer_slip", "accept_slip", "reject_slip", "raise_slip", "withdraw_slip"}
UNITS = {"signing", "contact", "arrival", "unit_resolution", "signing+", "contact+", "arrival+", "unit_resolution+"}


def everybody(cast: Cast, road: Road) -> dict[str, User]:
    """One user a role; `+` marks those of the co-handling unit, `-` those of a unit that has nothing to do with the order."""
    lead = {Role.HANDLER: "handler", Role.REVIEWER: "reviewer"}
    users = {str(role): cast.of(role, road.lead if role in lead else None) for role in Role}
    users |= {f"{name}+": cast.of(role, road.co_unit) for role, name in lead.items()}
    return users | {f"{name}-": cast.of(role, road.stranger) for role, name in lead.items()}


def running(order: WorkOrder, road: Road) -> set[str]:
    clocks = Clock.objects.filter(order=order, stopped_at=None)
    return {kind + ("+" if unit == road.co_unit.pk else "") for kind, unit in clocks.values_list("kind", "unit")}


def picture(order: WorkOrder) -> tuple[object, ...]:
    """All that a step could have changed."""
    return (
        WorkOrder.objects.filter(pk=order.pk).values().get(),
        list(Clock.objects.filter(order=order).order_by("pk").values()),
        list(Event.objects.filter(order=order).order_by("pk").values("hash")),
        list(order.assignments.order_by("pk").values()),  # type: ignore[attr-defined]
        list(order.callbacks.order_by("pk").values()),  # type: ignore[attr-defined]
        list(Request.objects.filter(order=order).order_by("pk").values()),
        list(Slip.objects.filter(order=order).order_by("pk").values()),
        list(Correction.objects.filter(order=order).order_by("pk").values()),
        list(Message.objects.filter(order=order).order_by("pk").values("state")),
        list(Meeting.objects.filter(order=order).order_by("pk").values()),
        list(Opinion.objects.filter(meeting__order=order).order_by("pk").values()),
    )


def expected_refusal(name: str, user: str, status: str) -> type[Refused] | None:
    sources, _target, roles, _starts, _stops = TABLE[name]
    shared = status in "consulting dispatched handling suspended reported callback closed reviewing archived".split()
    hidden = user == "administrator" or user.endswith("-")
    if hidden or (not shared and user in PEOPLE_OF_UNITS):
        return NotVisible
    # A unit takes part in the meeting, or in the handling.
    if user in PEOPLE_OF_UNITS and name not in ("note", "reveal") and (name == "opine") != (status == "consulting"):
        return NotAllowed
    if user in PEOPLE_OF_UNITS and (name, status) == ("reveal", "consulting"):
        return NotAllowed
    allowed = roles.split()
    may = user in allowed or (user == "reviewer+" and name == "note")
    if not may:
        return NotAllowed
    return None if status in sources.split() else WrongState


def test_the_table_names_every_step_and_every_status() -> None:
    assert set(TABLE) == set(STEPS)
    assert set(ROADS) == set(Status.values)


@pytest.mark.parametrize("status", Status.values)
def test_every_step_is_done_or_refused_as_the_table_says(status: str, road: Road, cast: Cast) -> None:
    users = everybody(cast, road)
    order = road.to(status)
    for name in TABLE:
        savepoint, now = transaction.savepoint(), road.now
        check_step(asked(order, name, status, road), name, status, users, road)
        transaction.savepoint_rollback(savepoint)
        order.refresh_from_db()
        road.now = now


def asked(order: WorkOrder, name: str, status: str, road: Road) -> WorkOrder:
    """The order, or one that has come as far, with what the step decides if it decides anything."""
    if name in OF_SLIPS and status == Status.CALLBACK:
        return road.to(status, before_callback=name)
    if status in TABLE[name][0].split():
        road.ask_before(order, name)
    return order


def check_step(order: WorkOrder, name: str, status: str, users: dict[str, User], road: Road) -> None:
    needs, before, clocks = road.needs(name, order), picture(order), running(order, road)
    refusals = {user: expected_refusal(name, user, status) for user in users}
    for user, refusal in refusals.items():
        if refusal:
            with pytest.raises(refusal) as caught, transaction.atomic():
                perform(order.pk, name, actor=users[user], now=road.now, **needs)
            assert caught.value.status == {NotVisible: 404, NotAllowed: 403, WrongState: 409}[refusal], (name, user)
    assert picture(order) == before, f"{name} was refused, yet something changed"
    for user in (user for user, refusal in refusals.items() if not refusal):
        savepoint = transaction.savepoint()
        event = perform(order.pk, name, actor=users[user], now=road.now, **needs)
        check_done(event, name, status, users[user], clocks, road)
        transaction.savepoint_rollback(savepoint)


def check_done(event: Event, name: str, status: str, actor: User, clocks: set[str], road: Road) -> None:
    _sources, target, _roles, starts, stops = TABLE[name]
    order = WorkOrder.objects.get(pk=event.order_id)
    assert order.status == (status if target == SAME else target)
    assert order.version == event.number, "every event is one version"
    assert (event.step, event.source, event.target) == (name, status, order.status)
    assert (event.actor, event.unit, event.at) == (actor, actor.unit, road.now)
    gone = {"all": clocks, "units": UNITS}
    stopped = {clock for word in stops.split() for clock in gone.get(word, {word})}
    assert running(order, road) == (clocks - stopped) | set(starts.split())
