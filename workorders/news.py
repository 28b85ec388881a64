"""What has come to wait for somebody since they last looked, and how much waits for them in all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F, Q

from workorders import feed, selectors
from workorders.models import Event, WorkOrder
from workorders.models.request_steps import RequestSteps
from workorders.models.slip_steps import SlipSteps
from workorders.transitions import STEPS

if TYPE_CHECKING:
    from workorders.models import User
    from workorders.permissions import WorkOrderQuerySet

COUNT_UP_TO = 99
LOOKED_THROUGH = 1000  # orders that somebody touched since, at most
STEADY = 1000  # transactions that may pass before a page is told how far it has read, though nothing is new
# These leave the status as it is and yet give somebody something to decide.
BESIDE = tuple(name for table in (RequestSteps, SlipSteps) for name in vars(table) if name in STEPS)


@dataclass(frozen=True)
class News:
    """`fresh` are keys of orders, the newest first; `until` is the transaction before which all has been read."""

    waiting: int
    fresh: list[int]
    until: int


def read(user: "User", *, since: int | None, known: Iterable[int] = ()) -> News:
    """In as many queries, whatever is stored: `known` are the fresh ones that the page has announced already."""
    until = feed.settled().transaction
    waiting = waiting_for(user)
    came = _touched(user, until if since is None else since, until)
    fresh = waiting.filter(pk__in={*known, *came}).order_by("-id").values_list("pk", flat=True)
    return News(waiting.order_by()[: COUNT_UP_TO + 1].count(), list(fresh[: COUNT_UP_TO + 1]), until)


def waiting_for(user: "User") -> "WorkOrderQuerySet":
    return WorkOrder.objects.visible_to(user).filter(selectors.to_do(user))


def _touched(user: "User", since: int, until: int) -> list[int]:
    """Orders that somebody else moved or asked something about. By transactions, as the feed: none is passed over."""
    events = Event.objects.filter(transaction__gte=since, transaction__lt=until).exclude(actor=user)
    moving = events.filter(~Q(source=F("target")) | Q(step__in=BESIDE))
    return list(moving.order_by("-transaction", "-id").values_list("order_id", flat=True)[:LOOKED_THROUGH])


def bounded(count: int) -> str:
    return selectors.bounded(count, COUNT_UP_TO)
