"""The next attempt of a callback after a change of the calendar; what was agreed with the complainant stays."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_lazy

from evaluation.models import Callback
from workorders import clocks
from workorders.models import CalendarChange, Event
from workorders.recounts import Move, running_across

if TYPE_CHECKING:
    from workorders.models import WorkOrder
    from workorders.policy import Rules


def next_attempt(rules: "Rules", attempt_at: datetime) -> datetime:
    return clocks.end_of(rules.callback_wait, rules, attempt_at).at


def _attempts() -> QuerySet[Event]:
    return Event.objects.filter(step="attempt").order_by("-number")


def touched(changed: QuerySet[CalendarChange]) -> Iterable[int]:
    of_round = _attempts().filter(order=OuterRef("order"), round=OuterRef("round"))
    resting = Callback.objects.filter(finished_at=None, next_attempt_at__isnull=False, attempts__gt=0)
    since = resting.annotate(attempt_at=Subquery(of_round.values("at")[:1]))
    return running_across(since, changed, "attempt_at", "next_attempt_at").values_list("order_id", flat=True)


def moves(order: "WorkOrder", *, now: datetime) -> list[Move]:
    resting = _resting(order, now)
    if resting is None or resting.next_attempt_at is None:
        return []
    fresh = _recounted(resting, now)
    if fresh == resting.next_attempt_at:
        return []
    return [Move(gettext_lazy("Next attempt of the callback"), resting.next_attempt_at, fresh)]


def recount(event: "Event", *, now: datetime) -> None:
    resting = _resting(event.order, now)
    if resting is not None:
        resting.next_attempt_at = _recounted(resting, now)
        resting.save(update_fields=["next_attempt_at"])


def _resting(order: "WorkOrder", now: datetime) -> Callback | None:
    waiting = Callback.objects.filter(order=order, round=order.round, finished_at=None, attempts__gt=0)
    return waiting.filter(next_attempt_at__gt=now).first()


def _recounted(resting: Callback, now: datetime) -> datetime:
    attempt = _attempts().filter(order=resting.order, round=resting.round).first()
    assert resting.next_attempt_at
    if attempt is None or "again_at" in attempt.data:
        return resting.next_attempt_at
    return max(next_attempt(resting.order.policy.rules, attempt.at), now)
