from celery import shared_task
from django.utils import timezone

from archive import services


@shared_task
def archive_due() -> None:
    services.archive_due(timezone.now())
