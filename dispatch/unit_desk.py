"""The unit desk 办理台: what a unit has in hand, in the order of its own deadlines, and what comes next with each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dispatch.models import Assignment, Request
from workorders.lifecycle import HELD, ClockKind, Role, Status
from workorders.models import Clock, Event, WorkOrder
from workorders.refusals import NotVisible, Refused
from workorders.selectors import pressing
from workorders.transitions import STEPS, perform

if TYPE_CHECKING:
    from workorders.models import User
    from workorders.permissions import WorkOrderQuerySet

PAGE_SIZE = 30
MANY = 200
ROAD = ("sign", "contact", "arrive", "report")
STOPS = {
    "sign": ClockKind.SIGNING.label,
    "contact": ClockKind.CONTACT.label,
    "arrive": ClockKind.ARRIVAL.label,
    "report": _("Result"),
}
AS = {
    "co_sign": "sign",
    "co_report": "report",
    "approve": "report",
}  # where on the road a co-handling unit's step stands


@dataclass(frozen=True)
class Tab:
    name: str
    label: Promise
    condition: Q
    roles: tuple[Role, ...] = (Role.HANDLER,)


@dataclass(frozen=True)
class Shelf:
    """One tab as a page shows it."""

    name: str
    label: Promise
    count: int


@dataclass(frozen=True)
class Page:
    orders: Sequence[WorkOrder]
    number: int
    more: bool


def tabs(user: "User") -> list[Tab]:
    """What this user's unit may have in hand; the first that holds something is the one to begin with."""
    unit = user.unit
    ours, runs = Q(lead_unit=unit), _runs(unit)
    signing, contact, result = (runs(ClockKind.SIGNING), runs(ClockKind.CONTACT), runs(ClockKind.UNIT_RESOLUTION))
    helps = Q(Exists(_assignments(unit).filter(order=OuterRef("pk"))))
    at_work = ours & Q(status__in=[Status.HANDLING, Status.SUSPENDED])
    asked = Request.objects.filter(order=OuterRef("pk"), unit=unit, status=Request.Status.OPEN)
    back = Event.objects.filter(order=OuterRef("pk"), step="send_back", round=OuterRef("round"))
    again = Q(status=Status.HANDLING) & (Q(round__gt=1) | Q(Exists(back)))
    found = [
        Tab("sign", _("To sign"), (ours & Q(status=Status.DISPATCHED)) | (helps & signing)),
        Tab("contact", _("To contact"), at_work & contact),
        Tab("handling", _("In handling"), at_work & ~contact),
        Tab("again", _("Returned or redone"), ours & again),
        Tab("co", _("Co-handling"), helps & result),
        Tab("review", _("To review"), ours & Q(status=Status.REPORTED), (Role.REVIEWER,)),
        Tab("asked", _("Asked for"), ours & Q(Exists(asked)), (Role.HANDLER, Role.REVIEWER)),
    ]
    return [tab for tab in found if user.has_role(*tab.roles)]


def shelves(user: "User") -> list[Shelf]:
    """The tabs with how much is on each, in one query."""
    found = tabs(user)
    counts = {tab.name: Count("pk", filter=tab.condition) for tab in found}
    counted = in_hand(user).aggregate(**counts) if found else {}
    return [Shelf(tab.name, tab.label, counted[tab.name]) for tab in found]


def page(user: "User", tab: Tab, number: int) -> Page:
    first = (number - 1) * PAGE_SIZE
    rows = list(_most_pressing_first(on_shelf(user, tab), user)[first : first + PAGE_SIZE + 1])
    orders = rows[:PAGE_SIZE]
    for order in orders:
        tell(order, user)
    return Page(orders, number, len(rows) > PAGE_SIZE)


def on_shelf(user: "User", tab: Tab) -> "WorkOrderQuerySet":
    return in_hand(user).filter(tab.condition)


def in_hand(user: "User") -> "WorkOrderQuerySet":
    """What the user's own unit leads or co-handles, and has not let out of its hands."""
    ours = Q(lead_unit=user.unit) | Q(pk__in=_assignments(user.unit).values("order"))
    return WorkOrder.objects.visible_to(user).filter(ours, status__in=HELD)


def _assignments(unit: Any) -> Any:
    return Assignment.objects.filter(unit=unit, part=Assignment.Part.CO_HANDLING, ended_at=None)


def _runs(unit: Any) -> Any:
    clocks = Clock.objects.running().filter(order=OuterRef("pk"), unit=unit)
    return lambda kind: Q(Exists(clocks.filter(kind=kind)))


def _most_pressing_first(orders: "WorkOrderQuerySet", user: "User") -> Any:
    """By the clocks of this unit alone; what stands still comes last."""
    ours = Clock.objects.running().filter(unit=user.unit)
    due = ours.filter(order=OuterRef("pk"), paused_at=None).order_by("due_at").values("due_at")[:1]
    rows = orders.annotate(due=Subquery(due)).order_by(F("due").asc(nulls_last=True), "pk")
    clocks = Prefetch("clocks", ours, to_attr="own_clocks")
    return rows.select_related("area", "category", "lead_unit").defer("tokens", "matter").prefetch_related(clocks)


# What comes next


def tell(order: Any, user: "User") -> None:
    """Needs `own_clocks`, the running ones of this unit."""
    order.pressing = pressing(order.own_clocks)
    order.co_handled = order.lead_unit_id != user.unit_id
    order.next_step = next_step(order, user)
    order.road = road(order)
    order.next_label = _label(order.next_step)


def _label(step: str) -> "Promise | str":
    if step == "contact":
        return _("Call the complainant")
    return STEPS[step].label if step else _("Look at it")


def next_step(order: Any, user: "User") -> str:
    """sign → call → arrive → report, as far as this unit owes it; none where it waits for others."""
    owed = {clock.kind for clock in order.own_clocks}
    if order.co_handled:
        return _next_of_helper(order, owed)
    if order.status == Status.REPORTED:
        return "approve" if user.has_role(Role.REVIEWER) else ""
    if order.status == Status.DISPATCHED:
        return "sign"
    if ClockKind.CONTACT in owed:
        return "contact"
    if order.status != Status.HANDLING:
        return ""
    return "arrive" if ClockKind.ARRIVAL in owed else "report"


def _next_of_helper(order: Any, owed: set[str]) -> str:
    if ClockKind.SIGNING in owed:
        return "co_sign"
    return "co_report" if ClockKind.UNIT_RESOLUTION in owed and order.status == Status.HANDLING else ""


def road(order: Any) -> list[tuple[str, Promise, str]]:
    """(stop, label, done/now/ahead); only who has to arrive sees the arrival."""
    owed = {clock.kind for clock in order.own_clocks}
    stops = [stop for stop in ROAD if stop != "arrive" or ClockKind.ARRIVAL in owed or order.grade == "emergency"]
    stops = [stop for stop in stops if not order.co_handled or stop in ("sign", "report")]
    now = AS.get(order.next_step, order.next_step)
    here = stops.index(now) if now in stops else len(stops)
    states = ["done"] * here + ["now"] + ["ahead"] * len(stops)
    return [(stop, STOPS[stop], state) for stop, state in zip(stops, states, strict=False)]


# Many at once


@dataclass(frozen=True)
class Outcome:
    order: WorkOrder
    refusal: Any = None


def sign(user: "User", numbers: Sequence[str] | None, *, now: datetime) -> list[Outcome]:
    """Each for itself, as if it had been signed alone; all new ones where no number is given. In the order of their keys:
    two calls that lock the same orders never wait for each other in a circle."""
    new = on_shelf(user, next(tab for tab in tabs(user) if tab.name == "sign"))
    chosen = new if numbers is None else WorkOrder.objects.visible_to(user).filter(number__in=numbers[:MANY])
    return [_signed(order, user, now) for order in chosen.defer("tokens", "matter").order_by("pk")[:MANY]]


def _signed(order: WorkOrder, user: "User", now: datetime) -> Outcome:
    step = "sign" if order.lead_unit_id == user.unit_id else "co_sign"
    try:
        perform(order.pk, step, actor=user, now=now)
    except Refused as refusal:
        return Outcome(order, refusal.message)
    return Outcome(order)


def tab_of(user: "User", name: str) -> Tab:
    found = {tab.name: tab for tab in tabs(user)}
    if name not in found:
        raise NotVisible
    return found[name]
