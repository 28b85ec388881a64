"""What standard texts may say of the handling."""

from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from dispatch import replies, reply_words
from workorders.masking import masked
from workorders.models import Event
from workorders.moments import spelled
from workorders.standard_texts import Case, add_field

READ_OUT = 200  # characters: a longer result is told in the reader's own words


def _latest(case: Case, step: str) -> Event | None:
    found = (event for event in case.order.events.all() if event.step == step)
    return max(found, key=lambda event: event.number, default=None)


def result(case: Case) -> str:
    event = _latest(case, "report")
    if event is None:
        return ""
    said = replies.apart(str(event.data["text"]), reply_words.headings())
    return Truncator(masked(said.get("opinion", ""))).chars(READ_OUT)


def result_day(case: Case) -> str:
    event = _latest(case, "approve")
    return spelled(timezone.localdate(event.at)) if event else ""


def add() -> None:
    add_field("result", _("Result of the unit"), result)
    add_field("result_day", _("Day of the result"), result_day)
