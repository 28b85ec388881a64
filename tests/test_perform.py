"""The one door: what is refused changes nothing and says why, and what a step leaves behind."""

from typing import Any

import pytest
from django.db import connection, transaction

from tests.conftest import NOW
from tests.roads import RESULT, TEXT, Road
from tests.test_lifecycle import picture
from workorders import numbers
from workorders.lifecycle import Role, Status
from workorders.models import Event, Unit, WorkOrder
from workorders.refusals import Invalid, NotVisible, Refused, StaleVersion, WrongState
from workorders.transitions import STEPS, perform, transitioned


def refused(refusal: type[Refused], order: WorkOrder, step: str, **act: Any) -> Refused:
    before = picture(order)
    with pytest.raises(refusal) as caught, transaction.atomic():
        perform(order.pk, step, **act)
    assert picture(order) == before, "refused, yet something changed"
    return caught.value


def test_the_same_step_twice_is_done_once(road: Road) -> None:
    order = road.to(Status.DISPATCHED)
    handler = road.cast.of(Role.HANDLER, road.lead)
    perform(order.pk, "sign", actor=handler, now=road.now)
    refusal = refused(WrongState, order, "sign", actor=handler, now=road.now)
    assert refusal.order is not None
    assert refusal.order.status == Status.HANDLING


@pytest.mark.parametrize("version", [0, 1, 3])
def test_who_saw_another_version_gets_the_order_as_it_stands_now(version: int, road: Road) -> None:
    order = road.to(Status.ACCEPTED)
    actor = road.cast.of(Role.DISPATCHER)
    refusal = refused(
        StaleVersion, order, "dispatch", actor=actor, version=version, now=road.now, **road.needs("dispatch", order)
    )
    assert (refusal.status, refusal.order) == (409, order)
    assert refusal.order is not None
    assert refusal.order.version == 2
    assert (
        perform(order.pk, "consult", actor=actor, version=2, now=road.now, **road.needs("consult", order)).number == 3
    )


def test_a_step_that_nobody_knows_is_refused(road: Road) -> None:
    for name in ("destroy", "", "save", "delete", "objects", "__init__"):
        refused(NotVisible, road.to(Status.ACCEPTED), name, actor=road.cast.of(Role.DISPATCHER), now=road.now)


def test_an_order_that_is_not_there_is_refused(road: Road) -> None:
    with pytest.raises(NotVisible):
        perform(10**12, "note", actor=road.cast.of(Role.OPERATOR), now=road.now, **TEXT)


LONG, LONE = "长" * 20_001, "\ud800"
KINDS_NOT_ASKED_FOR: list[Any] = [{"a": 1}, ["文字"], b"text", LONE]
WRONG: dict[tuple[str, str], dict[str, list[Any]]] = {
    ("registered", "ask_correction"): {"reason": [..., "", "  \n", LONG, "\0", *KINDS_NOT_ASKED_FOR]},
    ("registered", "accept"): {
        "category": [..., "", "no-such", "'; --", LONG, *KINDS_NOT_ASKED_FOR],
        "area": ["999999", "\0", *KINDS_NOT_ASKED_FOR],
        "grade": [..., "urgent", 1, None, *KINDS_NOT_ASKED_FOR],
        "status": ["closed"],
        "reason": ["a reason that nobody asked for"],
    },
    ("registered", "decline"): {"code": [..., "because", {}], "text": [..., ""]},
    ("registered", "merge"): {
        "parent": [..., "123", "self", numbers.compose(NOW, 999_998), LONG, *KINDS_NOT_ASKED_FOR]
    },
    ("accepted", "consult"): {"reason": [...], "participants": [..., [], "D01", [""], ["no-such"], [["D01"]], 5, {}]},
    ("accepted", "dispatch"): {
        "lead": [..., "", "no-such", "1100", *KINDS_NOT_ASKED_FOR],
        "co_handling": ["D01", 5, ["no-such"], ["1100"], ["J110105009"], ["D01", {"code": "D02"}], [LONE], {"D01": 1}],
        "instructions": [LONG],
        "lead_unit": ["D01"],
    },
    ("handling", "contact"): {"way": [..., "pigeon"], "text": [..., "", LONG, *KINDS_NOT_ASKED_FOR]},
    ("handling", "report"): {"solved": [..., "perhaps"], "text": [...]},
    ("handling", "suspend"): {
        "reason": [...],
        "review_date": [..., "soon", "2026-13-01", "2026-03-10", 5, True, [], "\0", LONE],
    },
    ("callback", "attempt"): {
        "why": [..., "maybe", *KINDS_NOT_ASKED_FOR],
        "again_at": ["soon", "2026-13-01T10:00", "2026-03-10T10:00", 5, True, [], "\0", LONE],
    },
    ("callback", "close"): {
        "contacted": [..., "maybe"],
        "solved": [...],
        "satisfied": [..., "very"],
        "reached": [..., "no"],
    },
    ("callback", "rework"): {"reason": [...], "solved": [...], "words": [LONG]},
}


@pytest.mark.parametrize(("status", "step"), WRONG)
def test_what_is_missing_wrong_unknown_or_too_long_is_named_and_nothing_is_done(
    status: str, step: str, road: Road
) -> None:
    order = road.to(status)
    actor = road.cast.of(STEPS[step].roles[0], road.lead if STEPS[step].acts_for == "lead" else None)
    for field, values in WRONG[status, step].items():
        for value in values:
            given = {**road.needs(step, order), field: order.number if value == "self" else value}
            if value is ...:
                del given[field]
            refusal = refused(Invalid, order, step, actor=actor, now=road.now, **given)
            assert refusal.status == 400
            assert field in refusal.fields, f"{value!r}: {refusal.fields}"
            assert all(isinstance(error, str) for errors in refusal.fields.values() for error in errors)


def test_a_unit_that_is_no_longer_active_gets_no_orders(road: Road) -> None:
    order = road.to(Status.ACCEPTED)
    Unit.objects.filter(pk=road.stranger.pk).update(is_active=False)
    given = {**road.needs("dispatch", order), "lead": road.stranger.code}
    refusal = refused(Invalid, order, "dispatch", actor=road.cast.of(Role.DISPATCHER), now=road.now, **given)
    assert set(refusal.fields) == {"lead"}


@pytest.mark.parametrize(("grade", "steps"), [("ordinary", ["contact"]), ("emergency", ["contact", "arrive"])])
def test_no_result_leaves_a_unit_that_has_not_done_first_what_is_owed(grade: str, steps: list[str], road: Road) -> None:
    order = road.register(grade=grade)
    for step in ("accept", "dispatch", "sign"):
        road.act(order, step)
    handler = road.cast.of(Role.HANDLER, road.lead)
    for step in steps:
        refusal = refused(WrongState, order, "report", actor=handler, now=road.now, **RESULT)
        assert refusal.status == 409
        road.act(order, step)
    assert perform(order.pk, "report", actor=handler, now=road.now, **RESULT).target == Status.REPORTED


def test_every_round_asks_for_its_own_contact(road: Road) -> None:
    order = road.to(Status.CALLBACK)
    road.act(order, "rework")
    refused(WrongState, order, "report", actor=road.cast.of(Role.HANDLER, road.lead), now=road.now, **RESULT)


PERSON = {"name": "欧阳询问", "phone": "13812345678", "identity": "110101199001011234", "home": "酒仙桥路10号院3号楼"}


@pytest.mark.parametrize("status", [Status.ARCHIVED, Status.DECLINED, Status.MERGED, Status.REVIEWING])
def test_no_event_holds_anything_of_the_complainant(status: str, road: Road) -> None:
    order = road.to(status, **PERSON)
    if status != Status.ARCHIVED:
        road.act(order, "note")
    road.act(order, "reveal")
    with connection.cursor() as cursor:
        cursor.execute("SELECT event::text FROM workorders_event event WHERE order_id = %s", [order.pk])
        told = "".join(row[0] for row in cursor.fetchall())
    assert not [value for value in PERSON.values() if value in told]


def test_a_receiver_hears_of_a_step_before_it_is_committed_and_can_stop_it(road: Road) -> None:
    order, heard = road.to(Status.REGISTERED), []

    def receiver(event: Event, **_signal: Any) -> None:
        heard.append((event.step, connection.in_atomic_block, event.order.status))
        raise RuntimeError("the stage cannot keep its record")

    before = picture(order)
    transitioned.connect(receiver)
    try:
        with pytest.raises(RuntimeError), transaction.atomic():
            road.act(order, "accept")
    finally:
        transitioned.disconnect(receiver)
    assert heard == [("accept", True, "accepted")]
    assert picture(order) == before
