"""The first contact: an attempt that reached nobody is none, until there are as many as the policy asks for, apart."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from dispatch.contacts import counted
from tests.api import V1
from tests.roads import Road
from tests.test_calendar import at
from workorders.lifecycle import Role, Status
from workorders.models import Clock, Policy, WorkOrder
from workorders.policy import Rules, default_document, problems_of
from workorders.refusals import WrongState

TRIED = {"way": "unreachable", "text": "拨打无人接听，已发短信"}
HOUR = timedelta(hours=1)


@pytest.fixture
def order(road: Road) -> WorkOrder:
    order = road.to(Status.DISPATCHED)
    road.act(order, "sign")
    return order


def owed(order: WorkOrder) -> bool:
    return Clock.objects.running().filter(order=order, kind="contact").exists()


def test_attempts_far_enough_apart_become_the_contact_and_others_do_not(order: WorkOrder, road: Road) -> None:
    for after, still_owed in ((HOUR, True), (HOUR, True), (2 * HOUR, True), (HOUR, True), (2 * HOUR, False)):
        road.act(order, "contact", after=after, **TRIED)
        assert owed(order) == still_owed, road.now
    assert Clock.objects.get(order=order, kind="contact").outcome == "met"
    assert order.events.filter(step="contact").count() == 5, "each stands in the ledger"


def test_who_is_reached_is_contacted_whatever_was_tried_before(order: WorkOrder, road: Road) -> None:
    road.act(order, "contact", **TRIED)
    assert owed(order)
    road.act(order, "contact")
    assert not owed(order)


def test_an_attempt_alone_lets_no_result_out_of_the_unit(order: WorkOrder, road: Road) -> None:
    road.act(order, "contact", **TRIED)
    with pytest.raises(WrongState), transaction.atomic():
        road.act(order, "report")
    for _ in range(2):
        road.act(order, "contact", after=3 * HOUR, **TRIED)
    road.act(order, "report")


def test_calls_that_are_recorded_later_count_when_they_were_made(order: WorkOrder, road: Road) -> None:
    signed = road.now
    for hours in (1, 4, 7):
        assert owed(order)
        when = (signed + hours * HOUR).isoformat()
        road.act(order, "contact", after=8 * HOUR if hours == 1 else timedelta(minutes=1), when=when, **TRIED)
    assert not owed(order)


def test_a_new_round_begins_to_count_anew(order: WorkOrder, road: Road) -> None:
    for _ in range(2):
        road.act(order, "contact", after=3 * HOUR, **TRIED)
    for step in ("contact", "report", "approve", "rework"):
        road.act(order, step)
    road.act(order, "contact", **TRIED)
    assert owed(order)


def test_in_danger_the_attempts_lie_closer_together(road: Road) -> None:
    order = road.to(Status.DISPATCHED, grade="emergency")
    road.act(order, "sign", after=timedelta(minutes=1))
    for still_owed in (True, True, False):
        road.act(order, "contact", after=timedelta(minutes=3), **TRIED)
        assert owed(order) == still_owed


def test_under_a_rule_book_without_the_rule_the_first_attempt_counts(road: Road) -> None:
    first = Policy.objects.get(version=1)
    document = {name: section for name, section in first.document.items() if name != "contact"}
    in_force = {"effective_from": road.now, "state": Policy.State.APPROVED}
    Policy.objects.create(version=7, title="第7版", document=document, **in_force)
    order = road.to(Status.DISPATCHED)
    road.act(order, "sign")
    assert order.policy.version == 7
    road.act(order, "contact", **TRIED)
    assert not owed(order)


def test_the_form_and_the_api_keep_to_the_same_rule(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.DISPATCHED)
    recent.act(order, "sign")
    handler = as_(Role.HANDLER, recent.lead)
    page = handler.get(f"/orders/{order.number}/steps/contact/")
    rule = str(page.context["form"].fields["way"].help_text)
    assert "3" in rule and rule in page.content.decode().replace("&#x27;", "'")
    answer = handler.post(f"{V1}/workorders/{order.number}/contact/", TRIED, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert owed(order)


COUNTED = [
    ([], []),
    (["10:00"], ["10:00"]),
    (["10:00", "10:01", "12:00"], ["10:00", "12:00"]),
    (["14:00", "10:00", "11:59", "12:00"], ["10:00", "12:00", "14:00"]),
]


@pytest.mark.parametrize(("made", "expected"), COUNTED)
def test_who_calls_again_at_once_has_tried_once(made: list[str], expected: list[str]) -> None:
    def moments(hours: list[str]) -> list[Any]:
        return [at(f"2026-03-10T{hour}") for hour in hours]

    assert counted(moments(made), 2 * HOUR) == moments(expected)


WRONG: list[Any] = ["3", {"attempts": 0, "apart": 0.1}, {"attempts": 3, "apart": 0.6}, {"attempts": 3}]


@pytest.mark.django_db
@pytest.mark.parametrize("section", WRONG)
def test_a_rule_that_makes_no_sense_is_not_entered(section: Any) -> None:
    assert any("contact" in problem for problem in problems_of({**default_document(), "contact": section}))
    assert problems_of(default_document()) == []
    assert Rules(default_document()).contact_attempts == (3, 0.1)
