from celery import shared_task

from workorders import health
from workorders.api.idempotency import forget_old


@shared_task
def heartbeat() -> None:
    health.beat()


@shared_task
def forget_answers() -> None:
    forget_old()
