"""What was merged goes on in one order: everybody stands on its page, however many merges led there."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from evaluation import records
from evaluation.models import Callback
from intake import callers, panels, services
from intake.models import Appeal, Message
from intake.services import Voice
from intake.shown import progress
from tests.roads import Road
from tests.test_perform import refused
from workorders import ledger
from workorders.lifecycle import Role, Status
from workorders.models import User, WorkOrder
from workorders.refusals import Invalid, WrongState
from workorders.transitions import perform

pytestmark = pytest.mark.django_db

TO_CALLBACK = ("accept", "dispatch", "sign", "contact", "report", "approve")


def call_of(road: Road, number: int, **facts: Any) -> WorkOrder:
    return road.register(matter=f"{number}户反映路灯不亮", phone=f"1391111{number:04}", name=f"{number}某", **facts)


def chain(road: Road, length: int, **first: Any) -> list[WorkOrder]:
    """Each merged into the next one."""
    orders = [call_of(road, number, **(first if not number else {})) for number in range(length)]
    for child, parent in pairwise(orders):
        road.act(child, "merge", parent=parent)
    for order in orders:
        order.refresh_from_db()
    return orders


@pytest.fixture
def operator(road: Road) -> User:
    return road.cast.of(Role.OPERATOR)


def test_everybody_stands_on_the_page_of_the_last_order_and_reception_knows_them(road: Road, operator: User) -> None:
    orders = chain(road, 4)
    assert {order.parent for order in orders[:3]} == {orders[3]} and orders[3].parent is None
    assert {appeal.order for appeal in panels.appeals_under(orders[3])} == set(orders)
    for number in range(4):
        caller = callers.of_phone(f"1391111{number:04}", operator)
        assert (caller.total, caller.open, list(caller.orders)) == (1, 1, [orders[3]])
    assert not any(ledger.verify(order) for order in orders)


def test_it_is_the_same_whichever_merge_comes_first(road: Road) -> None:
    a, b, c, d = (call_of(road, number) for number in range(4))
    for child, parent in ((c, d), (a, b), (b, d)):
        road.act(child, "merge", parent=parent)
    assert {appeal.order for appeal in panels.appeals_under(d)} == {a, b, c, d}


def test_a_chain_of_twenty_asks_the_database_as_often_as_one_of_two(as_: Callable[..., Client], recent: Road) -> None:
    client, counts = as_(Role.OPERATOR), []
    for length in (2, 20):
        last = chain(recent, length)[-1]
        client.get(f"/orders/{last.number}/")
        with CaptureQueriesContext(connection) as queries:
            page = client.get(f"/orders/{last.number}/").content.decode()
        counts.append(len(queries))
        assert page.count('class="voice"') == length
        with CaptureQueriesContext(connection) as queries:
            callers.of_phone("13911110000", recent.cast.of(Role.OPERATOR))
        counts.append(len(queries))
    assert counts[:2] == counts[2:]


def test_an_archived_merge_is_a_merge_still(road: Road, operator: User) -> None:
    child, parent = chain(road, 2)
    road.act(child, "archive")
    caller = callers.of_phone("13911110000", operator)
    assert list(caller.orders) == [parent]


# No circles


def test_nothing_is_merged_in_a_circle_into_itself_or_into_what_was_merged(road: Road, english: None) -> None:
    a, b, c = chain(road, 3)
    for child, parent in ((c, a), (c, b), (c, c)):
        problem = refused(Invalid, child, "merge", actor=road.cast.of(Role.OPERATOR), now=road.now, parent=parent)
        assert set(problem.fields) == {"parent"}
    problem = refused(
        Invalid, call_of(road, 9), "merge", actor=road.cast.of(Role.OPERATOR), now=road.now, parent=a.number
    )
    assert c.spoken_number in problem.fields["parent"][0], "says where it goes on"


def test_the_database_refuses_chains_and_circles_whoever_writes_them(road: Road) -> None:
    a, b, c = (call_of(road, number) for number in range(3))
    for pairs in ([(a, a)], [(a, b), (b, a)], [(a, b), (b, c)], [(a, b), (b, c), (c, a)]):
        with pytest.raises(IntegrityError), transaction.atomic():
            for child, parent in pairs:
                WorkOrder.objects.filter(pk=child.pk).update(parent=parent)
            connection.check_constraints()
    WorkOrder.objects.filter(pk=a.pk).update(parent=b)
    WorkOrder.objects.filter(pk=b.pk).update(parent=c)
    WorkOrder.objects.filter(pk=a.pk).update(parent=c)
    connection.check_constraints()


# Nobody is lost


def test_the_earliest_wish_of_all_is_when_the_callback_is_made(road: Road) -> None:
    wishes = [road.now + timedelta(days=days) for days in (6, 5)]
    *_merged, c = chain(road, 3, call_back_at=wishes[1])
    services.add_to(
        c, Voice("再补充一句", phone="13911119999", call_back_at=wishes[0]), actor=road.cast.of(Role.OPERATOR)
    )
    for step in TO_CALLBACK:
        road.act(c, step)
    assert records.open_callback(c, now=road.now).next_attempt_at == wishes[1]


@pytest.mark.parametrize("way", ["merge", "add"])
def test_a_wish_that_comes_while_the_callback_waits_moves_it(way: str, road: Road) -> None:
    order = road.to(Status.CALLBACK)
    callback, wish = records.open_callback(order, now=road.now), road.now + timedelta(days=1)
    assert callback.next_attempt_at is None
    if way == "merge":
        road.act(call_of(road, 1, call_back_at=wish), "merge", parent=order)
    else:
        voice = Voice("请明天再打", phone="13911110001", call_back_at=wish)
        services.add_to(order, voice, actor=road.cast.of(Role.OPERATOR), now=road.now)
    assert Callback.objects.get(pk=callback.pk).next_attempt_at == wish


@pytest.mark.parametrize("step", ["answer", "decline"])
def test_the_reply_reaches_everybody_who_cannot_hear_it(step: str, road: Road) -> None:
    last = chain(road, 3)[-1]
    road.act(last, step)
    assert {message.complainant.phone for message in Message.objects.all()} == {"13911110000", "13911110001"}


def test_each_is_written_to_once_under_the_number_they_know(road: Road) -> None:
    orders = chain(road, 3)
    again = call_of(road, 0)
    road.act(again, "merge", parent=orders[2])
    road.act(orders[2], "ask_correction")
    texts = {message.complainant.phone: message.text for message in Message.objects.filter(order=orders[2])}
    assert sorted(texts) == ["13911110000", "13911110001", "13911110002"]
    for number, order in enumerate(orders):
        assert order.spoken_number in texts[f"1391111{number:04}"]
    perform(orders[2].pk, "lapse_correction", actor=None, now=road.now, reason="逾期未补正")
    closing = Message.objects.filter(kind="lapse")
    assert closing.count() == 3


def test_what_others_asked_for_too_is_not_taken_back_by_one(road: Road, english: None) -> None:
    last = chain(road, 3)[-1]
    problem = refused(
        WrongState, last, "withdraw", actor=road.cast.of(Role.OPERATOR), now=road.now, reason="诉求人主动撤回"
    )
    assert "Others asked for the same" in str(problem.message)
    mine, again = call_of(road, 7), call_of(road, 7)
    road.act(again, "merge", parent=mine)
    road.act(mine, "withdraw")
    assert WorkOrder.objects.get(pk=mine.pk).status == Status.WITHDRAWN


def test_a_channel_follows_what_was_merged_to_its_end(road: Road, operator: User) -> None:
    child, parent = call_of(road, 0, source="app", source_id="1"), call_of(road, 1)
    road.act(child, "merge", parent=parent)
    followed = progress(Appeal.objects.get(order=child))
    assert (followed["number"], followed["title"], followed["status"]) == (child.number, child.title, Status.REGISTERED)
    for step in (*TO_CALLBACK, "close"):
        road.act(parent, step)
    followed = progress(Appeal.objects.get(order=child))
    assert (followed["status"], followed["lead_unit"]) == (Status.CLOSED, road.lead.code)
    assert followed["answer"] and followed["ended_at"]
    assert [stage["status"] for stage in followed["stages"]][:3] == ["registered", "merged", "accepted"]


def test_what_is_said_of_a_merged_order_is_said_of_the_last_one(road: Road, operator: User) -> None:
    child, _between, last = chain(road, 3)
    appeal = services.add_to(child, Voice("又坏了一盏", phone="13911110000"), actor=operator, now=road.now)
    assert (appeal.order, last.events.latest("number").step) == (last, "note")
    services.urge(child, actor=operator, now=road.now)
    assert last.events.latest("number").step == "urge"


# Finding it again


@pytest.mark.parametrize("which", [0, 1])
def test_the_number_of_a_merged_order_leads_to_where_it_goes_on(
    which: int, as_: Callable[..., Client], recent: Road
) -> None:
    orders, client = chain(recent, 3), as_(Role.OPERATOR)
    answer = client.post("/orders/", {"q": orders[which].number, "view": "all"}, follow=True)
    assert answer.request["PATH_INFO"] == f"/orders/{orders[2].number}/"
    assert orders[which].spoken_number in answer.content.decode()
    page = client.get(f"/orders/{orders[which].number}/").content.decode()
    assert f'href="/orders/{orders[2].number}/"' in page


def test_the_telephone_of_who_was_merged_leads_to_where_it_goes_on(as_: Callable[..., Client], recent: Road) -> None:
    orders = chain(recent, 3)
    client = as_(Role.OPERATOR)
    page = client.get(client.post("/orders/", {"q": "13911110000"})["Location"]).content.decode()
    assert f"/orders/{orders[2].number}/" in page


def test_a_unit_that_does_not_see_the_last_order_stays_where_it_is(as_: Callable[..., Client], recent: Road) -> None:
    child, parent = recent.to(Status.HANDLING), call_of(recent, 1)
    WorkOrder.objects.filter(pk=child.pk).update(parent=parent)
    answer = as_(Role.HANDLER, recent.lead).post("/orders/", {"q": child.number, "view": "all"}, follow=True)
    assert answer.request["PATH_INFO"] == f"/orders/{child.number}/"
