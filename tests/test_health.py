from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisGone

from config.cast import Cast
from workorders import health
from workorders.lifecycle import Role
from workorders.models import CalendarDay

pytestmark = pytest.mark.django_db


def test_healthz_is_well_while_database_redis_and_beat_answer(client: Client) -> None:
    health.beat()
    response = client.get("/healthz")
    assert response.status_code == 200
    report = response.json()
    assert report["ok"]
    assert all(report[part]["ok"] for part in ("database", "redis", "beat"))


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


def test_the_administrator_is_warned_of_a_year_that_nobody_has_announced(client: Client, cast: Cast) -> None:
    soon = timezone.localdate() + health.REACH
    CalendarDay.objects.filter(date__year__gte=soon.year).delete()
    client.force_login(cast.of(Role.ADMINISTRATOR))
    assert str(soon.year) in client.get("/orders/").content.decode()
    CalendarDay.objects.create(date=soon, is_working=True)
    assert "calendar-exclamation" not in client.get("/orders/").content.decode()
