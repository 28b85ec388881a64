"""/metrics: the figures of the scan and of the platform in Prometheus' text format, gathered when they are asked for."""

import hmac
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from dispatch.models import Alert
from workorders import health
from workorders.lifecycle import ClockKind, Level
from workorders.models import Clock

DAY = timedelta(days=1)
SCAN = {
    "heartbeat_age_s": ("jiesu_scan_heartbeat_age_seconds", "Since the last scan came to its end"),
    "lag_s": ("jiesu_scan_lag_seconds", "Age of the oldest due alert that is not raised"),
    "missed": ("jiesu_scan_missed_alerts", "Alerts that should exist by now and do not"),
}


class Figures(Collector):
    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterator[Metric]:
        report = health.report(self.now)
        parts = {name: part for name, part in report.items() if name != "ok"}
        yield _labelled(
            "jiesu_up", "Whether a part answers", "part", {name: part["ok"] for name, part in parts.items()}
        )
        yield from (_gauge(*SCAN[key], parts["scan"][key]) for key in SCAN if parts["scan"].get(key) is not None)
        if parts["database"]["ok"]:
            yield from self._of_database()

    def _of_database(self) -> Iterator[Metric]:
        alerts = Alert.objects.filter(raised_at__gt=self.now - DAY).order_by().values_list("level")
        raised = dict(alerts.annotate(Count("pk")))
        by_level = {level.name.lower(): raised.get(level, 0) for level in Level}
        yield _labelled("jiesu_alerts_raised_last_day", "Alerts raised in the last 24 hours", "level", by_level)
        overdue = Clock.objects.overdue(self.now).order_by().values_list("kind")
        by_kind = dict.fromkeys(ClockKind.values, 0) | dict(overdue.annotate(Count("pk")))
        yield _labelled("jiesu_clocks_overdue", "Running clocks past their deadline", "kind", by_kind)


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    if not _may_read(request):
        raise Http404
    registry = CollectorRegistry()
    registry.register(Figures(timezone.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_read(request: HttpRequest) -> bool:
    """With the token, from wherever: a proxy that says nothing of itself makes the whole world look near."""
    token = os.environ.get("METRICS_TOKEN", "")
    brought = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(brought.encode(), f"Bearer {token}".encode())


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family
