"""The callbacks of one order, round by round: what was answered, and each attempt that reached nobody."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluation.forms import AttemptForm
from evaluation.models import Callback
from workorders.models import Event

WHY = dict(AttemptForm.WHY)


@dataclass(frozen=True)
class Attempt:
    at: datetime
    why: Any
    agent: Any


@dataclass(frozen=True)
class Round:
    callback: Callback
    attempts: list[Attempt]


def of(order: Any) -> list[Round]:
    """The first one first. The attempts come from the ledger, which the page has read."""
    events = list(order.events.all())
    found = order.callbacks.select_related("agent").order_by("round")
    return [Round(callback, list(_attempts(events, callback.round))) for callback in found]


def _attempts(events: Iterable[Event], round: int) -> Iterable[Attempt]:
    for event in events:
        if event.step == "attempt" and event.round == round:
            yield Attempt(event.at, WHY.get(event.data["why"], event.data["why"]), event.actor)
