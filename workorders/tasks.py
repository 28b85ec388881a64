from celery import shared_task
from django.utils import timezone

from workorders import health, recounts
from workorders.api.idempotency import forget_old


@shared_task
def heartbeat() -> None:
    health.beat()


@shared_task
def recount_deadlines() -> None:
    recounts.recount_changed(timezone.now())


@shared_task
def forget_answers() -> None:
    forget_old()
