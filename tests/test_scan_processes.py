"""The scan under load and under fire, and the real beat with a real worker behind it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice, product
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection, transaction
from prometheus_client.parser import text_string_to_metric_families

from config.cast import Cast
from dispatch import supervision
from dispatch.models import Alert
from tests.conftest import NOW
from tests.roads import Road
from tests.served import PASSWORD, ROOT, Site, served
from workorders.clocks import ADVANCE_DUE
from workorders.lifecycle import UNIT_CLOCKS, Level
from workorders.models import Clock, Unit

pytestmark = pytest.mark.processes

# Six at once, 10,000 due, kills at random

MANY = 10_000
SCANNER = """
import signal
import sys
from datetime import datetime
import django
django.setup()
from dispatch import supervision
print("ready", flush=True)
sys.stdin.readline()
signal.setitimer(signal.ITIMER_PROF, float(sys.argv[2]))
while supervision.scan_batch(datetime.fromisoformat(sys.argv[1]), 25)[0]:
    pass
"""


def scanner(lives_for: float) -> "subprocess.Popen[str]":
    """Start a scanner whose kernel kills it after so many seconds of its own processor time; 0: never."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return subprocess.Popen(
        [sys.executable, "-c", SCANNER, NOW.isoformat(), str(lives_for)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_until_ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout
    assert process.stdout.readline() == "ready\n"


def start_scanning(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def wait_until_the_database_has_noticed_the_dead() -> None:
    """A killed scanner's rows stay locked until its backend finds nobody at the other end."""
    others = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    """
    limit = time.monotonic() + 60
    while True:
        with connection.cursor() as cursor:
            cursor.execute(others)
            if cursor.fetchone()[0] == 0:
                return
        assert time.monotonic() < limit, "a backend of a killed scanner is still there"
        time.sleep(0.05)


def due_at_once(count: int) -> None:
    """One level of each has been reached, some a while ago."""
    road = Road(Cast(), NOW - timedelta(minutes=1))
    units = list(Unit.objects.order_by("pk")[:100])
    orders = [road.register() for _ in range(count // (len(units) * len(UNIT_CLOCKS)) + 1)]
    Clock.objects.filter(order__in=orders).delete()
    chance = random.Random(5)
    owners = islice(product(orders, units, UNIT_CLOCKS), count)
    Clock.objects.bulk_create(clock_of(*owner, chance.randint(0, 86_400)) for owner in owners)


def clock_of(order: Any, unit: Unit, kind: str, seconds: int) -> Clock:
    first = NOW - timedelta(seconds=seconds)
    instants = [first, *(NOW + timedelta(days=days) for days in (1, 2, 3, 4))]
    began = first - timedelta(days=1)
    return Clock(
        order=order, unit=unit, kind=kind, round=1, in_working_time=False, started_at=began, counted_from=began,
        due_at=instants[2], alerts_at=instants, next_alert_at=first,
    )  # fmt: skip


def test_scanners_killed_at_random_raise_ten_thousand_alerts_exactly_once(committed: None) -> None:
    due_at_once(MANY)
    chance = random.Random(7)
    doomed = [scanner(lives_for=chance.uniform(0.01, 0.06)) for _ in range(3)]
    scanners = [*doomed, *(scanner(lives_for=0) for _ in range(3))]
    for process in scanners:
        wait_until_ready(process)
    for process in scanners:
        start_scanning(process)
    ends = [process.wait(120) for process in scanners]
    assert ends == [-signal.SIGPROF] * 3 + [0] * 3
    # The living pass over what the dying still hold; the next scan takes it.
    wait_until_the_database_has_noticed_the_dead()
    supervision.scan(NOW)
    assert supervision.scan(NOW) == 0
    assert Alert.objects.count() == MANY
    assert Alert.objects.values("clock", "level").distinct().count() == MANY
    assert set(Clock.objects.filter(alerts_at__len=5, level=1).values_list("level", flat=True)) == {1}
    assert Clock.objects.filter(level=1).count() == MANY
    assert supervision.proof(NOW + timedelta(minutes=2)).missed == 0


# What a scan reads does not follow what is stored

STORED = """
    INSERT INTO workorders_clock (
        order_id, unit_id, kind, round, in_working_time, provisional, started_at, counted_from, due_at, pauses,
        extra_days, paused_at, alerts_at, level, next_alert_at, stopped_at, outcome
    )
    SELECT %(first)s + number, number %% 500, 'signing', 1, false, false, began, began, began + interval '4 hours', '{}',
           0, NULL, ARRAY[began + interval '2 hours', began + interval '3 hours', began + interval '4 hours',
           began + interval '5 hours', began + interval '6 hours'], 0,
           CASE WHEN %(open)s THEN began + interval '2 hours' END,
           CASE WHEN NOT %(open)s THEN began + interval '1 hour' END, CASE WHEN %(open)s THEN '' ELSE 'met' END
    FROM (
        SELECT number, %(began)s::timestamptz - (number %% 1000) * interval '1 second' AS began
        FROM generate_series(1, %(count)s) AS number
    ) AS numbered
"""


def store(count: int) -> None:
    """1,000 due, three in a hundred running with nothing due, all others ended. No order stands behind them."""
    some_time_ago = NOW - timedelta(hours=2)
    kinds = [(1000, True, some_time_ago), (count * 3 // 100, True, NOW), (count - 1000 - count * 3 // 100, False, NOW)]
    with connection.cursor() as cursor:
        for number, (rows, is_open, began) in enumerate(kinds, start=1):
            facts = {"first": number * 10_000_000, "count": rows, "open": is_open, "began": began}
            cursor.execute(STORED, facts)
        cursor.execute("ANALYZE workorders_clock")


@contextmanager
def undone() -> Iterator[None]:
    savepoint = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(savepoint)


def buffers_of_a_scan(stored: int) -> tuple[int, int]:
    """(buffers touched, alerts raised) of the one statement over so many stored clocks."""
    with undone():
        store(stored)
        statement = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {ADVANCE_DUE} {supervision.RAISE}"
        with connection.cursor() as cursor:
            cursor.execute(statement, {"now": NOW, "batch": 2000})
            plan = cursor.fetchone()[0]
            plan = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], Alert.objects.count()


def test_a_scan_over_a_million_stored_clocks_reads_little_more_than_over_ten_thousand(db: None) -> None:
    buffers_of_a_scan(10_000)  # once before, so that the indexes of the alerts are as deep for the few as for the many
    few, raised = buffers_of_a_scan(10_000)
    many, as_many = buffers_of_a_scan(1_000_000)
    print(f"1,000 due: {few} buffers over 10,000 stored, {many} over 1,000,000")  # noqa: T201
    assert raised == as_many == 1000
    assert many <= 1.3 * few


# Beat and worker as they run

LIMIT_S = float(os.environ.get("SCAN_LIMIT_S", "40"))  # 160 for some minutes


@pytest.fixture
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("hurried")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)  # PostgreSQL's own user goes through them
    with served(folder / "state", ACCEPTED_WITHIN_S=str(LIMIT_S)) as site:
        yield site


def raised_by_level(site: Site) -> list[float]:
    families = text_string_to_metric_families(
        httpx.get(f"{site.url}/metrics", headers={"Authorization": f"Bearer {PASSWORD}"}).text
    )
    found = {
        sample.labels["level"]: sample.value
        for family in families
        for sample in family.samples
        if family.name == "jiesu_alerts_raised_last_day"
    }
    return [found[level.name.lower()] for level in Level]


@pytest.mark.proof
def test_the_real_beat_and_worker_raise_reminder_warning_overdue_and_escalations_in_their_order(hurried: Site) -> None:
    channel = hurried.system("channel")
    category = next(one for one in channel.read("categories/")["results"] if one["grade"] == "ordinary")
    said = {
        "matter": "小区楼下夜间施工噪音扰民，连续三天。",
        "kind": "complaint",
        "channel": "app",
        "area": "110105009",
    }
    voice = {**said, "category": category["code"], "name": "王小明", "phone": "13800001234"}
    began = datetime.now(NOW.tzinfo)
    assert channel.submit("appeals/", voice).status_code == 201
    seen: list[list[float]] = []
    while (raised := raised_by_level(hurried)) != [1.0] * 5:
        assert raised == sorted(raised, reverse=True), "no level before the one below it"
        seen.append(raised)
        waited = (datetime.now(NOW.tzinfo) - began).total_seconds()
        assert waited < 1.5 * LIMIT_S + 60, f"after {waited} s: {raised}"
        time.sleep(0.5)
    assert seen[0] == [0.0] * 5
    assert len({tuple(raised) for raised in seen}) >= 2, "they came one after the other"
    scan = httpx.get(f"{hurried.url}/healthz").json()["scan"]
    assert (scan["ok"], scan["missed"]) == (True, 0)
