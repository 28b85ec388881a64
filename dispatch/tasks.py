from celery import shared_task
from django.utils import timezone

from dispatch import supervision


@shared_task
def scan_clocks() -> None:
    supervision.scan(timezone.now())
