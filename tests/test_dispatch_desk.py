"""The dispatch desk: the queue, whom it suggests, alike orders together, requests to decide, and whose time was lost."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from dispatch import queue, request_desk
from dispatch.models import Assignment, Notice, Responsibility
from dispatch.selectors import WrongDispatch, wrong_dispatch
from dispatch.suggestions import candidates
from tests.media import PNG
from tests.queries import queries_of
from tests.roads import Road
from tests.test_calendar import at
from tests.test_lifecycle import picture
from workorders import leases
from workorders.lifecycle import Role, Status
from workorders.models import Lease, Unit, User, WorkOrder
from workorders.refusals import Invalid
from workorders.transitions import perform

DESK = "/dispatch/"


def second(role: Role = Role.DISPATCHER) -> User:
    city = Unit.objects.get(kind=Unit.Kind.CITY)
    return User.objects.create(username=f"second-{role}", roles=[role], unit=city)


def numbers(orders: list[WorkOrder]) -> list[str]:
    return [order.number for order in orders]


# The queue


def test_the_queue_goes_by_grade_and_then_by_deadline(road: Road) -> None:
    first, later = road.to(Status.ACCEPTED), road.to(Status.ACCEPTED)
    complex_, emergency = (road.to(Status.ACCEPTED, grade=grade) for grade in ("complex", "emergency"))
    utility, _sent = road.to(Status.ACCEPTED, grade="utility"), road.to(Status.DISPATCHED)
    user = road.cast.of(Role.DISPATCHER)
    assert queue.rows(user) == [emergency, utility, first, later, complex_]


def test_within_a_grade_the_green_channel_goes_before_an_earlier_deadline_and_danger_before_both(road: Road) -> None:
    plain, elderly, other = (road.to(Status.ACCEPTED, green_channel=green) for green in ("", "elderly", ""))
    disabled, danger = road.to(Status.ACCEPTED, green_channel="disabled"), road.to(Status.ACCEPTED, grade="emergency")
    road.act(road.register(green_channel="other"), "merge", parent=other)
    user = road.cast.of(Role.DISPATCHER)
    found = queue.rows(user)
    assert found == [danger, elderly, other, disabled, plain]
    assert [order.green for order in found] == [False, True, True, True, False]  # type: ignore[attr-defined]
    users = [user, *(User.objects.create(username=f"g{n}", roles=user.roles, unit=user.unit) for n in range(4))]
    assert [queue.next_one(one, now=road.now) for one in users] == found
    for order in found[:0:-1]:
        road.act(order, "dispatch")
        road.act(order, "request_return")
    assert [one.order for one in request_desk.rows(user)] == [disabled, other, elderly, plain]


def test_the_queue_says_who_goes_by_the_green_channel(as_: Callable, recent: Road) -> None:
    client = as_(Role.DISPATCHER)
    recent.to(Status.ACCEPTED)
    assert "绿色通道" not in client.get(f"{DESK}queue/").content.decode()
    recent.to(Status.ACCEPTED, green_channel="elderly")
    assert client.get(f"{DESK}queue/").content.decode().count("绿色通道") == 1


@pytest.mark.django_db
def test_the_queue_is_read_by_indexes_however_much_is_stored() -> None:
    orders = queue.sorted_by_need(WorkOrder.objects.filter(status__in=queue.WAITING), "dispatch")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_hashjoin = off")
        plan = orders[: queue.SHOWN].explain()
    assert "order_by_status" in plan
    assert "Seq Scan" not in plan, plan


def test_everybody_gets_an_order_of_their_own_and_keeps_it(road: Road) -> None:
    orders = [road.to(Status.ACCEPTED) for _ in range(2)]
    one, other = road.cast.of(Role.DISPATCHER), second()
    assert [queue.next_one(user, now=road.now) for user in (one, other, one)] == [*orders, orders[0]]
    third = User.objects.create(username="third", roles=[Role.DISPATCHER], unit=one.unit)
    assert queue.next_one(third, now=road.now) is None
    ended = road.now + leases.LASTS + timedelta(seconds=1)
    assert queue.next_one(third, now=ended) == orders[0], "a lease ends by itself"


def test_who_chooses_another_order_lets_go_of_the_first(road: Road) -> None:
    first, chosen = road.to(Status.ACCEPTED), road.to(Status.ACCEPTED)
    user = road.cast.of(Role.DISPATCHER)
    queue.next_one(user, now=road.now)
    assert queue.take(chosen, user, now=road.now)
    assert queue.next_one(user, now=road.now) == chosen
    assert not queue.take(chosen, second(), now=road.now)
    assert list(Lease.objects.values_list("order", flat=True)) == [chosen.pk]
    assert queue.next_one(User.objects.get(username="second-dispatcher"), now=road.now) == first


MEETINGS: list[tuple[dict[str, str], bool, bool, bool]] = [
    # held at, all have answered, a day later and the hour over → it is somebody's turn
    ({}, False, False, False),
    ({}, False, True, True),
    ({}, True, False, True),
    ({"held_at": "2026-03-11T15:00"}, True, False, False),
    ({"held_at": "2026-03-11T15:00"}, False, True, True),
]


@pytest.mark.parametrize(("held", "answered", "over", "turn"), MEETINGS)
def test_an_order_in_a_meeting_is_nobodys_next_before_it_was_heard(
    held: dict[str, str], answered: bool, over: bool, turn: bool, road: Road
) -> None:
    order, user = road.to(Status.ACCEPTED), road.cast.of(Role.DISPATCHER)
    road.act(order, "consult", **held, participants=[road.co_unit])
    if answered:
        road.act(order, "opine")
    now = at("2026-03-11T15:01") if over else road.now
    assert queue.next_one(user, now=now) == (order if turn else None)
    assert queue.rows(user) == [order], "it stands in the queue all the same"
    Lease.objects.all().delete()
    assert leases.next_for(user, now=now) == (order if turn else None), "the list gives what the desk gives"
    participant = road.cast.of(Role.HANDLER, road.co_unit)
    Lease.objects.all().delete()
    assert leases.next_for(participant, now=now) == (None if answered else order), "the meeting waits for them"


def test_the_desk_opens_on_the_next_order_and_goes_on_after_the_dispatch(as_: Callable, recent: Road) -> None:
    orders = [recent.to(Status.ACCEPTED) for _ in range(2)]
    client = as_(Role.DISPATCHER)
    for order in orders:
        page = client.get(DESK, follow=True).content.decode()
        assert f"/orders/{order.number}/steps/dispatch/?next=/dispatch/" in page
        for words in (order.matter, "138****1234", order.category.name):  # type: ignore[union-attr]
            assert words in page
        sent = {"version": order.version, "next": DESK, "lead": "J110105009", "copy_to_district": "on"}
        response = client.post(f"/orders/{order.number}/steps/dispatch/", sent)
        assert (response.status_code, response["Location"]) == (303, DESK)
    assert "inbox" in client.get(DESK, follow=True).content.decode()
    assert not Lease.objects.exists()


def test_a_chosen_order_says_who_has_it_and_one_that_is_gone_says_so(as_: Callable, recent: Road) -> None:
    order, gone = recent.to(Status.ACCEPTED), recent.to(Status.DISPATCHED)
    leases.take(order, second(), now=timezone.now())
    client = as_(Role.DISPATCHER)
    assert "second-dispatcher" in client.get(f"{DESK}{order.number}/").content.decode()
    page = client.get(f"{DESK}{gone.number}/").content.decode()
    assert "steps/dispatch/" not in page
    assert client.get(f"{DESK}2603100000017/").status_code == 404


ADDRESSES = [
    DESK,
    f"{DESK}queue/",
    f"{DESK}requests/",
    f"{DESK}requests/queue/",
    f"{DESK}requests/1/",
    f"{DESK}1/",
    f"{DESK}1/alike/",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_desk_is_the_dispatchers_alone(address: str, as_: Callable, road: Road) -> None:
    someone = User.objects.create(username="x", roles=[Role.DISPATCHER, Role.HANDLER], unit=road.lead)
    elsewhere = Client()
    elsewhere.force_login(someone)
    clients = [as_(Role.OPERATOR), as_(Role.SUPERVISOR), as_(Role.HANDLER, road.lead), elsewhere]
    assert [client.get(address).status_code for client in clients] == [403] * 4
    assert Client().get(address).status_code == 302


def test_the_desk_asks_no_more_for_a_longer_queue(as_: Callable, recent: Road) -> None:
    client, order = as_(Role.DISPATCHER), recent.to(Status.ACCEPTED)
    alike, chosen = f"{DESK}{order.number}/alike/", f"{DESK}{order.number}/"
    asked: list[list[int]] = []
    for _ in range(2):
        for _ in range(5):
            recent.to(Status.ACCEPTED)
            recent.act(recent.to(Status.HANDLING), "request_extension")
        request = client.get(f"{DESK}requests/", follow=True).request["PATH_INFO"]
        addresses = [chosen, alike, f"{DESK}queue/", request, f"{DESK}requests/queue/"]
        asked.append([queries_of(client, address) for address in addresses])
    assert asked[0] == asked[1]
    assert max(asked[0]) <= 24


@pytest.mark.usefixtures("committed")
def test_two_who_ask_at_once_get_different_orders(recent: Road) -> None:
    orders = [recent.to(Status.ACCEPTED) for _ in range(2)]
    users, barrier, got = [recent.cast.of(Role.DISPATCHER), second()], Barrier(2), []

    def ask(user: User) -> None:
        barrier.wait()
        got.append(queue.next_one(user, now=recent.now))
        connection.close()

    threads = [Thread(target=ask, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {order.pk for order in got if order} == {order.pk for order in orders}


# Whom it suggests


def test_the_catalogues_unit_comes_first_and_each_unit_once_with_its_reason(road: Road) -> None:
    for _ in range(2):
        road.act(road.to(Status.ACCEPTED), "dispatch", lead=road.stranger)
    order, user = road.to(Status.ACCEPTED), road.cast.of(Role.DISPATCHER)
    found = candidates(order, user, now=road.now)
    assert [one.unit for one in found][:2] == [road.lead, road.stranger]
    assert len({one.unit for one in found}) == 3
    assert found[0].basis == Responsibility.objects.get(category=order.category, area=None).basis
    assert "2" in found[1].why
    later = candidates(order, user, now=road.now + timedelta(days=91))
    assert road.stranger not in [one.unit for one in later], "what is long ago says nothing"
    sector = Unit.objects.get(sector=order.category.sector)  # type: ignore[union-attr]
    assert [one.unit for one in later] == [road.lead, sector, Unit.objects.get(code="Q110105")]


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        (["J110105009 北京市朝阳区人民政府亚运村街道办事处", ""], "J110105009"),
        (["J110105009 北京市朝阳区人民政府亚运村街道办事处", "D01"], "D01"),
        (["D01", "J110105009 北京市朝阳区人民政府亚运村街道办事处"], "J110105009"),
    ],
)
def test_a_unit_is_chosen_or_typed(lead: list[str], expected: str, as_: Callable, recent: Road) -> None:
    order = recent.to(Status.ACCEPTED)
    as_(Role.DISPATCHER).post(f"/orders/{order.number}/steps/dispatch/", {"version": order.version, "lead": lead})
    order.refresh_from_db()
    assert order.lead_unit is not None
    assert order.lead_unit.code == expected


def test_a_form_with_nobody_chosen_asks_for_a_unit(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.ACCEPTED)
    before = picture(order)
    response = as_(Role.DISPATCHER).post(f"/orders/{order.number}/steps/dispatch/", {"lead": ["", ""]})
    assert response.status_code == 400
    assert picture(order) == before


# 双派单

COPIES: list[tuple[dict[str, Any], bool]] = [
    ({"lead": "J110105009"}, True),
    ({"lead": "J110105009", "copy_to_district": True}, True),
    ({"lead": "J110105009", "copy_to_district": False}, False),
    ({"lead": "J110105009", "co_handling": ["Q110105"]}, False),
    ({"lead": "Q110105"}, False),
    ({"lead": "D01"}, False),
]


@pytest.mark.parametrize(("given", "copied"), COPIES)
def test_what_goes_to_a_street_directly_is_copied_to_its_district(
    given: dict[str, Any], copied: bool, road: Road
) -> None:
    order, district = road.to(Status.ACCEPTED), Unit.objects.get(code="Q110105")
    handler = road.cast.of(Role.HANDLER, district)
    event = road.act(order, "dispatch", **{"co_handling": [], **given})
    copies = Assignment.objects.filter(order=order, part="supervising")
    assert list(copies.values_list("unit__code", flat=True)) == (["Q110105"] if copied else [])
    assert (event.data.get("copied_to", "").split(" ")[0] == "Q110105") == copied
    assert "copy_to_district" not in event.data
    assert Notice.objects.filter(user=handler, key=f"copy {event.pk}").exists() == copied
    assert (
        not order.clocks.filter(unit=district, kind="signing").exists() or given["lead"] != "J110105009" or not copied
    )


def test_a_district_that_a_street_does_not_stand_under_sees_what_was_copied_to_it_and_acts_on_nothing(
    road: Road,
) -> None:
    street = Unit.objects.get(code="J110105009")
    street.parent = road.cast.city
    street.save()
    order, handler = road.to(Status.ACCEPTED), road.cast.of(Role.HANDLER, road.co_unit)
    road.act(order, "dispatch", co_handling=[])
    assert WorkOrder.objects.visible_to(handler).get() == order
    road.act(order, "recall")
    assert not WorkOrder.objects.visible_to(handler).exists()


# Alike orders together


def ticked(orders: list[WorkOrder], **more: Any) -> dict[str, Any]:
    return {"order": [f"{one.number}-{one.version}" for one in orders], "lead": "J110105009", **more}


def statuses(orders: list[WorkOrder]) -> list[str]:
    return [WorkOrder.objects.get(pk=order.pk).status for order in orders]


def test_alike_orders_go_together_and_each_refused_one_says_why(as_: Callable, recent: Road) -> None:
    orders = [recent.to(Status.ACCEPTED) for _ in range(5)]
    stale, taken, gone = orders[2:]
    typed = ticked(orders, instructions="请统一核查", copy_to_district="on")
    recent.act(stale, "note")
    leases.take(taken, second(), now=timezone.now())
    recent.act(gone, "dispatch", lead=recent.stranger)
    before = [picture(order) for order in orders[2:]]
    page = as_(Role.DISPATCHER).post(f"{DESK}{orders[0].number}/alike/", typed)
    assert statuses(orders) == ["dispatched", "dispatched", "accepted", "accepted", "dispatched"]
    assert [picture(order) for order in orders[2:]] == before
    text = page.content.decode()
    assert text.count('class="sent"') == 2
    assert text.count('class="refused"') == 3
    assert "second-dispatcher" in text
    leads = Assignment.objects.filter(order__in=orders[:2], part="lead")
    assert {one.instructions for one in leads} == {"请统一核查"}


@pytest.mark.parametrize("wrong", [{"lead": "X999"}, {"order": []}, {"order": ["x-1"]}, {"order": ["2603100000017-x"]}])
def test_a_bulk_that_makes_no_sense_sends_nothing(wrong: dict[str, Any], as_: Callable, recent: Road) -> None:
    orders = [recent.to(Status.ACCEPTED) for _ in range(2)]
    as_(Role.DISPATCHER).post(f"{DESK}{orders[0].number}/alike/", {**ticked(orders), **wrong})
    assert statuses(orders) == ["accepted", "accepted"]


def test_alike_means_the_same_category_and_area(recent: Road) -> None:
    order, alike = recent.to(Status.ACCEPTED), recent.to(Status.ACCEPTED)
    district = recent.street.parent
    recent.to(Status.ACCEPTED, area=district)
    recent.to(Status.DISPATCHED)
    assert queue.alike_rows(recent.cast.of(Role.DISPATCHER), order) == [order, alike]


# Requests to decide


def asking(road: Road, kind: str = "return", **facts: Any) -> WorkOrder:
    order = road.to(Status.HANDLING, **facts)
    road.act(order, f"request_{kind}")
    return order


def test_requests_stand_by_grade_and_deadline_and_are_decided_one_after_the_other(as_: Callable, recent: Road) -> None:
    later, urgent = asking(recent), asking(recent, grade="emergency")
    user = recent.cast.of(Role.DISPATCHER)
    assert [one.order for one in request_desk.rows(user)] == [urgent, later]
    client = as_(Role.DISPATCHER)
    for order, verb in ((urgent, "refuse"), (later, "grant")):
        page = client.get(f"{DESK}requests/", follow=True).content.decode()
        assert f"/orders/{order.number}/steps/grant_return/?next=/dispatch/requests/" in page
        decided = {"version": order.version, "reason": "经核对", "next": f"{DESK}requests/"}
        response = client.post(f"/orders/{order.number}/steps/{verb}_return/", decided)
        assert response["Location"] == f"{DESK}requests/"
    assert statuses([urgent, later]) == ["handling", "accepted"]
    assert request_desk.rows(user) == []


def test_an_open_desk_hears_of_new_requests_and_of_how_much_waits(as_: Callable, recent: Road) -> None:
    client, first = as_(Role.DISPATCHER), asking(recent)
    page = client.get(f"{DESK}requests/", follow=True).content.decode()
    renewed = re.search(r'hx-get="([^"]+/requests/queue/[^"]*)"', page)
    assert renewed
    later = asking(recent)
    queue_now = client.get(renewed[1]).content.decode()
    for order in (first, later):
        pk = order.requests.get().pk  # type: ignore[attr-defined]
        assert f'id="request-{pk}"' in queue_now
    assert queue_now.count("aria-current") == 1, "what is open stays marked"
    assert re.search(r'id="waiting-requests" hx-swap-oob="true">2<', queue_now)
    assert re.search(r'id="waiting-orders" hx-swap-oob="true">0<', client.get(f"{DESK}queue/").content.decode())


def test_both_sides_words_the_files_the_counts_and_the_rule_stand_side_by_side(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.ACCEPTED)
    recent.act(order, "dispatch", lead=recent.stranger, instructions="请今日到场核查")
    recent.act(order, "request_return", reason="不在我街道")
    recent.act(order, "grant_return", reason="同意改派")
    recent.act(order, "dispatch", instructions="请亚运村街道核查")
    proof = SimpleUploadedFile("四至图.png", PNG, "image/png")
    recent.act(order, "request_return", reason="道路属区管", files=[proof])
    page = as_(Role.DISPATCHER).get(f"{DESK}requests/", follow=True).content.decode()
    for words in ("请亚运村街道核查", "道路属区管", "四至图.png", "不在我街道", "同意改派"):
        assert words in page, words
    assert "call a joint meeting and designate" in page or "召开联席会议" in page, (
        "the second return of two is the last"
    )


def test_a_request_that_was_decided_meanwhile_says_so(as_: Callable, recent: Road) -> None:
    order = asking(recent)
    pk = order.requests.get().pk  # type: ignore[attr-defined]
    recent.act(order, "refuse_return")
    assert "steps/grant_return" not in as_(Role.DISPATCHER).get(f"{DESK}requests/{pk}/").content.decode()


# Whose time was lost (B03)


def wrongly(road: Road, moment: str, hours: float, by: User, **facts: Any) -> WorkOrder:
    """Dispatched at this moment by this dispatcher, and back after so many hours."""
    road.now = at(moment)
    order = road.register(**facts)
    road.act(order, "accept", after=timedelta(0))
    event = perform(order.pk, "dispatch", actor=by, now=road.now, **road.needs("dispatch", order))
    order.__dict__.update(event.order.__dict__)
    road.act(order, "recall", after=timedelta(hours=hours))
    return order


def test_what_wrong_dispatches_took_is_told_by_dispatcher_and_day(road: Road) -> None:
    one, other = road.cast.of(Role.DISPATCHER), second()
    for moment, hours, by in (
        ("2026-03-10T10:00", 2, one),
        ("2026-03-10T11:00", 0.5, one),
        ("2026-03-10T23:30", 1, other),
        ("2026-03-12T09:00", 3, one),
    ):
        wrongly(road, moment, hours, by)
    road.to(Status.CALLBACK)
    told = wrong_dispatch(at("2026-03-10T00:00"), at("2026-03-12T00:00"))
    assert told == [
        WrongDispatch(one.pk, date(2026, 3, 10), 2, timedelta(hours=2.5)),
        WrongDispatch(other.pk, date(2026, 3, 11), 1, timedelta(hours=1)),
    ]


def test_a_unit_that_hands_down_takes_nothing_off_the_dispatchers_time(road: Road) -> None:
    order = road.to(Status.HANDLING)
    since: datetime = Assignment.objects.get(order=order, part="lead").assigned_at
    road.act(order, "assign_down", after=timedelta(hours=2))
    road.act(order, "recall", after=timedelta(hours=1))
    lost = {
        one.unit.code: one.lost for one in Assignment.objects.filter(order=order, part="lead").select_related("unit")
    }
    assert lost == {road.lead.code: None, road.below.code: road.now - since}


def test_order_page_and_desk_say_what_was_lost(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.DISPATCHED)
    recent.act(order, "recall", after=timedelta(hours=2, minutes=10))
    client = as_(Role.DISPATCHER)
    for address in (f"/orders/{order.number}/", f"{DESK}{order.number}/"):
        page = client.get(address).content.decode()
        assert "2小时10分" in page[page.index('class="lost"') :][:1500]


def test_the_figure_is_found_by_its_index(road: Road) -> None:
    wrongly(road, "2026-03-10T10:00", 2, road.cast.of(Role.DISPATCHER))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        wrong = Assignment.objects.filter(Q(part="lead", end__in=["returned", "recalled"]))
        assert "assignment_wrong" in wrong.filter(ended_at__gte=at("2026-03-10T00:00")).order_by().explain()


def test_designating_asks_for_the_conclusion(road: Road) -> None:
    order = road.to(Status.CONSULTING)
    with pytest.raises(Invalid) as caught, transaction.atomic():
        road.act(order, "designate", reason=" ")
    assert set(caught.value.fields) == {"reason"}
