"""The feed: nothing skipped, nothing twice, in order, for exactly those it concerns, at a cost that does not grow."""

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

from config.cast import Cast
from config.urls import urlpatterns as site
from tests.conftest import NOW
from tests.feeds import undisturbed  # noqa: F401
from tests.owner import as_owner
from tests.roads import Road
from workorders import feed
from workorders.lifecycle import Role, Status
from workorders.models import Event, Unit, User, WorkOrder
from workorders.transitions import perform

urlpatterns = [path("api/v1/", include("workorders.feed_api")), *site]
pytestmark = pytest.mark.urls(__name__)

SECONDS = float(os.environ.get("FEED_SECONDS", "20"))
WRITERS = 8


@pytest.fixture
def road(committed: None) -> Road:
    """A reader sees what is committed, and nothing else."""
    return Road(Cast(), NOW)


@pytest.fixture
def handler(road: Road) -> User:
    return road.cast.of(Role.HANDLER, road.lead)


@pytest.fixture
def city(road: Road) -> User:
    return road.cast.of(Role.SUPERVISOR)


def walked(user: User | None, after: feed.Position = feed.START, limit: int = 7) -> list[Event]:
    events, more = [], True
    while more:
        page = feed.read(user, after, limit)
        after, more = page.next, page.more
        events += page.events
    return events


def steps(events: list[Event], order: WorkOrder) -> list[str]:
    return [event.step for event in events if event.order_id == order.pk]


# Order and completeness


def test_pages_of_any_size_give_every_event_once_in_order(road: Road, city: User) -> None:
    for _ in range(4):
        road.to(Status.HANDLING)
    written = list(Event.objects.order_by("pk").values_list("pk", flat=True))
    for limit in (1, 2, 3, 7, 20, 100):
        assert [event.pk for event in walked(city, limit=limit)] == written


def test_an_empty_page_has_a_cursor_too_and_what_comes_later_stands_behind_it(road: Road, city: User) -> None:
    road.to(Status.HANDLING)
    last = feed.read(city, feed.START, 100)
    empty = feed.read(city, last.next, 100)
    assert (empty.events, empty.more) == ([], False)
    assert empty.next >= last.next
    order = road.register()
    assert steps(feed.read(city, empty.next, 100).events, order) == ["register"]


@contextmanager
def uncommitted(order: WorkOrder, actor: User, now: datetime) -> Iterator[None]:
    """Somebody else has written a note and commits it when this is left."""
    wrote, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            perform(order.pk, "note", actor=actor, now=now, text="慢")
            wrote.set()
            go_on.wait(10)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(slow)
        assert wrote.wait(10)
        yield
        go_on.set()
        late.result(10)


def test_what_a_running_transaction_may_still_write_before_is_not_passed(road: Road, city: User) -> None:
    """The late one has the lower identity: a reader that went by it would never see it."""
    first, second = road.register(), road.register()
    start = feed.read(city, feed.START, 100).next
    with uncommitted(first, city, road.now):
        perform(second.pk, "note", actor=city, now=road.now, text="快")
        during = feed.read(city, start, 100)
    assert (during.events, during.next) == ([], max(start, during.next))
    assert [event.order_id for event in feed.read(city, during.next, 100).events] == [first.pk, second.pk]


def test_health_says_how_long_a_writer_holds_the_feed_up(
    road: Road, city: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with uncommitted(road.register(), city, road.now):
        time.sleep(0.1)
        during = feed.health(road.now)
        monkeypatch.setattr(feed, "HELD_TOO_LONG_S", during["held_s"])
        assert (during["held_s"] > 0, during["ok"], feed.health(road.now)["ok"]) == (True, True, False)


def test_health_says_that_a_restored_dump_is_ahead_of_its_server(road: Road, city: User) -> None:
    order = road.register()
    assert feed.health(road.now)["ahead"] == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000000")
        (far,) = cursor.fetchone()
        with as_owner():
            cursor.execute("ALTER TABLE workorders_event DISABLE TRIGGER USER")
            cursor.execute("UPDATE workorders_event SET transaction = %s WHERE order_id = %s", [far, order.pk])
            cursor.execute("ALTER TABLE workorders_event ENABLE TRIGGER USER")
            cursor.execute("ALTER TABLE workorders_event DISABLE TRIGGER event_no_truncate")  # as the suite has it
    found = feed.health(road.now)
    assert found["ahead"] > 900_000 and not found["ok"]


def test_an_order_s_events_keep_their_order_where_an_older_transaction_came_to_it_later(road: Road, city: User) -> None:
    """It got its number by writing elsewhere first (a bulk act, an outer transaction)."""
    first, second = road.register(), road.register()
    begun, go_on = threading.Event(), threading.Event()

    def bulk() -> None:
        with transaction.atomic():
            perform(first.pk, "note", actor=city, now=road.now, text="一")
            begun.set()
            go_on.wait(10)
            perform(second.pk, "note", actor=city, now=road.now, text="三")
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(bulk)
        assert begun.wait(10)
        perform(second.pk, "note", actor=city, now=road.now, text="二")
        go_on.set()
        other.result(10)
    events = [event for event in walked(city) if event.order_id == second.pk]
    assert [event.number for event in events] == [1, 2, 3]
    assert [event.data["text"] for event in events[1:]] == ["二", "三"]


def test_what_is_rolled_back_is_nowhere_and_holds_nobody_up(road: Road, city: User) -> None:
    order = road.register()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        perform(order.pk, "note", actor=city, now=road.now, text="不算")
        _ = 1 / 0
    perform(order.pk, "note", actor=city, now=road.now, text="算")
    assert [event.data.get("text") for event in walked(city)] == [None, "算"]


# Whom it concerns


def test_a_unit_learns_of_its_orders_and_of_no_others(road: Road, handler: User) -> None:
    mine = road.to(Status.HANDLING)
    road.register(matter="与本单位无关")
    stranger = road.cast.of(Role.HANDLER, road.stranger)
    assert {event.order_id for event in walked(handler)} == {mine.pk}
    assert walked(stranger) == []


def test_co_handling_units_and_the_units_above_learn_of_them_too(road: Road) -> None:
    order = road.to(Status.HANDLING)
    above = Unit.objects.get(pk=road.lead.parent_id)
    for unit in (road.co_unit, above):
        for role in (Role.HANDLER, Role.REVIEWER, Role.SUPERVISOR):
            assert {event.order_id for event in walked(road.cast.of(role, unit))} == {order.pk}


@pytest.mark.parametrize("part", ["lead", "co-handling"])
def test_a_unit_is_told_that_it_lost_an_order_and_nothing_after_that(part: str, road: Road) -> None:
    road.co_unit = Unit.objects.get(code="J110105010")  # not the district above the lead unit
    order = road.to(Status.HANDLING)
    actor = road.cast.of(Role.HANDLER, road.lead if part == "lead" else road.co_unit)
    punctual = feed.read(actor, feed.START, 100).next
    road.act(order, "recall")
    road.act(order, "dispatch", lead=road.stranger, co_handling=[])
    assert steps(feed.read(actor, punctual, 100).events, order) == ["recall"]
    held = ["dispatch", "sign", "contact", "recall"]
    assert steps(walked(actor), order) == held, "whoever reads late learns of the time it held the order, and no more"
    road.act(order, "sign")
    assert steps(walked(actor), order) == held
    assert steps(walked(road.cast.of(Role.HANDLER, road.stranger)), order)[-2:] == ["dispatch", "sign"]


def test_an_order_that_comes_back_goes_on_where_it_is(road: Road, handler: User) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "recall")
    punctual = feed.read(handler, feed.START, 100).next
    road.act(order, "dispatch")
    assert steps(feed.read(handler, punctual, 100).events, order) == ["dispatch"]


def test_who_sees_no_orders_learns_nothing(road: Road) -> None:
    road.act(road.to(Status.HANDLING), "recall")
    road.to(Status.HANDLING)
    administrator, roleless = User(unit=road.cast.city, roles=[Role.ADMINISTRATOR]), User(unit=road.lead)
    retired = User(unit=road.lead, roles=[Role.HANDLER], is_active=False)
    for nobody in (administrator, roleless, retired, User(roles=[Role.HANDLER])):
        assert walked(nobody) == []


# What it tells


def test_an_event_is_told_by_codes_choices_and_dates_without_anybody_s_words(road: Road, city: User) -> None:
    order = road.to(Status.SUSPENDED)
    road.act(order, "reveal")
    told = {row["step"]: row for row in map(feed.shown, walked(city))}
    assert told["dispatch"]["data"] == {"lead": road.lead.code, "co_handling": [road.co_unit.code]}
    assert told["contact"]["data"] == {"way": "phone"}
    assert told["suspend"]["data"] == {"review_date": "2026-12-01"}
    assert told["sign"] == {
        "cursor": told["sign"]["cursor"],
        "order": order.number,
        "version": 4,
        "step": "sign",
        "source": "dispatched",
        "target": "handling",
        "status": "handling",
        "round": 1,
        "at": Event.objects.get(order=order, number=4).at,
        "unit": road.lead.code,
        "data": {},
    }


def test_no_personal_data_and_no_free_text_of_any_step_gets_out(road: Road, city: User) -> None:
    for status in (
        Status.CLOSED,
        Status.REVIEWING,
        Status.DECLINED,
        Status.ANSWERED,
        Status.WITHDRAWN,
        Status.INCOMPLETE,
    ):
        road.to(status)
    rework = road.to(Status.CALLBACK)
    road.act(rework, "rework")
    text = json.dumps([feed.shown(event) for event in walked(city)], default=str, ensure_ascii=False)
    for words in ("王小明", "13800001234", "已与诉求人核实情况", "很满意", "没有解决", "诉求人", "请补充", "核查"):
        assert words not in text
    for choice in ('"satisfied": "yes"', '"way": "phone"', '"code": "legal_channel"'):
        assert choice in text


# Over HTTP


@pytest.fixture
def reader(client: Client, handler: User) -> Client:
    client.force_login(handler)
    return client


def test_a_client_follows_the_feed_by_next(reader: Client, road: Road) -> None:
    order = road.to(Status.HANDLING)
    seen, cursor, more = [], {}, True
    while more:
        answer = reader.get("/api/v1/events/", {**cursor, "limit": 2}).json()
        cursor, more = {"after": answer["next"]}, answer["more"]
        seen += answer["results"]
    assert [(row["order"], row["version"]) for row in seen] == [(order.number, n) for n in range(1, 6)]
    assert reader.get("/api/v1/events/", {"after": seen[2]["cursor"]}).json()["results"] == seen[3:]
    road.act(order, "report")
    assert [row["step"] for row in reader.get("/api/v1/events/", cursor).json()["results"]] == ["report"]


def test_a_page_is_a_hundred_unless_asked_otherwise(reader: Client, road: Road, handler: User) -> None:
    order = road.to(Status.HANDLING)
    for _ in range(101):
        perform(order.pk, "progress", actor=handler, now=road.now, text="进展")
    page = reader.get("/api/v1/events/").json()
    assert (len(page["results"]), page["more"]) == (100, True)
    assert len(reader.get("/api/v1/events/", {"limit": "500"}).json()["results"]) == 106


BAD = {
    "after": [
        "x",
        "0",
        "AAAA",
        "%00",
        "é",
        "A" * 21,
        "A" * 23,
        "A" * 10_000,
        "1 OR 1=1",
        "{{7*7}}",
        "_" * 22 + "=",
        "",
    ],
    "limit": ["0", "-1", "501", "9" * 50, "ten", "1.5", "٣", "", " 5", "1e2"],
}


@pytest.fixture
def asking(client: Client, cast: Cast) -> Client:
    client.force_login(cast.of(Role.SUPERVISOR))
    return client


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_parameter_is_refused_by_its_name(name: str, value: str, asking: Client) -> None:
    answer = asking.get("/api/v1/events/", {name: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == [name]


@pytest.mark.parametrize("place", [(0, 0), (1, 1), (2**63 - 1, 2**63 - 1), (-(2**63), -1)])
def test_every_position_has_one_cursor_and_any_is_safe_to_ask_with(place: tuple[int, int], asking: Client) -> None:
    position = feed.Position(*place)
    assert feed.Position.typed(str(position)) == position
    assert asking.get("/api/v1/events/", {"after": str(position)}).status_code == 200


def test_a_stranger_is_asked_who_they_are(client: Client, db: None) -> None:
    assert client.get("/api/v1/events/").status_code in (401, 403)


# What it costs


def test_a_page_takes_the_same_queries_however_many_events_it_holds(road: Road, handler: User) -> None:
    counts = []
    for _ in range(2):
        for _ in range(10):
            road.to(Status.DISPATCHED)
        with CaptureQueriesContext(connection) as queries:
            [feed.shown(event) for event in feed.read(handler, feed.START, 500).events]
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


MORE_ORDERS = """
INSERT INTO workorders_workorder (number, status, kind, grade, category_id, area_id, address, title, matter, policy_id,
    lead_unit_id, round, version, registered_at, tokens)
SELECT 'bulk-' || n, 'handling', kind, grade, category_id, area_id, '', title, matter, policy_id,
    CASE WHEN n %% 100 = 0 THEN lead_unit_id ELSE %(other)s END, 1, 100, registered_at, '{}'
FROM workorders_workorder, generate_series(1, 1000) n WHERE id = %(order)s
"""
MORE_EVENTS = """
INSERT INTO workorders_event (order_id, number, step, source, target, round, at, reason, data, actor_name, unit_code,
    previous_hash, hash)
SELECT id, %(number)s + n, 'note', 'handling', 'handling', 1, registered_at, '', '{}', '', '', '', ''
FROM workorders_workorder, generate_series(1, 4) n WHERE number LIKE 'bulk-%%' ORDER BY n, id
"""


@pytest.fixture
def plenty(road: Road) -> Iterator[Road]:
    """100,000 events of 1,000 orders, one order in a hundred the unit's."""
    order = road.to(Status.HANDLING)
    with connection.cursor() as cursor:
        cursor.execute(MORE_ORDERS, {"order": order.pk, "other": road.stranger.pk})
        for batch in range(25):
            cursor.execute(MORE_EVENTS, {"number": batch * 4})
        cursor.execute("ANALYZE workorders_event, workorders_workorder, dispatch_assignment")
    return road


def explained(user: User, after: feed.Position) -> tuple[feed.Page, list[dict[str, Any]]]:
    with CaptureQueriesContext(connection) as queries:
        page = feed.read(user, after, 100)
    plans = []
    with connection.cursor() as cursor:
        for query in queries.captured_queries:
            if '"workorders_event"' in query["sql"]:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query['sql']}")
                plans.append(cursor.fetchone()[0][0])
    return page, plans


def scans(plan: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """(how, by which index, rows) of everything that reads events."""
    if plan.get("Relation Name") == "workorders_event":
        read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        yield plan["Node Type"], plan.get("Index Name", ""), int(read * plan["Actual Loops"])
    for inner in plan.get("Plans", []):
        yield from scans(inner)


@pytest.mark.parametrize(("who", "rows"), [("city", 100), ("unit", feed.WINDOW)])
def test_a_page_far_into_a_hundred_thousand_events_walks_the_index(who: str, rows: int, plenty: Road) -> None:
    user = plenty.cast.of(Role.SUPERVISOR) if who == "city" else plenty.cast.of(Role.HANDLER, plenty.lead)
    far = Event.objects.order_by("transaction", "id")[60_000]
    page, plans = explained(user, feed.Position.of(far))
    assert len(page.events) == 100
    assert len(plans) == 2
    for plan, most in zip(plans, (feed.WINDOW, rows), strict=True):
        found = list(scans(plan["Plan"]))
        assert [
            (how, index) for how, index, _rows in found if "Index" not in how or index != "event_by_transaction"
        ] == []
        assert sum(read for _how, _index, read in found) <= most + 1
        assert plan["Execution Time"] < 500


def test_a_reader_whom_little_concerns_gets_ahead_by_windows(plenty: Road) -> None:
    order = plenty.to(Status.ACCEPTED)
    plenty.act(order, "dispatch", lead=Unit.objects.get(code="J110102001"), co_handling=[])
    user = plenty.cast.of(Role.HANDLER, order.lead_unit)
    first = feed.read(user, feed.START, 500)
    assert (first.events, first.more) == ([], True)
    assert first.next == feed.Position.of(Event.objects.order_by("transaction", "id")[feed.WINDOW - 1])
    assert [event.order_id for event in walked(user, first.next)] == [order.pk] * 3


# Many writers


def writing(until: float, seed: int, orders: list[int], actor: User) -> int:
    """Transactions of random length, on one to three orders, now and then rolled back."""
    chance, written = random.Random(seed), 0
    try:
        while time.monotonic() < until:
            # Locked in one order, so that the writers do not lock each other out.
            chosen = sorted(chance.sample(orders, chance.randint(1, 3)))
            try:
                with transaction.atomic():
                    for order in chosen:
                        perform(order, "note", actor=actor, text=f"写入者 {seed}")
                        time.sleep(chance.choice([0, 0, 0.002, 0.02, 0.2]) * chance.random())
                    if chance.random() < 0.1:
                        raise ZeroDivisionError
                written += len(chosen)
            except ZeroDivisionError:
                pass
        return written
    finally:
        connection.close()


def following(user: User, done: threading.Event, limit: int) -> list[tuple[int, int, int]]:
    """Pages until the writers are done and nothing is left: (event, order, number) as they came."""
    after, seen = feed.START, []
    try:
        while True:
            last_look = done.is_set()
            page = feed.read(user, after, limit)
            seen += [(event.pk, event.order_id, event.number) for event in page.events]
            after = feed.Position.typed(str(page.next))
            if last_look and not page.more:
                return seen
    finally:
        connection.close()


@pytest.mark.processes
def test_readers_miss_nothing_while_eight_writers_commit(road: Road) -> None:
    """A minute of it with FEED_SECONDS=60."""
    ours = [road.to(Status.HANDLING).pk for _ in range(12)]
    orders = [*ours, *(road.register().pk for _ in range(12))]
    writer, city = road.cast.of(Role.DISPATCHER), road.cast.of(Role.SUPERVISOR)
    readers = [(city, 3), (city, 100), (road.cast.of(Role.HANDLER, road.lead), 10)]
    done, until = threading.Event(), time.monotonic() + SECONDS
    with ThreadPoolExecutor(WRITERS + len(readers)) as pool:
        follow = [pool.submit(following, user, done, limit) for user, limit in readers]
        written = sum(
            one.result() for one in [pool.submit(writing, until, seed, orders, writer) for seed in range(WRITERS)]
        )
        done.set()
        seen = [one.result(60) for one in follow]
    expected = set(Event.objects.values_list("pk", "order_id", "number"))
    mine = {row for row in expected if row[1] in ours}
    assert len(expected) >= written > 50 * SECONDS / 20
    for rows, whole in zip(seen, (expected, expected, mine), strict=True):
        assert set(rows) == whole, "nothing is missed"
        assert len(rows) == len(whole), "nothing comes twice"
        for order in {order for _event, order, _number in whole}:
            numbers = [number for _event, one, number in rows if one == order]
            assert numbers == list(range(1, len(numbers) + 1)), "in order per order"
