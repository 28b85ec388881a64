import os
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from redis.exceptions import ConnectionError as RedisGone

from config.cast import Cast
from config.celery import app
from dispatch import supervision
from dispatch.models import Alert, Heartbeat
from tests.roads import Road
from workorders import health
from workorders.lifecycle import Role
from workorders.models import CalendarDay

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_healthz_is_well_while_database_redis_and_beat_answer(client: Client) -> None:
    health.beat()
    supervision.scan(timezone.now())
    response = client.get("/healthz")
    assert response.status_code == 200
    report = response.json()
    assert report["ok"]
    assert all(report[part]["ok"] for part in ("database", "redis", "beat", "scan"))


def test_healthz_is_503_without_a_heartbeat(client: Client) -> None:
    cache.delete(health.KEY)
    response = client.get("/healthz")
    assert (response.status_code, response.json()["beat"]["ok"]) == (503, False)


def test_healthz_is_503_when_the_last_heartbeat_is_old(client: Client) -> None:
    health.beat(timezone.now() - timedelta(minutes=2))
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json()["beat"]["heartbeat_age_s"] > 100


def test_healthz_is_503_when_redis_is_gone(client: Client, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json()["redis"] == {"ok": False, "error": RedisGone.__name__}
    assert response.json()["database"]["ok"]


def test_healthz_tells_how_the_scan_is(client: Client, road: Road) -> None:
    health.beat()
    supervision.scan(timezone.now())
    scan = client.get("/healthz").json()["scan"]
    assert (scan["ok"], scan["lag_s"], scan["missed"]) == (True, 0.0, 0)
    assert 0 <= scan["heartbeat_age_s"] < 30


@pytest.mark.parametrize("fault", ["heartbeat", "lag", "missed", "never"])
def test_healthz_is_503_and_the_log_says_so_when_the_scan_is_late(
    fault: str, client: Client, road: Road, caplog: pytest.LogCaptureFixture
) -> None:
    health.beat()
    now, order = timezone.now(), road.register()  # whose alerts came due months ago
    supervision.scan(now - 2 * MINUTE if fault == "heartbeat" else now)
    if fault == "lag":
        road.now = now - 65 * MINUTE
        road.register()
    if fault == "missed":
        Alert.objects.filter(clock__order=order).first().delete()
    if fault == "never":
        Heartbeat.objects.all().delete()
    supervision._said.cache_clear()
    response = client.get("/healthz")
    assert (response.status_code, response.json()["scan"]["ok"]) == (503, False)
    assert client.get("/healthz").status_code == 503
    told = [record for record in caplog.records if record.name == "dispatch.supervision"]
    assert [record.levelname for record in told] == ["ERROR"], "once a minute, however often it is asked"


def test_healthz_answers_when_the_database_does_not(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_args: Any, **_options: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(connection, "cursor", gone)
    report = client.get("/healthz")
    assert report.status_code == 503
    assert report.json()["scan"] == {"ok": False, "error": "OperationalError"}


def test_redis_that_is_gone_does_not_make_the_scan_look_late(client: Client, settings: Any) -> None:
    supervision.scan(timezone.now())
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert client.get("/healthz").json()["scan"]["ok"]


@pytest.mark.parametrize(
    ("role", "warned"), [(Role.SUPERVISOR, True), (Role.ADMINISTRATOR, True), (Role.OPERATOR, False)]
)
def test_who_has_to_act_is_told_on_every_page_that_the_scan_is_late(
    role: Role, warned: bool, client: Client, cast: Cast
) -> None:
    client.force_login(cast.of(role))
    late = 'class="alert alert-danger"'
    supervision.scan(timezone.now() - 5 * MINUTE)
    assert ('hx-get="/banners/"' in client.get("/orders/").content.decode()) is warned
    assert (late in client.get("/banners/").content.decode()) is warned
    supervision.scan(timezone.now())
    assert late not in client.get("/banners/").content.decode()


# /metrics


def figures(client: Client, **headers: Any) -> dict[str, float]:
    with mock.patch.dict(os.environ, METRICS_TOKEN="right"):
        response = client.get("/metrics", HTTP_AUTHORIZATION="Bearer right", **headers)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(response.content.decode())
    return {"/".join([one.name, *one.labels.values()]): one.value for family in families for one in family.samples}


def test_metrics_tell_the_scan_the_alerts_of_the_day_and_what_is_overdue(client: Client, road: Road) -> None:
    health.beat()
    road.now = timezone.now() - 3 * HOUR
    road.register()
    supervision.scan(timezone.now())
    found = figures(client)
    assert (
        found["jiesu_up/scan"] == found["jiesu_up/database"] == found["jiesu_up/redis"] == found["jiesu_up/beat"] == 1
    )
    assert (found["jiesu_scan_lag_seconds"], found["jiesu_scan_missed_alerts"]) == (0, 0)
    assert found["jiesu_scan_heartbeat_age_seconds"] < 30
    by_level = {
        name: found[f"jiesu_alerts_raised_last_day/{name}"] for name in ("reminder", "warning", "overdue", "higher")
    }
    assert by_level == {"reminder": 1, "warning": 1, "overdue": 1, "higher": 0}
    assert (found["jiesu_clocks_overdue/acceptance"], found["jiesu_clocks_overdue/callback"]) == (1, 0)


def test_metrics_say_what_is_down(client: Client, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    found = figures(client)
    assert (found["jiesu_up/redis"], found["jiesu_up/scan"], found["jiesu_up/database"]) == (0, 0, 1)
    assert "jiesu_scan_heartbeat_age_seconds" not in found, "before the first scan there is none"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "203.0.114.7", ""])
@pytest.mark.parametrize(
    ("brought", "status"), [("Bearer right", 200), ("Bearer wrong", 404), ("Bearer ", 404), ("", 404)]
)
def test_metrics_are_for_who_has_the_token_wherever_the_call_seems_to_come_from(
    address: str, brought: str, status: int, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "right")
    assert client.get("/metrics", REMOTE_ADDR=address, HTTP_AUTHORIZATION=brought).status_code == status
    monkeypatch.delenv("METRICS_TOKEN")
    assert client.get("/metrics", REMOTE_ADDR=address, HTTP_AUTHORIZATION=brought).status_code == 404


def test_the_administrator_is_warned_of_a_year_that_nobody_has_announced(client: Client, cast: Cast) -> None:
    soon = timezone.localdate() + health.REACH
    CalendarDay.objects.filter(date__year__gte=soon.year).delete()
    client.force_login(cast.of(Role.ADMINISTRATOR))
    assert str(soon.year) in client.get("/orders/").content.decode()
    CalendarDay.objects.create(date=soon, is_working=True)
    assert "calendar-exclamation" not in client.get("/orders/").content.decode()


def test_no_task_waits_for_an_interval_that_a_restart_of_the_beat_begins_anew() -> None:
    intervals = {
        name: one["schedule"] for name, one in app.conf.beat_schedule.items() if type(one["schedule"]) is float
    }
    assert max(intervals.values()) <= 3600, intervals
    assert {name for name in app.conf.beat_schedule if name not in intervals} == {"prune notices", "prune deliveries"}
