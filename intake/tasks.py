from celery import shared_task
from django.utils import timezone

from intake import calls, corrections, outbox


@shared_task
def work_off_corrections() -> None:
    corrections.work_off(timezone.now())


@shared_task
def send_messages() -> None:
    outbox.send(timezone.now())


@shared_task
def prune_calls() -> None:
    calls.prune(timezone.now())
