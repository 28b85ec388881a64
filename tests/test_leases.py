"""No two people begin the same work: the next one is given to one of them, and a page says who else is there."""

import html
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from config.cast import Cast
from tests.roads import Road
from workorders import leases, presence
from workorders.lifecycle import Role
from workorders.models import Lease, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def dispatchers(cast: Cast) -> list[User]:
    first = cast.of(Role.DISPATCHER)
    others = [User(username=f"dispatcher-{n}", unit=first.unit, roles=[Role.DISPATCHER]) for n in range(8)]
    return [first, *User.objects.bulk_create(others)]


def test_each_is_given_the_most_pressing_order_that_nobody_has(road: Road, dispatchers: list[User]) -> None:
    late = road.to("accepted")
    later = road.to("accepted")
    danger = road.to("accepted", grade="emergency")
    given = [leases.next_for(user, now=road.now) for user in dispatchers[:4]]
    assert given == [danger, late, later, None]


def test_who_asks_again_gets_another_one(road: Road, dispatchers: list[User]) -> None:
    orders = [road.to("accepted"), road.to("accepted")]
    assert [leases.next_for(dispatchers[0], now=road.now) for _time in range(3)] == [*orders, None]


def test_a_lease_ends_by_itself_and_is_renewed_by_who_is_there(road: Road, dispatchers: list[User]) -> None:
    order, (first, second) = road.to("accepted"), dispatchers[:2]
    almost, over = road.now + leases.LASTS - timedelta(seconds=1), road.now + leases.LASTS
    leases.next_for(first, now=road.now)
    assert leases.next_for(second, now=almost) is None
    leases.renew(order.pk, first, now=almost)
    assert leases.next_for(second, now=over) is None
    leases.renew(order.pk, second, now=over)
    assert leases.next_for(second, now=almost + leases.LASTS) == order
    assert not leases.take(order, first, now=almost + leases.LASTS)
    assert Lease.objects.get().user == second


def test_nobody_is_given_what_is_not_for_them(road: Road, cast: Cast) -> None:
    road.to("accepted")
    for user in (cast.of(Role.CALLBACK_AGENT), cast.of(Role.HANDLER, road.lead), cast.of(Role.AUDITOR)):
        assert leases.next_for(user, now=road.now) is None
    assert not Lease.objects.exists()


def test_the_step_that_it_was_taken_for_ends_the_lease(road: Road, dispatchers: list[User]) -> None:
    order = road.to("accepted")
    leases.next_for(dispatchers[0], now=road.now)
    road.act(order, "note")
    assert Lease.objects.exists(), "a note is not the work itself"
    road.act(order, "dispatch")
    assert not Lease.objects.exists()


def test_nine_who_ask_at_once_get_nine_orders(committed: None) -> None:
    road = Road(Cast(), timezone.now() - timedelta(hours=1))
    first = road.cast.of(Role.DISPATCHER)
    orders = {road.to("accepted").pk for _number in range(9)}
    users = [User.objects.create(username=f"d{n}", unit=first.unit, roles=[Role.DISPATCHER]) for n in range(9)]
    start = threading.Barrier(9)

    def ask(user: User) -> int | None:
        try:
            start.wait(10)
            found = leases.next_for(user, now=road.now)
            return found.pk if found else None
        finally:
            connection.close()

    with ThreadPoolExecutor(9) as pool:
        given = list(pool.map(ask, users))
    assert set(given) == orders


def page_as(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_button_leads_to_the_order_and_without_one_back_to_the_list(recent: Road, dispatchers: list[User]) -> None:
    order = recent.to("accepted")
    first, second = map(page_as, dispatchers[:2])
    assert 'id="next-order"' in first.get("/orders/").content.decode()
    assert first.post("/orders/next/")["Location"] == f"/orders/{order.number}/"
    assert second.post("/orders/next/")["Location"] == "/orders/"
    assert "暂无需要您处理" in second.get("/orders/").content.decode()
    assert first.get("/orders/next/").status_code == 405


def watch_address(page: str) -> str:
    found = re.search(r'hx-get="([^"]+changed[^"]+)"', page)
    assert found is not None
    return html.unescape(found[1])


def test_a_page_says_who_has_taken_the_order_and_who_looks_at_it(recent: Road, dispatchers: list[User]) -> None:
    order, (first, second) = recent.to("accepted"), dispatchers[:2]
    one, two = page_as(first), page_as(second)
    watch = watch_address(one.get(f"/orders/{order.number}/").content.decode())
    assert one.get(watch).status_code == 204, "nobody else is here"
    two.get(f"/orders/{order.number}/")
    told = one.get(watch).content.decode()
    assert str(second) in told
    assert one.get(watch_address(told)).status_code == 204, "the same is not told twice"
    leases.take(order, second, now=timezone.now())
    assert "已认领" in one.get(watch_address(told)).content.decode()
    assert "已认领" not in two.get(f"/orders/{order.number}/").content.decode(), "who has it knows"


def test_who_has_gone_is_not_here_any_more(dispatchers: list[User]) -> None:
    now, (first, second) = timezone.now(), dispatchers[:2]
    assert presence.others(1, first, now=now) == []
    assert presence.others(1, second, now=now) == [str(first)]
    assert presence.others(1, second, now=now + timedelta(seconds=presence.GONE_AFTER + 1)) == []


def test_without_redis_the_page_is_there_and_nobody_is_said_to_be(
    recent: Road, dispatchers: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "address", lambda: "redis://127.0.0.1:1/0")
    order = recent.to("accepted")
    assert page_as(dispatchers[0]).get(f"/orders/{order.number}/").status_code == 200
    assert presence.others(order.pk, dispatchers[0], now=timezone.now()) == []
