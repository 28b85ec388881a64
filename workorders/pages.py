"""The console's list by key set: a page begins where the one before ended, whatever came, moved or left in between."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext as _

from workorders.models import Clock, WorkOrder
from workorders.refusals import Invalid

if TYPE_CHECKING:
    from workorders.permissions import WorkOrderQuerySet

WRITTEN = re.compile(r"(\d{1,18})(?:_(\d{1,17}))?", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Place:
    """Where an order stands in the list; `due` where its deadline has a part in that."""

    order: int
    due: datetime | None = None

    def __str__(self) -> str:
        return f"{self.order}_{(self.due - EPOCH) // MICROSECOND}" if self.due else str(self.order)


def place_at(text: str) -> Place | None:
    """Read a place out of an address."""
    if not text:
        return None
    written = WRITTEN.fullmatch(text)
    try:
        order, microseconds = written.groups() if written else ("", None)
        return Place(int(order), EPOCH + int(microseconds) * MICROSECOND if microseconds else None)
    except (ValueError, OverflowError):
        raise Invalid(_("This address does not lead to a page of the list. Begin at its first page.")) from None


@dataclass(frozen=True)
class Stretch:
    """A part of the list that one index serves: orders by deadline, or the newest first."""

    orders: Any  # a WorkOrderQuerySet, annotated with `due` where it goes by deadline
    by_deadline: bool = False

    def after(self, place: Place | None) -> Any:
        rows = self.orders.order_by("due", "-id") if self.by_deadline else self.orders.order_by("-id")
        if place is None:
            return rows
        if not self.by_deadline:
            return rows if place.due else rows.filter(id__lt=place.order)
        if place.due is None:
            return rows.none()
        return rows.filter(Q(due__gte=place.due) & (Q(due__gt=place.due) | Q(id__lt=place.order)))

    def before(self, place: Place) -> Any:
        """Backwards: the last one of them first."""
        rows = self.orders.order_by("-due", "id") if self.by_deadline else self.orders.order_by("id")
        if not self.by_deadline:
            return rows.none() if place.due else rows.filter(id__gt=place.order)
        if place.due is None:
            return rows
        return rows.filter(Q(due__lte=place.due) & (Q(due__lt=place.due) | Q(id__gt=place.order)))


def stretches(orders: "WorkOrderQuerySet", sort: str | None) -> list[Stretch]:
    if sort != "deadline":
        return [Stretch(orders)]
    counting = Clock.objects.running().filter(order=OuterRef("pk"), paused_at=None)
    # Each order stands at its first deadline: its later clocks lead to nothing, and the index of clocks is walked.
    sooner = Q(due_at__lt=OuterRef("clocks__due_at")) | Q(
        due_at=OuterRef("clocks__due_at"), id__lt=OuterRef("clocks__id")
    )
    timed = orders.filter(
        ~Exists(counting.filter(sooner)), clocks__stopped_at=None, clocks__paused_at=None, clocks__isnull=False
    )
    return [
        Stretch(timed.annotate(due=F("clocks__due_at")), by_deadline=True),
        Stretch(orders.filter(~Exists(counting))),
    ]


@dataclass(frozen=True)
class Page:
    """`earlier` and `later` are the places that the neighbouring pages end or begin at, empty where there is none."""

    orders: Sequence[WorkOrder]
    earlier: str = ""
    later: str = ""


def page_after(parts: Sequence[Stretch], place: Place | None, size: int) -> Page:
    rows: list[Any] = []
    for part in parts:
        if len(rows) <= size:
            rows += part.after(place)[: size + 1 - len(rows)]
    if place and not rows:
        return page_after(parts, None, size)  # all that stood behind it has gone
    orders = rows[:size]
    return Page(
        orders,
        earlier=str(_place_of(orders[0])) if place and orders else "",
        later=str(_place_of(orders[-1])) if len(rows) > size else "",
    )


def page_before(parts: Sequence[Stretch], place: Place, size: int) -> Page:
    """Return the page that ends before the place, or the first one where no full page lies there any more."""
    rows: list[Any] = []
    for part in reversed(parts):
        if len(rows) <= size:
            rows += part.before(place)[: size + 1 - len(rows)]
    if len(rows) <= size:
        return page_after(parts, None, size)
    orders = rows[:size][::-1]
    return Page(orders, earlier=str(_place_of(orders[0])), later=str(_place_of(orders[-1])))


def _place_of(order: Any) -> Place:
    return Place(order.pk, getattr(order, "due", None))
