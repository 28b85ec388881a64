"""Evaluation's own record of a step: the callback of the round."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from evaluation.attempt_recount import next_attempt
from evaluation.models import Callback
from intake.merged_orders import last_of
from intake.panels import appeals_under
from workorders.models import Event, WorkOrder


def open_callback(order: WorkOrder, *, now: datetime, round: int | None = None) -> Callback:
    """Running it twice opens one callback: the database knows one a round."""
    opened = {"opened_at": now, "next_attempt_at": _agreed(order, now)}
    callback, _created = Callback.objects.get_or_create(order=order, round=round or order.round, defaults=opened)
    return callback


def _agreed(order: WorkOrder, now: datetime) -> datetime | None:
    """预约回访时间: when the complainant wishes to be called, as long as it lies ahead."""
    wishes = appeals_under(order).filter(call_back_at__gt=now)
    return wishes.order_by("call_back_at").values_list("call_back_at", flat=True).first()


def hear_wishes(event: Event, *, now: datetime) -> None:
    """A wish that comes while the callback waits already, by a merge or with what a caller adds, moves it."""
    if event.step not in ("merge", "note"):
        return
    order = last_of(event.order)
    agreed = _agreed(order, now) if order.status == "callback" else None
    if agreed:
        waiting = Callback.objects.filter(order=order, round=order.round, finished_at=None)
        waiting.filter(Q(next_attempt_at=None) | Q(next_attempt_at__gt=agreed)).update(next_attempt_at=agreed)


def without_callback() -> QuerySet[WorkOrder]:
    opened = Callback.objects.filter(order=OuterRef("pk"), round=OuterRef("round"))
    return WorkOrder.objects.filter(~Exists(opened), status="callback")


def count_attempt(event: Event, cleaned: dict[str, Any], *, now: datetime) -> None:
    callback = open_callback(event.order, now=now)
    callback.attempts, callback.agent = callback.attempts + 1, event.actor
    callback.next_attempt_at = cleaned.get("again_at") or _again(callback.attempts, event.order, now)
    callback.save(update_fields=["attempts", "agent", "next_attempt_at"])


def _again(attempts: int, order: WorkOrder, now: datetime) -> datetime | None:
    """After the attempts of the policy nobody has to wait: the order may be closed as unreachable."""
    rules = order.policy.rules
    return None if attempts >= rules.callback_attempts else next_attempt(rules, now)


def finish(event: Event, cleaned: dict[str, Any], *, now: datetime) -> None:
    """A rework starts the next round in the same step, so the callback belongs to the round before it."""
    asked = event.order.round - (event.step == "rework")
    callback = open_callback(event.order, now=now, round=asked)
    reached = cleaned.get("reached", "yes") == "yes"
    callback.reached, callback.finished_at, callback.agent = reached, now, event.actor
    callback.contacted = cleaned["contacted"] == "yes" if reached else None
    callback.solved, callback.satisfied = cleaned["solved"], cleaned["satisfied"]
    callback.words, callback.next_attempt_at = cleaned["words"], None
    callback.save()
