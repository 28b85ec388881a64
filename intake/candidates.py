"""What stands beside a new order: orders that may be the same, and what they suggest. Found by index, never by reading all."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Q, When
from django.utils.translation import gettext as _

from intake import duplicates, merged_orders, places, suggesting
from intake.duplicates import Likeness
from intake.forms import ENDED_OTHERWISE
from intake.models import Appeal
from workorders import search
from workorders.fields import telephone_indexes
from workorders.lifecycle import OPEN, Status
from workorders.models import Area, Category, WorkOrder

if TYPE_CHECKING:
    from workorders.models import User
    from workorders.permissions import WorkOrderQuerySet

RECENT = timedelta(days=90)
GATHERED = 60  # rows that each of the three ways brings
SHARE = 0.02  # of all orders, that the words looked for may stand in
WORDS = 12
SHORTEST = 4  # tokens before a text says anything
SHOWN = ("number", "title", "status", "is_history", "registered_at", "area", "address", "tokens", "category")


@dataclass(frozen=True)
class Asked:
    """What is known of the new order so far; `but` is the order itself, where there is one already."""

    text: str = ""
    phones: Collection[str] = ()
    area: Area | None = None
    address: str = ""
    but: int | None = None

    @cached_property
    def tokens(self) -> set[str]:
        return _pairs(f"{self.text} / {self.address}")

    @cached_property
    def place(self) -> set[str]:
        return _pairs(self.address)


@dataclass
class Alike:
    order: WorkOrder
    likeness: Likeness

    @property
    def is_open(self) -> bool:
        return self.order.status in OPEN

    @property
    def may_be_parent(self) -> bool:
        return self.order.status not in ENDED_OTHERWISE and not self.order.is_history

    @property
    def reasons(self) -> list[str]:
        found = [_("same caller")] if self.likeness.same_caller else []
        found += [_("same place")] if self.likeness.same_place else []
        return [*found, _("alike %(percent)s%%") % {"percent": self.likeness.percent}]


@dataclass
class Beside:
    alike: list[Alike] = field(default_factory=list)
    categories: list[tuple[Category, int]] = field(default_factory=list)
    area: Area | None = None


def beside(asked: Asked, user: "User", *, now: datetime) -> Beside:
    """Four questions to the database, and the statistics once in ten minutes."""
    theirs = list(by_caller(asked, user, now))
    known = search.frequencies(least=0.0)
    others = [*by_words(asked, user, now, known), *by_area(asked, user, now)]
    callers = {order.pk for order in theirs}
    orders = {order.pk: order for order in [*theirs, *others] if order.pk != asked.but}
    found = [Alike(order, likeness(asked, order, order.pk in callers, known)) for order in orders.values()]
    found.sort(key=lambda one: (-one.likeness.score, -one.order.pk))
    return Beside(
        alike=[one for one in found if one.likeness.is_likely and _is_current(one.order, now)][: duplicates.MOST],
        categories=_categories(asked, found, known),
        area=None if asked.area else _area(asked),
    )


def likeness(asked: Asked, order: WorkOrder, same_caller: bool, known: dict[str, float]) -> Likeness:
    """The place is judged by itself: two matters of one courtyard are not alike for that."""
    places = asked.place | _pairs(order.address)
    there = {token for token in order.tokens if len(token) == 2}
    text = duplicates.similarity(asked.tokens - places, there - places, known)
    return Likeness(text, _place(asked, order, known), same_caller)


def _place(asked: Asked, order: WorkOrder, known: dict[str, float]) -> float:
    """Nothing where one of the two names no place, or another area."""
    if not asked.place or (asked.area and order.area_id and asked.area.pk != order.area_id):
        return 0.0
    return duplicates.similarity(asked.place, _pairs(order.address), known)


def by_caller(asked: Asked, user: "User", now: datetime) -> "WorkOrderQuerySet":
    hashes = [index for phone in asked.phones for index in telephone_indexes(phone)]
    orders = _orders(user)
    if not hashes:
        return orders.none()
    asked_by = Appeal.objects.filter(complainant__phone_indexes__overlap=hashes)
    newest = asked_by.order_by("-pk").values("pk")[:GATHERED]
    theirs = merged_orders.orders_with(Appeal.objects.filter(pk__in=newest))
    return orders.filter(pk__in=theirs).filter(_matters(now))


def by_words(asked: Asked, user: "User", now: datetime, known: dict[str, float]) -> "WorkOrderQuerySet":
    """The rare words lead to few orders by the index of words; those that hold most of them come first."""
    words = duplicates.rare(asked.tokens, known, share=SHARE, most=WORDS)
    orders = _orders(user)
    if len(asked.tokens) < SHORTEST or not words:
        return orders.none()
    held = sum((Case(When(tokens__contains=[word], then=1), default=0) for word in words[1:]), _first(words[0]))
    return orders.filter(tokens__overlap=words).filter(_matters(now)).order_by(-held, "-id")[:GATHERED]


def by_area(asked: Asked, user: "User", now: datetime) -> "WorkOrderQuerySet":
    """The newest of the place, whatever words they use; old ones still say what is complained of there."""
    orders = _orders(user)
    return orders.filter(area=asked.area).order_by("-id")[:GATHERED] if asked.area else orders.none()


def _first(word: str) -> Any:
    return Case(When(tokens__contains=[word], then=1), default=0)


def _orders(user: "User") -> "WorkOrderQuerySet":
    return WorkOrder.objects.visible_to(user).only(*SHOWN).filter(parent=None).exclude(status=Status.WITHDRAWN)


def _is_current(order: WorkOrder, now: datetime) -> bool:
    return order.status in OPEN or order.registered_at >= now - RECENT


def _matters(now: datetime) -> Q:
    return Q(status__in=OPEN) | Q(registered_at__gte=now - RECENT)


def _categories(asked: Asked, found: Iterable[Alike], known: dict[str, float]) -> list[tuple[Category, int]]:
    if len(asked.tokens) < SHORTEST:
        return []
    leaves = {one.pk: one for one in Category.objects.filter(is_active=True, children=None)}
    names = {pk: _pairs(one.name) for pk, one in leaves.items()}
    near = [(one.order.category_id, one.likeness.text) for one in found if one.order.category_id in leaves]
    suggested = suggesting.suggest(asked.tokens, names, near, known)
    return [(leaves[one.category], one.percent) for one in suggested]


def _area(asked: Asked) -> Area | None:
    """What the words name as the place, where nothing was chosen yet."""
    chosen = Area.objects.filter(is_active=True).exclude(level=Area.Level.CITY).select_related("parent")
    areas = {one.pk: one for one in chosen} if asked.text.strip(" /") or asked.address else {}
    named = [places.Named(one.pk, one.name, one.parent.name if one.parent else "") for one in areas.values()]
    found = places.spoken_of(f"{asked.address} / {asked.text}", named)
    return areas[found] if found else None


def _pairs(text: str) -> set[str]:
    return {token for token in search.cut(text) if len(token) == 2}
