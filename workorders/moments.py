"""Instants as messages, ledger and administration write them."""

from datetime import datetime

from django.utils import timezone


def written(instant: datetime) -> str:
    """The city's date and time, to the minute, the same in every language."""
    return f"{timezone.localtime(instant):%Y-%m-%d %H:%M}"


def stamped(instant: datetime) -> str:
    """With its zone too, ISO 8601 and yet readable: what the ledger keeps."""
    return timezone.localtime(instant).isoformat(" ", "minutes")
