"""Whether the words of an order are read masked or as they were said: one rule for console and API.

They are masked for everybody. Who has given a reason to look (`reveal`) reads them plain for some minutes, except
where somebody under the order wished to stay unknown to the reader's unit.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from workorders import stages
from workorders.masking import masked

if TYPE_CHECKING:
    from workorders.models import User, WorkOrder

SHOWN_FOR = timedelta(minutes=10)
SAID = ("title", "matter", "address")  # the columns of an order that hold what somebody said


def has_looked(order: "WorkOrder", user: Any, *, now: datetime) -> bool:
    """Tell whether this user gave a reason to look within the last minutes: the ledger itself is the permission."""
    looks = (event for event in order.events.all() if event.step == "reveal" and event.actor_id == user.pk)
    return any(event.at > now - SHOWN_FOR for event in looks)


def reads_plain(order: "WorkOrder", user: "User", *, now: datetime) -> bool:
    """Tell it once for a page: the answer stays with the row that was read."""
    answers = order.__dict__.setdefault("_reads_plain", {})
    if user.pk not in answers:
        answers[user.pk] = has_looked(order, user, now=now) and not stages.hides_people(order, user)
    return bool(answers[user.pk])


def words_for(order: "WorkOrder", user: "User", text: str, *, now: datetime) -> str:
    return text if reads_plain(order, user, now=now) else masked(text)


def said_for(order: "WorkOrder", user: "User", *, now: datetime) -> dict[str, str]:
    """Return what was said of the order, each column as this user may read it."""
    return {name: words_for(order, user, getattr(order, name), now=now) for name in SAID}


def masked_within(value: Any) -> Any:
    """Mask all texts of a document."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {name: masked_within(one) for name, one in value.items()}
    return [masked_within(one) for one in value] if isinstance(value, list) else value
