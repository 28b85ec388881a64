"""Instants as messages, letters, ledger and administration write them."""

from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.dateformat import format as formatted
from django.utils.translation import gettext


def written(instant: datetime) -> str:
    """The city's date and time, to the minute, the same in every language."""
    return f"{timezone.localtime(instant):%Y-%m-%d %H:%M}"


def spelled(moment: date) -> str:
    """The day, and the time where there is one, as a letter to a citizen writes it: 2026年12月5日17:30."""
    if isinstance(moment, datetime):
        return formatted(timezone.localtime(moment), gettext("M j, Y, H:i"))
    return formatted(moment, gettext("M j, Y"))


def day_and_time(instant: datetime, now: datetime) -> str:
    """The instant as the pages of the console write it: today 09:04, 11月28日 15:30, 2025年11月28日 15:30."""
    local, today = timezone.localtime(instant), timezone.localdate(now)
    days = {today: gettext("today"), today + timedelta(days=1): gettext("tomorrow")}
    days[today - timedelta(days=1)] = gettext("yesterday")
    day = days.get(local.date()) or formatted(local, gettext("M j") if local.year == today.year else gettext("M j, Y"))
    return f"{day} {local:%H:%M}"


def stamped(instant: datetime) -> str:
    """With its zone too, ISO 8601 and yet readable: what the ledger keeps."""
    return timezone.localtime(instant).isoformat(" ", "minutes")
