"""The scan: every alert once, however late, however many scan, and whatever happens to a scan."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from config.cast import Cast
from dispatch import supervision, tasks
from dispatch.models import Alert
from tests.conftest import NOW
from tests.roads import Road
from workorders.lifecycle import Level, Status
from workorders.models import Clock, Policy
from workorders.policy import default_document

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def raised() -> list[tuple[int, int]]:
    return list(Alert.objects.order_by("pk").values_list("clock", "level"))


def states() -> list[dict[str, Any]]:
    return list(Clock.objects.order_by("pk").values())


def registered(road: Road, count: int) -> list[Clock]:
    """One running clock each, due a minute after each other."""
    orders = []
    for _ in range(count):
        orders.append(road.register())
        road.now += MINUTE
    return list(Clock.objects.filter(order__in=orders).order_by("due_at"))


def test_each_level_is_raised_once_when_its_time_has_come(road: Road) -> None:
    clock = registered(road, 1)[0]
    for level, due in enumerate(clock.alerts_at, start=1):
        assert supervision.scan(due - timedelta(microseconds=1)) == 0
        assert supervision.scan(due) == 1
        assert supervision.scan(due + MINUTE) == 0
        assert raised()[-1] == (clock.pk, level)
        clock.refresh_from_db()
        assert clock.next_alert_at == (clock.alerts_at[level] if level < 5 else None)
    assert len(raised()) == clock.level == 5


def test_after_a_day_of_downtime_every_alert_is_raised_once_and_says_how_late_it_is(road: Road) -> None:
    expected = {(clock.pk, level): due for clock in registered(road, 5) for level, due in enumerate(clock.alerts_at, 1)}
    back = max(expected.values()) + DAY
    assert supervision.scan(back) == len(expected) == 25
    alerts = Alert.objects.all()
    assert {(alert.clock_id, alert.level): alert.due_since for alert in alerts} == expected
    assert all(alert.lateness == back - alert.due_since >= DAY for alert in alerts)
    assert supervision.scan(back + DAY) == 0


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 500])
def test_the_size_of_a_batch_changes_nothing_but_the_number_of_batches(batch: int, road: Road) -> None:
    found = registered(road, 7)
    assert supervision.scan(found[-1].due_at, batch) == 21
    assert sorted(raised()) == sorted((clock.pk, level) for clock in found for level in (1, 2, 3))
    assert {clock.level for clock in Clock.objects.all()} == {3}


@pytest.mark.parametrize("batch", [2, 500])
def test_what_has_been_due_longest_comes_first(batch: int, road: Road) -> None:
    for _ in range(6):
        road.now -= MINUTE
        road.register()
    found = list(Clock.objects.order_by("-pk"))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_indexscan = off")  # the index happens to bring them in this order
    supervision.scan(found[-1].alerts_at[0], batch)
    assert raised() == [(clock.pk, 1) for clock in found]


def test_a_clock_that_is_stopped_or_paused_raises_nothing(road: Road) -> None:
    suspended = road.to(Status.SUSPENDED)
    met, asked = road.register(), road.register()
    road.act(met, "answer")
    road.act(asked, "ask_correction")
    running = set(Clock.objects.running().filter(paused_at=None).values_list("pk", flat=True))
    supervision.scan(road.now + 365 * DAY)
    assert {clock for clock, _level in raised()} == running
    assert set(suspended.clocks.filter(kind="resolution").values_list("level", flat=True)) == {0}
    road.act(asked, "correct", after=2 * DAY)
    left = 100 * MINUTE
    assert [supervision.scan(road.now + left + late) for late in (-MINUTE, 0 * MINUTE)] == [2, 1], (
        "the time left runs on"
    )


def test_after_a_pause_a_clock_goes_on_with_the_level_it_had_reached(road: Road) -> None:
    order = road.to(Status.HANDLING, grade="utility")
    clock = Clock.objects.get(order=order, kind="resolution")
    road.now = clock.reached_at(Level.WARNING)
    supervision.scan(road.now)
    road.act(order, "suspend")
    road.act(order, "resume", after=10 * DAY)
    clock.refresh_from_db()
    for now, levels in ((clock.due_at - MINUTE, [1, 2]), (clock.due_at, [1, 2, 3])):
        supervision.scan(now)
        assert [level for pk, level in raised() if pk == clock.pk] == levels


@pytest.mark.parametrize("late", [0 * MINUTE, 3 * DAY])
@pytest.mark.parametrize("step", ["accept", "answer", "decline", "merge", "withdraw", "ask_correction"])
def test_what_a_clock_reached_before_it_ended_or_paused_is_raised_however_soon_that_was(
    step: str, late: timedelta, road: Road
) -> None:
    order = road.register()
    clock = order.clocks.get()
    road.act(order, step, after=clock.reached_at(Level.WARNING) - road.now)
    supervision.scan(road.now + late)
    alerts = Alert.objects.filter(clock=clock).order_by("level")
    assert [(alert.level, alert.due_since) for alert in alerts] == [
        (1, clock.reached_at(Level.REMINDER)),
        (2, clock.reached_at(Level.WARNING)),
    ]
    clock.refresh_from_db()
    assert clock.next_alert_at is None
    assert supervision.scan(road.now + late) == 0


def test_levels_that_fall_on_one_instant_are_raised_together(road: Road) -> None:
    document = default_document()
    document["ladder"]["default"]["reminder"] = document["ladder"]["default"]["warning"]
    Policy.objects.create(
        version=2, title="两级同时", document=document, effective_from=NOW - DAY, state=Policy.State.APPROVED
    )
    clock = registered(road, 1)[0]
    assert supervision.scan(clock.alerts_at[0]) == 2
    assert raised() == [(clock.pk, 1), (clock.pk, 2)]


def test_a_scan_needs_no_redis(road: Road, settings: Any) -> None:
    clock = registered(road, 1)[0]
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert supervision.scan(clock.due_at) == 3
    assert supervision.proof(clock.due_at).ok


def test_the_same_alert_twice_is_refused_by_the_database(road: Road) -> None:
    clock = registered(road, 1)[0]
    supervision.scan(clock.due_at)
    before = raised()
    with pytest.raises(IntegrityError, match="alert_raised_once"), transaction.atomic():
        Alert.objects.create(clock=clock, level=2, due_since=clock.due_at, raised_at=clock.due_at)
    assert raised() == before


def test_a_batch_that_fails_changes_nothing_and_the_next_scan_makes_up_for_it(road: Road) -> None:
    found = registered(road, 4)
    in_the_way = Alert.objects.create(clock=found[2], level=1, due_since=NOW, raised_at=NOW)
    before = states()
    with pytest.raises(IntegrityError), transaction.atomic():
        supervision.scan(found[-1].alerts_at[0])
    assert (states(), raised()) == (before, [(found[2].pk, 1)])
    in_the_way.delete()
    assert supervision.scan(found[-1].alerts_at[0]) == 4
    assert raised() == [(clock.pk, 1) for clock in found]


def test_a_scan_takes_as_many_queries_for_ten_clocks_as_for_twenty(road: Road) -> None:
    counts = []
    for count in (10, 20):
        last = registered(road, count)[-1]
        with CaptureQueriesContext(connection) as queries:
            assert supervision.scan(last.alerts_at[0]) >= count
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "spoil",
    [
        {"next_alert_at": None},
        {"next_alert_at": NOW + timedelta(days=900)},
        {"level": 5, "next_alert_at": None},
        {"level": 2, "next_alert_at": NOW + timedelta(days=900)},
    ],
    ids=["forgotten", "put off", "believed done", "believed half done"],
)
def test_whatever_the_scan_believes_of_a_clock_an_alert_that_is_not_there_is_missed(
    spoil: dict[str, Any], road: Road
) -> None:
    """The proof asks the instants of the ladder and the alerts, not the columns that the scan goes by."""
    order = road.to("accepted")
    ours = Clock.objects.filter(order=order, stopped_at=None)
    then = max(at for clock in ours for at in clock.alerts_at) + timedelta(minutes=2)
    ours.update(**spoil)
    supervision.scan(then)
    owed = sum(len(clock.alerts_at) for clock in ours)
    raised = Alert.objects.filter(clock__in=ours).count()
    proof = supervision.proof(then)
    assert (proof.lag_s, proof.missed, proof.ok) == (0, owed - raised, False)
    assert owed > raised


def test_alerts_that_somebody_deleted_are_missed(road: Road) -> None:
    order = road.to("accepted")
    then = road.now + timedelta(days=90)
    supervision.scan(then)
    found = Alert.objects.filter(clock__order=order)
    count = found.count()
    assert supervision.proof(then + timedelta(minutes=2)).missed == 0
    found.delete()
    assert supervision.proof(then + timedelta(minutes=2)).missed == count > 0


def test_the_task_scans_at_the_time_it_runs(road: Road) -> None:
    road.now = datetime.now(NOW.tzinfo) - 90 * MINUTE
    registered(road, 1)
    tasks.scan_clocks()
    assert [level for _clock, level in raised()] == [1, 2]


@pytest.fixture
def twenty(committed: None) -> list[Clock]:
    return registered(Road(Cast(), NOW), 20)


def test_four_scans_at_once_raise_every_alert_once(twenty: list[Clock]) -> None:
    start = threading.Barrier(4)

    def scan(_number: int) -> int:
        try:
            start.wait(10)
            return supervision.scan(twenty[-1].due_at, batch=3)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = sum(pool.map(scan, range(4)))
    supervision.scan(twenty[-1].due_at)
    assert sorted(raised()) == sorted((clock.pk, level) for clock in twenty for level in (1, 2, 3))
    assert found <= len(raised()) == 60


def test_a_scan_passes_over_what_another_one_holds_and_what_that_one_loses_comes_again(twenty: list[Clock]) -> None:
    now, holding, go_on = twenty[-1].alerts_at[0], threading.Event(), threading.Event()

    def dying_scan() -> str:
        try:
            with transaction.atomic():
                held, _raised = supervision.scan_batch(now, 10)
                pid = connection.connection.info.backend_pid
                holding.set()
                go_on.wait(10)
                with connection.cursor() as cursor:
                    cursor.execute("RESET ROLE; SELECT pg_terminate_backend(%s)", [pid])
            return f"held {held} and lived"
        except OperationalError:
            return f"held {held} and died"
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(dying_scan)
        assert holding.wait(10)
        assert supervision.scan(now) == 10, "the other one's ten are left to it, and nobody waits for them"
        go_on.set()
        assert other.result(10) == "held 10 and died"
    assert supervision.scan(now) == 10
    assert sorted(raised()) == [(clock.pk, 1) for clock in twenty]
