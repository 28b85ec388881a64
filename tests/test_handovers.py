"""Units that are closed and people who leave: what hangs on them is said, handed over in one act, and never lost sight of."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from config.cast import Cast
from dispatch import handovers
from dispatch.models import Assignment, Request
from dispatch.selectors import suggested_unit
from tests.roads import Road
from tests.test_lifecycle import picture
from workorders import ledger
from workorders.lifecycle import Role, Status
from workorders.models import Clock, Unit, User, WorkOrder
from workorders.refusals import Invalid, NotAllowed
from workorders.staffing import gaps_of_leaving, waiting_for_nobody
from workorders.transitions import available, perform

HELD = ("dispatched", "handling", "suspended", "reported")
CITY, DISTRICT, OWN_STREET, OTHER_STREET = "1100", "Q110105", "J110105010", "J110101001"


def of(code: str) -> Unit:
    return Unit.objects.get(code=code)


def supervisor_of(cast: Cast, code: str) -> User:
    return cast.of(Role.SUPERVISOR, of(code))


def close(unit: Unit, successor: Unit | None) -> None:
    unit.is_active, unit.successor = False, successor
    unit.save()


@pytest.mark.parametrize("status", HELD)
def test_somebody_above_hands_an_order_over_whatever_the_unit_left_it_in(status: str, road: Road, cast: Cast) -> None:
    order = road.to(status)
    before = Clock.objects.filter(order=order, kind="resolution").values_list("due_at", flat=True).get()
    unit_due = Clock.objects.get(order=order, kind="unit_resolution", unit=road.lead, stopped_at=None).due_at
    event = road.act(order, "hand_over", lead=of(OWN_STREET), reason="单位撤并")
    moved = WorkOrder.objects.get(pk=order.pk)
    assert (moved.status, moved.lead_unit) == (Status.DISPATCHED, of(OWN_STREET))
    mine = Clock.objects.get(order=order, kind="unit_resolution", unit=moved.lead_unit, stopped_at=None)
    assert mine.due_at <= unit_due or status == "suspended"
    assert Clock.objects.get(order=order, kind="resolution").due_at == before or status == "suspended"
    assert not Clock.objects.filter(order=order, unit=road.lead, stopped_at=None).exists()
    ended = Assignment.objects.get(order=order, unit=road.lead, part="lead")
    assert (ended.end, ended.lost) == ("handed_over", None), "it is no wrong dispatch"
    assert "sign" in available(moved, cast.of(Role.HANDLER, of(OWN_STREET)), event.at)
    assert ledger.verify(moved) is None


def test_who_was_asked_before_the_hand_over_is_asked_no_longer(road: Road) -> None:
    order = road.to("dispatched")
    road.act(order, "request_return")
    road.act(order, "hand_over")
    assert Request.objects.get(order=order).status == Request.Status.LAPSED


@pytest.mark.parametrize(
    ("giver_of_order", "lead", "refusal"),
    [
        (DISTRICT, OWN_STREET, None),
        (DISTRICT, OTHER_STREET, Invalid),
        (CITY, OTHER_STREET, None),
        (CITY, "1100", Invalid),
        (CITY, "J110105009", Invalid),
        ("J110105009", OWN_STREET, NotAllowed),
    ],
)
def test_a_district_hands_over_within_its_branch_and_nobody_hands_over_their_own(
    giver_of_order: str, lead: str, refusal: type[Exception] | None, road: Road, cast: Cast
) -> None:
    order = road.to("handling")
    actor, before = supervisor_of(cast, giver_of_order), picture(order)
    if refusal is None:
        perform(order.pk, "hand_over", actor=actor, now=road.now, lead=lead, reason="调整承办单位")
        assert WorkOrder.objects.get(pk=order.pk).lead_unit == of(lead)
        return
    with pytest.raises(refusal):
        perform(order.pk, "hand_over", actor=actor, now=road.now, lead=lead, reason="调整承办单位")
    assert picture(order) == before


def test_the_database_closes_no_unit_that_leaves_orders_behind(road: Road) -> None:
    order = road.to("handling")
    for change in ({"is_active": False}, {"is_active": False, "successor": None}):
        with pytest.raises(IntegrityError, match="without a successor"), transaction.atomic():
            Unit.objects.filter(pk=road.lead.pk).update(**change)
    road.act(order, "report")
    assert of(road.lead.code).is_active


@pytest.mark.parametrize("status", HELD)
def test_a_closed_units_orders_go_to_its_successor_and_stay_closed_to_it(status: str, road: Road) -> None:
    led, ended = road.to(status), road.to("closed")
    close(road.lead, of(OTHER_STREET))
    assert handovers.hand_over_from_closed_units(road.now) == 1
    assert handovers.hand_over_from_closed_units(road.now) == 0
    assert WorkOrder.objects.get(pk=led.pk).lead_unit == of(OTHER_STREET)
    assert WorkOrder.objects.get(pk=ended.pk).lead_unit == road.lead
    road.act(ended, "object")
    road.act(ended, "uphold")
    assert handovers.hand_over_from_closed_units(road.now) == 1, "what comes back later goes there too"


def test_along_a_chain_of_closed_units_orders_go_to_the_one_that_is_left(road: Road) -> None:
    order = road.to("handling")
    close(of(OTHER_STREET), of(OWN_STREET))
    close(road.lead, of(OTHER_STREET))
    handovers.hand_over_from_closed_units(road.now)
    assert WorkOrder.objects.get(pk=order.pk).lead_unit == of(OWN_STREET)


def test_what_a_closed_unit_co_handles_goes_to_its_successor_too(road: Road) -> None:
    order = road.to("handling")
    close(road.co_unit, of(OTHER_STREET))
    assert handovers.hand_over_from_closed_units(road.now) == 1
    in_force = Assignment.objects.filter(order=order, ended_at=None, part="co_handling")
    assert [one.unit for one in in_force] == [of(OTHER_STREET)]
    assert not Clock.objects.filter(order=order, unit=road.co_unit, stopped_at=None).exists()
    assert Clock.objects.filter(order=order, unit=of(OTHER_STREET), stopped_at=None).count() == 2


def test_the_catalogue_leads_to_who_took_a_closed_unit_over(road: Road) -> None:
    order = road.to("accepted")
    suggestion = suggested_unit(order)
    assert suggestion
    close(suggestion.unit, of("D01"))
    again = suggested_unit(order)
    assert again
    assert again.unit != suggestion.unit


def test_the_administration_says_what_hangs_on_a_unit_and_asks_who_takes_it_over(
    road: Road, as_: Callable[..., Client]
) -> None:
    road.to("handling")
    client, address = as_(Role.ADMINISTRATOR), reverse("admin:workorders_unit_change", args=[road.lead.pk])
    page = client.get(address)
    assert "在办工单: 1" in page.content.decode()
    given: dict[str, Any] = {
        name: getattr(road.lead, f"{name}_id", None) or getattr(road.lead, name, "") or ""
        for name in ("code", "name", "kind", "parent", "area", "sector", "phone")
    }
    refused = client.post(address, given)
    assert "1件" in refused.content.decode()
    assert of(road.lead.code).is_active
    taken = client.post(address, {**given, "successor": of(OTHER_STREET).pk}, follow=True)
    assert of(OTHER_STREET).name in taken.content.decode()
    assert not of(road.lead.code).is_active


def test_an_order_whose_only_reviewer_is_switched_off_is_counted_warned_of_and_handed_over(
    road: Road, cast: Cast
) -> None:
    order = road.to("reported")
    reviewer = cast.of(Role.REVIEWER, road.lead)
    assert not WorkOrder.objects.filter(waiting_for_nobody(), pk=order.pk).exists()
    (gap,) = gaps_of_leaving(reviewer)
    assert (gap.role, gap.orders) == (Role.REVIEWER, 1)
    assert road.lead.name in str(gap)
    User.objects.filter(unit=road.lead, roles__contains=["reviewer"]).update(is_active=False)
    assert WorkOrder.objects.filter(waiting_for_nobody(), pk=order.pk).exists()
    assert "hand_over" in available(order, cast.of(Role.DISPATCHER), road.now)
    assert "hand_over" in available(order, supervisor_of(cast, DISTRICT), road.now)


def test_who_switches_the_last_reviewer_off_is_told_before_and_after(
    road: Road, cast: Cast, as_: Callable[..., Client]
) -> None:
    road.to("reported")
    reviewer, client = cast.of(Role.REVIEWER, road.lead), as_(Role.ADMINISTRATOR)
    address = reverse("admin:workorders_user_change", args=[reviewer.pk])
    warning = f"{road.lead}：1件工单待“审核人”处理"
    assert warning in client.get(address).content.decode()
    typed = {"username": reviewer.username, "unit": road.lead.pk, "roles": ["reviewer"]}
    saved = client.post(address, typed, follow=True)
    assert not User.objects.get(pk=reviewer.pk).is_active
    assert warning in saved.content.decode()


@pytest.mark.parametrize("status", [status for status in Status.values if status not in ("suspended",)])
def test_no_open_order_is_out_of_sight_when_all_people_have_gone(status: str, road: Road) -> None:
    order = road.to(status)
    User.objects.update(is_active=False)
    unseen = status in ("closed", "answered", "declined", "merged", "withdrawn", "archived")
    assert WorkOrder.objects.filter(waiting_for_nobody(), pk=order.pk).exists() != unseen


def test_a_systems_account_that_only_reads_moves_nothing_on(road: Road) -> None:
    from dispatch import clients

    order = road.to("handling")
    User.objects.filter(unit=road.lead).update(is_active=False)
    clients.create(road.lead, ["orders:read"], name="只读")
    assert WorkOrder.objects.filter(waiting_for_nobody(), pk=order.pk).exists()
    clients.create(road.lead, ["orders:read", "orders:handle"], name="办理")
    assert not WorkOrder.objects.filter(waiting_for_nobody(), pk=order.pk).exists()
