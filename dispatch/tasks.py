from celery import shared_task
from django.utils import timezone
from oauth2_provider.models import clear_expired

from dispatch import (
    alerts,
    deliveries,
    handovers,
    notices,
    rectifications,
    sending,
    slips,
    supervision,
    thresholds,
    webhooks,
)


@shared_task
def scan_clocks() -> None:
    supervision.scan(timezone.now())


@shared_task
def hand_over_from_closed_units() -> None:
    handovers.hand_over_from_closed_units(timezone.now())


@shared_task
def plan_notices() -> None:
    now = timezone.now()
    notices.plan(now)
    notices.release(now)


@shared_task
def send_notices() -> None:
    sending.send(timezone.now())


@shared_task
def prune_notices() -> None:
    notices.prune(timezone.now())


@shared_task
def settle_alerts() -> None:
    alerts.settle(timezone.now())


@shared_task
def evaluate_thresholds() -> None:
    thresholds.evaluate(timezone.now())


@shared_task
def supervise_slips() -> None:
    slips.supervise(timezone.now())


@shared_task
def demand_rectifications() -> None:
    rectifications.demand(timezone.now())


@shared_task
def flag_rectifications() -> None:
    rectifications.flag_overdue(timezone.now())


@shared_task
def watch_scan() -> None:
    supervision.alarm(timezone.now())


@shared_task
def walk_webhooks() -> None:
    webhooks.walk(timezone.now())


@shared_task
def send_deliveries() -> None:
    while deliveries.send(timezone.now()) == deliveries.BATCH:
        pass


@shared_task
def prune_deliveries() -> None:
    webhooks.prune(timezone.now())


@shared_task
def clear_tokens() -> None:
    clear_expired()
