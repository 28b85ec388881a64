from celery import shared_task

from workorders import health


@shared_task
def heartbeat() -> None:
    health.beat()
