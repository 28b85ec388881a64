"""The desk of requests to decide 退单、延期、挂账: what waits, and both sides' words with the rule that applies."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Prefetch, Q, Subquery

from dispatch import requests
from dispatch.models import Assignment, Request
from intake.precedence import most_needed_first, sorted_by_need
from workorders import leases
from workorders.lifecycle import ClockKind
from workorders.models import Attachment, Clock, WorkOrder

if TYPE_CHECKING:
    from workorders.models import User

SHOWN = 40
Kind = Request.Kind
OPEN = Q(status=Request.Status.OPEN)


def rows(user: "User") -> list[Request]:
    """The head of the queue, with what a row shows."""
    clocks = Prefetch("order__clocks", Clock.objects.running(), to_attr="running_clocks")
    found = _sorted(waiting(user)).select_related("order__category", "order__lease__user", "unit", "asked_by")
    return list(found.defer("order__tokens", "order__comparable", "order__matter").prefetch_related(clocks)[:SHOWN])


def waiting(user: "User") -> Any:
    return Request.objects.filter(OPEN, order__in=WorkOrder.objects.visible_to(user))


def request_of(user: "User", pk: int) -> Request | None:
    """Return the request, decided or not, of an order that this user sees."""
    seen = Request.objects.filter(order__in=WorkOrder.objects.visible_to(user))
    return seen.select_related("order").defer("order__tokens").filter(pk=pk).first()


def _sorted(found: Any) -> Any:
    clocks = Clock.objects.running().filter(order=OuterRef("order"), unit=OuterRef("unit"))
    due = clocks.filter(kind=ClockKind.UNIT_RESOLUTION).values("due_at")
    return most_needed_first(found.annotate(due=Subquery(due[:1])), order="order")


def next_one(user: "User", *, now: datetime) -> Request | None:
    """Of the order they have taken already, or else of the first that nobody has."""
    asked = Request.objects.filter(OPEN, order=OuterRef("pk"))
    visible = WorkOrder.objects.visible_to(user).filter(Exists(asked))
    orders = sorted_by_need(visible, ClockKind.UNIT_RESOLUTION)
    order = leases.held(orders, user, now=now) or leases.next_of(orders, user, now=now)
    return waiting(user).filter(order=order).order_by("id").first() if order else None


@dataclass(frozen=True)
class Count:
    """How many were decided already, and how many the policy allows."""

    decided: int
    most: int

    @property
    def is_last(self) -> bool:
        return self.decided + 1 >= self.most


@dataclass(frozen=True)
class Dispute:
    """Both sides of a request on an order that was read for its page."""

    request: Request
    assignment: Assignment
    clock: Clock | None
    files: list[Attachment]
    before: list[Request]  # decided or lapsed, the latest first
    rule: str
    of_order: Count | None
    of_unit: Count | None

    @property
    def in_window(self) -> bool:
        end = self.assignment.returnable_until
        return end is not None and self.request.asked_at <= end


def dispute(order: Any, pk: int) -> Dispute | None:
    """No queries beyond what the order's page has read; none where nothing waits."""
    asked = list(order.requests.all())
    request = next((one for one in asked if one.pk == pk and one.is_open), None)
    if request is None:
        return None
    return Dispute(
        request,
        requests.leading(order),
        requests.deadline_of(order),
        _files(order, request),
        [one for one in reversed(asked) if not one.is_open],
        requests.rule_of(request.kind, order),
        *_counts(order, request),
    )


def verbs(request: Request) -> list[tuple[str, str]]:
    """(key, step) of the two ways to decide it."""
    return [("g", f"grant_{request.kind}"), ("r", f"refuse_{request.kind}")]


def _counts(order: Any, request: Request) -> tuple[Count | None, Count | None]:
    rules, decided = order.policy.rules, [one for one in order.requests.all() if one.is_decided]
    alike = [one for one in decided if one.kind == request.kind]
    if request.kind == Kind.RETURN:
        own = [one for one in alike if one.unit_id == request.unit_id]
        return Count(len(alike), rules.returns_per_order), Count(len(own), rules.returns_per_unit)
    if request.kind == Kind.EXTENSION:
        this_round = [one for one in alike if one.round == order.round]
        return Count(len(this_round), rules.extensions_per_round), None
    return None, None


def _files(order: Any, request: Request) -> list[Attachment]:
    asked = {
        event.pk
        for event in order.events.all()
        if event.step == f"request_{request.kind}" and event.at == request.asked_at
    }
    return [file for file in order.attachments.all() if file.event_id in asked]
