"""The counters of the dashboard: whatever happens, they say what a count from scratch says."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Sum
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as some

from config.cast import Cast
from evaluation import tally, tasks
from evaluation.buckets import bucket, length, percentile
from evaluation.marks import cells
from evaluation.models import Mark, Measure, Tally, TallyPlace
from tests.conftest import NOW
from tests.feeds import alone, own_is_settled  # noqa: F401
from tests.roads import ROADS, Road
from workorders.lifecycle import OPEN, Role
from workorders.models import Area, Category, Clock, Event, WorkOrder
from workorders.transitions import perform

CHINA = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
STAGES = {"registered", "accepted", "dispatched", "handling", "reported", "callback", "closed"}


@pytest.fixture
def road(own_is_settled: None, cast: Cast) -> Road:  # noqa: F811
    return Road(cast, NOW)


@pytest.fixture
def busy(committed: None) -> Road:
    return Road(Cast(), NOW)


def counted(measure: str, *keys: str, cut: str = "whole") -> dict[Any, int]:
    rows = Tally.objects.filter(measure=measure, cut=cut, count__gt=0).values_list(*keys).annotate(Sum("count"))
    return {key[0] if len(key) == 1 else tuple(key): count for *key, count in rows}


def day_of(moment: datetime) -> date:
    return moment.astimezone(CHINA).date()


def recounted() -> Counter[Any]:
    """All counters, made again from the marks."""
    marks = (tally.Counted(*columns) for columns in Mark.objects.values_list(*tally.COLUMNS))
    return Counter(cell for mark in marks for cell in cells(mark))


def stored() -> Counter[Any]:
    columns = ("measure", "cut", "day", "key", "bucket", "category", "area", "unit", "count")
    return Counter({tally.Cell(*key): count for *key, count in Tally.objects.filter(count__gt=0).values_list(*columns)})


def check_against_the_orders() -> None:
    """Counted another way: from orders, events and clocks, by plain queries."""
    orders = list(WorkOrder.objects.visible_to(None))
    assert counted("received", "day") == Counter(day_of(order.registered_at) for order in orders)
    assert counted("received", "category", cut="category") == Counter(order.category_id for order in orders)
    assert counted("received", "area", cut="area") == Counter(order.area_id for order in orders)
    still_open = [order for order in orders if order.status in OPEN]
    assert counted("open", "key", "day") == Counter((o.status, day_of(o.registered_at)) for o in still_open)
    closed = {e.order_id: day_of(e.at) for e in Event.objects.filter(step__in=["close", "answer"]).order_by("id")}
    ended = [order.pk for order in orders if order.status not in OPEN]
    assert counted("closed", "day") == Counter(day for order, day in closed.items() if order in ended)
    sent = {e.order_id: day_of(e.at) for e in Event.objects.filter(step__in=["dispatch", "designate"]).order_by("id")}
    assert counted("dispatched", "day") == Counter(sent.values())
    missed = Clock.objects.filter(outcome="missed").values_list("kind", "unit").annotate(Count("order", distinct=True))
    assert counted("missed", "key", "unit") == {(kind, unit): count for kind, unit, count in missed}
    reached = {(event.order_id, event.target) for event in Event.objects.exclude(target="archived")}
    on_the_road = Counter(target for _order, target in reached if target in STAGES)
    assert counted("stage", "key") == on_the_road
    assert stored() == recounted()


def live(road: Road, chance: random.Random) -> None:
    """One order on a road of its own, slowly at times, sometimes a second round or another day."""
    road.now = NOW + chance.random() * 20 * DAY
    order = road.register(category=chance.choice(categories()), area=chance.choice(areas()))
    for step in ROADS[chance.choice(list(ROADS))]:
        road.act(order, step, after=chance.choice([timedelta(minutes=10), timedelta(hours=5), 4 * DAY]))
    order.refresh_from_db()
    if order.status == "callback":
        road.act(order, "rework", after=DAY)
    if order.status == "dispatched":
        road.act(order, "recall", after=DAY)


def categories() -> list[Category]:
    return list(Category.objects.filter(grade="ordinary", children=None).order_by("path")[:4])


def areas() -> list[Area]:
    return list(Area.objects.filter(level="street").order_by("path")[:4])


def test_after_any_history_the_counters_say_what_a_count_from_scratch_says(road: Road) -> None:
    chance = random.Random(5)
    for number in range(24):
        live(road, chance)
        if number % 5 == 0:
            tally.follow()
    tally.follow()
    check_against_the_orders()
    assert Mark.objects.filter(measure="missed").exists(), "the history had something late in it"


def test_several_that_follow_at_once_count_everything_once(busy: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "BATCH", 7)
    over = threading.Event()

    def follower() -> None:
        while not over.is_set():
            tally.follow()
            over.wait(0.01)
        connection.close()

    chance = random.Random(11)
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(follower) for _ in range(3)]
        for _ in range(8):
            live(busy, chance)
        over.set()
        for one in running:
            one.result()
    tally.follow()
    check_against_the_orders()


def test_a_batch_that_broke_off_is_counted_by_the_next_and_not_twice(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    road.to("closed")
    with monkeypatch.context() as broken:
        broken.setattr(tally, "_move", lambda *_: (_ for _ in ()).throw(RuntimeError("the power went")))
        with pytest.raises(RuntimeError):
            tally.follow()
    assert (Mark.objects.count(), Tally.objects.count()) == (0, 0)
    tasks.follow_tallies()
    check_against_the_orders()


def test_following_again_when_nothing_happened_writes_nothing(road: Road) -> None:
    road.to("handling")
    assert tally.follow() > 0
    before = (stored(), TallyPlace.objects.get().position)
    assert tally.follow() == 0
    assert (stored(), TallyPlace.objects.get().position) == before


def test_an_order_that_moves_goes_from_one_counter_to_the_other(road: Road) -> None:
    order = road.to("dispatched")
    tally.follow()
    assert counted("open", "key") == {"dispatched": 1}
    road.act(order, "sign")
    tally.follow()
    assert counted("open", "key") == {"handling": 1}
    road.act(order, "withdraw")
    tally.follow()
    assert counted("open", "key") == {}


def test_accepting_under_another_category_and_area_moves_the_order_there(road: Road) -> None:
    order = road.register()
    tally.follow()
    assert counted("received", "category", cut="category") == {order.category_id: 1}
    category, area = categories()[3], areas()[3]
    road.act(order, "accept", category=category, area=area)
    tally.follow()
    assert counted("received", "category", cut="category") == {category.pk: 1}
    assert counted("received", "area", cut="area") == {area.pk: 1}


def test_the_day_is_the_one_in_the_city_not_in_greenwich(road: Road) -> None:
    road.now = datetime(2026, 3, 10, 16, 30, tzinfo=UTC)
    road.register()
    tally.follow()
    assert counted("received", "day") == {date(2026, 3, 11): 1}


def test_an_order_closed_again_after_an_objection_is_closed_on_the_later_day(road: Road) -> None:
    order = road.to("reviewing")
    tally.follow()
    assert counted("closed", "day") == {}
    road.cast.act(order, "dismiss", now=road.now + DAY, reason="复核维持原结果")
    tally.follow()
    assert sum(counted("closed", "day").values()) == 1


def test_a_contact_counts_as_in_time_or_late_on_the_day_it_was_made(road: Road) -> None:
    for hours in (1, 30):
        order = road.to("dispatched")
        road.act(order, "sign")
        road.act(order, "contact", after=timedelta(hours=hours))
        last = day_of(road.now)
    tally.follow()
    assert sum(counted("contacted", "day").values()) == 1
    assert counted("contacted_late", "day") == {last: 1}


def test_a_rebuild_mends_counters_and_marks_that_somebody_spoilt(road: Road) -> None:
    for status in ("closed", "handling", "merged"):
        road.to(status)
    tally.follow()
    before = stored()
    Tally.objects.filter(measure=Measure.RECEIVED).update(count=77)
    Mark.objects.filter(measure=Measure.OPEN).delete()
    out = StringIO()
    call_command("tally", "--rebuild", stdout=out)
    assert stored() == before
    assert f"{Event.objects.count()} events" in out.getvalue()


def test_the_database_refuses_a_counter_or_a_mark_twice(road: Road) -> None:
    road.register()
    tally.follow()
    for model in (Mark, Tally):
        one = model.objects.all()[0]
        one.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            one.save(force_insert=True)


def test_a_batch_of_orders_is_counted_in_a_fixed_number_of_queries(road: Road) -> None:
    queries = []
    for many in (2, 6):
        for _ in range(many):
            road.to("handling")
        with CaptureQueriesContext(connection) as captured:
            tally.follow()
        queries.append(len(captured))
    assert queries[0] >= queries[1]


def test_while_an_order_is_being_counted_it_can_move_on(busy: Road) -> None:
    """The counters hold no lock that a step waits for."""
    order, handler = busy.to("dispatched"), busy.cast.of(Role.HANDLER, busy.lead)
    TallyPlace.objects.get_or_create(pk=1)
    with transaction.atomic():
        assert tally._step() == 3
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(lambda: (perform(order.pk, "sign", actor=handler, now=busy.now), connection.close()))
            assert done.result(timeout=10)[0].target == "handling"
    tally.follow()
    check_against_the_orders()


# Lengths


@given(some.lists(some.integers(0, 400 * 86400), min_size=1, max_size=60), some.sampled_from([0.5, 0.9]))
def test_a_percentile_read_from_buckets_is_close_to_the_true_one(seconds: list[int], share: float) -> None:
    lengths = sorted(timedelta(seconds=one) for one in seconds)
    true = next(one for at, one in enumerate(lengths, 1) if at >= share * len(lengths))
    found = percentile(Counter(bucket(one) for one in lengths), share)
    assert found is not None
    assert abs(found - true) <= true * 0.08 + timedelta(seconds=31)


def test_nothing_has_no_median() -> None:
    assert percentile({}, 0.5) is None
    assert length(bucket(timedelta(0))) == timedelta(0)
