"""Does the supervision scan keep up? Until the scan says so itself, read from what it leaves behind."""

from datetime import datetime, timedelta

from django.core.cache import cache

from workorders import health
from workorders.models import Clock

GRACE = timedelta(seconds=90)  # the beat's minute, and the time the scan itself takes
BOUND = 1000


def proof(now: datetime) -> tuple[float | None, float, int]:
    """(age of the beat's last heartbeat, how far the scan is behind, both in seconds; alerts it should have raised)."""
    due = Clock.objects.running().filter(paused_at=None, next_alert_at__lte=now).order_by("next_alert_at")
    waiting = [instant for instant in due.values_list("next_alert_at", flat=True)[: BOUND + 1] if instant]
    lag = (now - waiting[0]).total_seconds() if waiting else 0.0
    beat = cache.get(health.KEY)
    return (now.timestamp() - beat if beat else None), lag, sum(instant <= now - GRACE for instant in waiting)
