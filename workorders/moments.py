"""Instants as messages, ledger and administration write them."""

from datetime import datetime

from django.utils import timezone


def written(instant: datetime) -> str:
    """The city's date and time, to the minute, the same in every language."""
    return f"{timezone.localtime(instant):%Y-%m-%d %H:%M}"
