"""The pages of the list: no order twice and none passed over, whatever comes, moves or leaves while somebody turns them."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.roads import Road
from workorders import selectors
from workorders.lifecycle import Role
from workorders.models import Clock, WorkOrder
from workorders.pages import page_after, page_before, place_at, stretches
from workorders.refusals import Invalid

pytestmark = pytest.mark.django_db
SORTS = ("newest", "deadline")


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "PAGE_SIZE", 4)


class Reader:
    """Turns the pages of the list by its links, as a person does."""

    def __init__(self, client: Client, **query: str) -> None:
        self.client, self.query = client, query
        self.open("/orders/")

    def open(self, address: str) -> None:
        self.address = address
        answer = self.client.get(address, self.query if "?" not in address else None)
        self.page, self.listing = answer.content.decode(), answer.context["listing"]
        self.numbers = [order.number for order in self.listing.orders]

    def link(self, rel: str) -> str:
        link = re.search(rf'rel="{rel}"\s+href="([^"]*)"', self.page)
        return f"/orders/{html.unescape(link[1])}" if link else ""

    def rest(self) -> list[str]:
        """All that is on this page and on those behind it."""
        numbers = list(self.numbers)
        while self.link("next"):
            self.open(self.link("next"))
            numbers += self.numbers
        return numbers


def some(road: Road) -> list[WorkOrder]:
    """Orders with and without deadlines, some of them the same, some paused."""
    orders = [road.register(matter=f"第 {n} 件") for n in range(11)]
    for order in orders[::4]:
        road.act(order, "accept")
    for order in orders[3:7:3]:
        road.act(order, "ask_correction")
    for order in orders[5:8:2]:
        road.act(order, "withdraw")
    return orders


@pytest.mark.parametrize("sort", SORTS)
def test_the_pages_hold_every_order_once_in_the_order_of_the_list(sort: str, as_: Callable, recent: Road) -> None:
    some(recent)
    client = as_(Role.SUPERVISOR)
    user = recent.cast.of(Role.SUPERVISOR)
    listed = selectors.listed(user, {"view": "all", "sort": sort}, now=recent.now)
    reader = Reader(client, view="all", sort=sort)
    assert reader.rest() == [order.number for order in listed]
    assert "next" not in reader.link("next")


@pytest.mark.parametrize("sort", SORTS)
def test_previous_leads_through_the_same_pages_back_to_the_first(sort: str, as_: Callable, recent: Road) -> None:
    some(recent)
    reader, there = Reader(as_(Role.SUPERVISOR), view="all", sort=sort), []
    while reader.link("next"):
        there.append(reader.numbers)
        reader.open(reader.link("next"))
    for numbers in reversed(there):
        reader.open(reader.link("prev"))
        assert reader.numbers == numbers
    assert not reader.link("prev") and reader.listing.page == 1


@pytest.mark.parametrize("sort", SORTS)
def test_orders_that_come_in_push_none_onto_the_next_page_again(sort: str, as_: Callable, recent: Road) -> None:
    there = {order.number for order in some(recent)}
    reader = Reader(as_(Role.SUPERVISOR), view="all", sort=sort)
    first = list(reader.numbers)
    for _number in range(3):
        recent.register()
    reader.open(reader.link("next"))
    rest = reader.rest()
    assert not set(first) & set(rest)
    assert there <= {*first, *rest} and len(rest) == len(set(rest))


@pytest.mark.parametrize("sort", SORTS)
def test_orders_that_leave_the_list_let_none_be_passed_over(sort: str, as_: Callable, recent: Road) -> None:
    for number in range(10):
        recent.register(matter=f"第 {number} 件")
    reader = Reader(as_(Role.OPERATOR), view="todo", sort=sort)
    first = list(reader.numbers)
    for number in first:
        recent.act(WorkOrder.objects.get(number=number), "answer")
    reader.open(reader.link("next"))
    waiting = WorkOrder.objects.filter(status="registered").values_list("number", flat=True)
    assert sorted(reader.rest()) == sorted(waiting)


def test_a_link_to_a_page_shows_the_same_orders_later(as_: Callable, recent: Road) -> None:
    some(recent)
    reader = Reader(as_(Role.SUPERVISOR), view="all", sort="newest")
    reader.open(reader.link("next"))
    address, numbers = reader.address, list(reader.numbers)
    for _number in range(5):
        recent.register()
    reader.open(address)
    assert reader.numbers == numbers and reader.listing.page == 2


def test_where_all_behind_has_gone_the_list_begins_anew(as_: Callable, recent: Road) -> None:
    orders = [recent.register() for _number in range(6)]
    reader = Reader(as_(Role.OPERATOR), view="todo", sort="newest")
    following = reader.link("next")
    for order in orders[:2]:
        recent.act(order, "answer")
    reader.open(following)
    assert reader.numbers == [order.number for order in reversed(orders[2:])] and reader.listing.page == 1


@pytest.mark.parametrize("place", ["x", "1_", "-1", "1_x", "9" * 30, "1_" + "9" * 18, "١", "1 OR 1=1"])
@pytest.mark.parametrize("name", ["after", "before"])
def test_an_address_that_is_no_place_is_refused_with_a_reason(name: str, place: str, as_: Callable) -> None:
    assert as_(Role.SUPERVISOR).get("/orders/", {"view": "all", name: place}).status_code == 400
    with pytest.raises(Invalid):
        place_at(place)


def test_the_filters_and_the_export_begin_at_the_first_page(as_: Callable, recent: Road) -> None:
    some(recent)
    reader = Reader(as_(Role.SUPERVISOR), view="all", sort="newest", kind="complaint")
    reader.open(reader.link("next"))
    exports = re.findall(r'href="(/orders\.\w+[^"]*)"', reader.page)
    assert len(exports) == 2 and not any("after=" in address for address in exports)


changes = st.lists(st.sampled_from(["register", "answer", "accept", "pause"]), max_size=4)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sort=st.sampled_from(SORTS), between=st.lists(changes, min_size=3, max_size=3), data=st.data())
def test_whoever_turns_the_pages_sees_all_that_stayed_where_it_was_once(
    sort: str, between: list[list[str]], data: Any, road: Road
) -> None:
    orders = [road.register(matter=f"{n}") for n in range(9)]
    start = orders[0].pk

    def parts() -> Any:
        return stretches(WorkOrder.objects.filter(pk__gte=start), sort)

    seen, moved, page = [], set(), page_after(parts(), None, 3)
    for steps in between:
        seen += [order.pk for order in page.orders]
        for step in steps:
            moved.add(_change(road, step, data, orders))
        if not page.later:
            break
        page = page_after(parts(), place_at(page.later), 3)
    else:
        seen += [order.pk for order in page.orders]
        while page.later:
            page = page_after(parts(), place_at(page.later), 3)
            seen += [order.pk for order in page.orders]
    stayed = [order.pk for order in orders if order.pk not in moved]
    assert [pk for pk in seen if pk in stayed] == [pk for pk in _sorted(parts()) if pk in stayed]


def _change(road: Road, step: str, data: Any, orders: list[WorkOrder]) -> int:
    if step == "register":
        return road.register().pk
    waiting = [order for order in orders if WorkOrder.objects.get(pk=order.pk).status == "registered"]
    if not waiting:
        return 0
    order = data.draw(st.sampled_from(waiting))
    road.act(order, {"pause": "ask_correction"}.get(step, step))
    return int(order.pk)


def _sorted(parts: Any) -> list[int]:
    return [order.pk for part in parts for order in part.after(None)]


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_deep_in_the_list_reads_no_more_than_the_first(sort: str, recent: Road) -> None:
    order = recent.register()
    with connection.cursor() as cursor:
        cursor.execute(COPIES, [order.pk])
        cursor.execute(CLOCKS, [order.pk])
        cursor.execute("ANALYZE workorders_workorder, workorders_clock")
    parts = stretches(WorkOrder.objects.visible_to(recent.cast.of(Role.SUPERVISOR)), sort)
    middle = WorkOrder.objects.get(number=f"{9000000000000 + 3000}")
    due = Clock.objects.filter(order=middle).first()
    place = str(middle.pk) if sort == "newest" else f"{middle.pk}_{int(due.due_at.timestamp() * 1_000_000)}"  # type: ignore[union-attr]
    first, deep, back = (
        _buffers(rows[:26])
        for rows in (parts[0].after(None), parts[0].after(place_at(place)), parts[0].before(place_at(place)))  # type: ignore[arg-type]
    )
    assert max(deep, back) <= 1.3 * first + 10, (first, deep, back)
    assert first < 1000
    assert page_before(parts, place_at(place), 4).orders  # type: ignore[arg-type]


def _buffers(rows: Any) -> int:
    plan = rows.explain(format="json", analyze=True, buffers=True)
    node = json.loads(plan)[0]["Plan"]
    return int(node["Shared Hit Blocks"] + node["Shared Read Blocks"])


COPIES = """
INSERT INTO workorders_workorder (number, title, matter, address, tokens, kind, grade, status, version, round,
    registered_at, policy_id)
SELECT (9000000000000 + n)::text, '施工', '夜间施工', '', ARRAY['夜间'], kind, grade, status, 1, 1, registered_at, policy_id
FROM workorders_workorder, generate_series(1, 6000) AS n WHERE id = %s
"""
CLOCKS = """
INSERT INTO workorders_clock (order_id, kind, round, in_working_time, provisional, started_at, counted_from, pauses,
    extra_days, due_at, alerts_at, level, outcome)
SELECT copy.id, clock.kind, clock.round, in_working_time, provisional, started_at, counted_from, pauses, extra_days,
    due_at + copy.id * interval '1 second', alerts_at, level, outcome
FROM workorders_clock AS clock, workorders_workorder AS copy WHERE order_id = %s AND copy.number LIKE '90000000%%'
"""
