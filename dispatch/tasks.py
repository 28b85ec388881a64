from celery import shared_task
from django.utils import timezone
from oauth2_provider.models import clear_expired

from dispatch import deliveries, supervision, webhooks


@shared_task
def scan_clocks() -> None:
    supervision.scan(timezone.now())


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
