"""Reading orders for list and page, each in a fixed number of queries."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Case, Exists, OuterRef, Prefetch, Q, Subquery, When
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workorders import search, stages
from workorders.attachments import DIGESTS
from workorders.forms import CodeField
from workorders.lifecycle import MAIN_ROAD, OPEN, ActsFor, ClockKind, Grade, Status
from workorders.models import Clock, Event, User, WorkOrder
from workorders.moments import day_and_time, spelled
from workorders.pages import Place, page_after, page_before, stretches
from workorders.transitions import STEPS, form_of, steps_of

if TYPE_CHECKING:
    from workorders.permissions import WorkOrderQuerySet

PAGE_SIZE = 25
MOMENT = re.compile(r"[12]\d{3}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
COUNT_UP_TO = 1000

# The steps an order waits for; the others move it too, but only when something happens outside.
NOT_AWAITED = (
    *("withdraw", "merge", "recall", "end_meeting", "suspend", "resume", "object", "archive"),
    *("assign_down", "hand_over", "grant_return", "grant_suspension", "lapse_correction"),
)
AWAITED = {
    name: list(targets)
    for name, _step, targets in steps_of(WorkOrder)
    if name not in NOT_AWAITED and any(source != target for source, target in targets.items())
}


@dataclass(frozen=True)
class Narrowing:
    """A filter that a later stage adds for its links, by fields that nobody fills by hand. Without `name` it says nothing."""

    name: str
    label: Promise
    fields: Callable[[], dict[str, forms.Field]]
    condition: Callable[[dict[str, Any], datetime], Q]
    words: Callable[[dict[str, Any]], str]


_narrowings: list[Narrowing] = []


def add_narrowing(narrowing: Narrowing) -> None:
    if narrowing not in _narrowings:
        _narrowings.append(narrowing)


# What a later stage knows to find: (user, what was typed) to the list's query, or none.
_finders: list[Callable[[User, str], dict[str, str] | None]] = []


def add_finder(finder: Callable[[User, str], dict[str, str] | None]) -> None:
    if finder not in _finders:
        _finders.append(finder)


def found_by_stages(user: User, typed: str) -> dict[str, str] | None:
    return next((query for finder in _finders if (query := finder(user, typed))), None)


class FilterForm(forms.Form):
    VIEWS = [("todo", _("To do")), ("open", _("Open")), ("all", _("All"))]
    DEADLINES = [
        ("", _("Any deadline")),
        ("overdue", _("Overdue")),
        ("2h", _("Due in 2 hours")),
        ("24h", _("Due in 24 hours")),
        ("paused", _("Paused")),
    ]
    ORDERS = [("newest", _("Newest first")), ("deadline", _("Deadline first"))]

    q = forms.CharField(label=_("Search"), max_length=100, required=False)
    view = forms.ChoiceField(label=_("View"), choices=VIEWS, required=False)
    status = forms.ChoiceField(label=_("Status"), choices=[("", _("Any status")), *Status.choices], required=False)
    grade = forms.ChoiceField(label=_("Grade"), choices=[("", _("Any grade")), *Grade.choices], required=False)
    deadline = forms.ChoiceField(label=_("Deadline"), choices=DEADLINES, required=False)
    category = CodeField("Category", label=_("Category"), required=False)
    area = CodeField("Area", label=_("Area"), required=False)
    unit = CodeField("Unit", label=_("Unit"), required=False)
    sort = forms.ChoiceField(label=_("Order"), choices=ORDERS, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for narrowing in _narrowings:
            self.fields.update(narrowing.fields())

    def filled(self) -> list[tuple[str, str, str]]:
        """(field, its label, the value as words) of what narrows the list."""
        found = []
        for name in ("status", "grade", "deadline", "category", "area", "unit"):
            value = self.cleaned_data.get(name)
            if value:
                field: Any = self.fields[name]
                words = str(dict(field.choices)[value]) if hasattr(field, "choices") else str(value)
                found.append((name, str(field.label), words))
        chosen = [one for one in _narrowings if self.cleaned_data.get(one.name)]
        return found + [(one.name, str(one.label), one.words(self.cleaned_data)) for one in chosen]


def bounded(count: int, most: int) -> str:
    return f"{most}+" if count > most else str(count)


def counted(rows: Any, most: int) -> str:
    """Counting stops where nobody reads the number any more."""
    return bounded(rows.order_by()[: most + 1].count(), most)


@dataclass(frozen=True)
class Listing:
    orders: Sequence[WorkOrder]
    total: int
    earlier: str
    later: str
    page: int

    @property
    def counted(self) -> str:
        return bounded(self.total, COUNT_UP_TO)


def listing(
    user: User,
    chosen: dict[str, Any],
    *,
    now: datetime,
    after: Place | None = None,
    before: Place | None = None,
    number: int = 1,
) -> Listing:
    """One page of what the user may see and asked for, by the place it begins after or ends before.

    The page's number is counted by who turns the pages; it leads nowhere.
    """
    orders = narrowed(WorkOrder.objects.visible_to(user), user, chosen, now)
    parts = stretches(_with_rows(orders), chosen.get("sort"))
    page = page_before(parts, before, PAGE_SIZE) if before else page_after(parts, after, PAGE_SIZE)
    total = orders.order_by()[: COUNT_UP_TO + 1].count()
    return Listing(page.orders, total, page.earlier, page.later, number if page.earlier else 1)


def listed(user: User, chosen: dict[str, Any], *, now: datetime) -> "WorkOrderQuerySet":
    """What the user may see and asked for, all of it, with what its rows show."""
    orders = narrowed(WorkOrder.objects.visible_to(user), user, chosen, now)
    return _with_rows(_sorted(orders, chosen.get("sort")))


def _with_rows(orders: "WorkOrderQuerySet") -> "WorkOrderQuerySet":
    clocks = Prefetch("clocks", Clock.objects.running(), to_attr="running_clocks")
    related = orders.select_related("category__parent__parent", "area", "lead_unit")
    return related.defer("tokens").prefetch_related(clocks)


def narrowed(orders: "WorkOrderQuerySet", user: User, chosen: dict[str, Any], now: datetime) -> "WorkOrderQuerySet":
    orders = _in_view(orders, user, chosen.get("view"))
    for field in ("status", "grade"):
        if chosen.get(field):
            orders = orders.filter(**{field: chosen[field]})
    for field, column in (("category", "category"), ("area", "area"), ("unit", "lead_unit")):
        if chosen.get(field):
            orders = orders.filter(**{f"{column}__in": chosen[field].branch().values("pk")})
    if chosen.get("deadline"):
        orders = orders.filter(Exists(_clocks_due(chosen["deadline"], now)))
    for narrowing in _narrowings:
        if chosen.get(narrowing.name):
            orders = orders.filter(narrowing.condition(chosen, now))
    return search.matching(orders, chosen["q"]) if chosen.get("q") else orders


def _in_view(orders: "WorkOrderQuerySet", user: User, view: str | None) -> "WorkOrderQuerySet":
    if view == "open":
        return orders.filter(status__in=OPEN)
    return orders.filter(to_do(user)) if view == "todo" else orders


def has_work(user: User) -> bool:
    return any(user.has_role(*STEPS[name].roles) for name in AWAITED)


def to_do(user: User) -> Q:
    """Orders that wait for somebody with this user's roles to move them on, or to decide what was asked beside them."""
    condition = Q(pk__in=[])
    for name, sources in AWAITED.items():
        if user.has_role(*STEPS[name].roles):
            ours = Q(lead_unit=user.unit) if STEPS[name].acts_for == ActsFor.LEAD else Q()
            condition |= ours & Q(status__in=sources)
    return reduce(or_, stages.waiting_for(user), condition)


def _clocks_due(deadline: str, now: datetime) -> Any:
    running = Clock.objects.running().filter(order=OuterRef("pk"))
    if deadline == "paused":
        return running.exclude(paused_at=None)
    if deadline == "overdue":
        return running.filter(paused_at=None, due_at__lt=now)
    until = {"2h": timedelta(hours=2), "24h": timedelta(hours=24)}[deadline]
    return running.filter(paused_at=None, due_at__gte=now, due_at__lt=now + until)


def _sorted(orders: "WorkOrderQuerySet", sort: str | None) -> "WorkOrderQuerySet":
    return _with_deadline(orders).order_by("due", "-id") if sort == "deadline" else orders.order_by("-id")


def most_pressing_first(orders: "WorkOrderQuerySet") -> "WorkOrderQuerySet":
    """Danger first, then by deadline."""
    danger = Case(When(grade=Grade.EMERGENCY, then=0), default=1)
    return _with_deadline(orders).order_by(danger, "due", "id")


def _with_deadline(orders: "WorkOrderQuerySet") -> Any:
    soonest = Clock.objects.running().filter(order=OuterRef("pk"), paused_at=None).order_by("due_at").values("due_at")
    return orders.annotate(due=Subquery(soonest[:1]))


def pressing(clocks: Iterable[Clock]) -> Clock | None:
    """The clock that matters most: the earliest deadline of those that run, a paused one only if nothing else runs."""
    return min(clocks, key=lambda clock: (clock.paused_at is not None, clock.due_at), default=None)


def order_page(user: User, number: str) -> WorkOrder | None:
    """The order with its clocks and ledger, newest event last."""
    events = Event.objects.select_related("actor", "unit").order_by("number")
    return (
        WorkOrder.objects.visible_to(user)
        .select_related("category__parent", "area__parent", "lead_unit", "policy", "parent", "lease__user")
        .defer("tokens")
        .prefetch_related(
            Prefetch("events", events),
            Prefetch("clocks", Clock.objects.select_related("unit").order_by("started_at", "id")),
            "attachments",
            *stages.all_beside(),
        )
        .filter(number=number)
        .first()
    )


@dataclass(frozen=True)
class Stop:
    status: Status
    state: str  # done, now, ahead


def stepper(order: WorkOrder) -> list[Stop]:
    """The main road with where the order stands; a side road's status takes the place it left the main road from."""
    if order.is_history:
        return [Stop(Status(order.status), "now")]
    passed = {event.target for event in order.events.all()}
    if order.status in MAIN_ROAD:
        here = MAIN_ROAD.index(Status(order.status))
        states = ["done"] * here + ["now"] + ["ahead"] * (len(MAIN_ROAD) - here - 1)
        return [Stop(status, state) for status, state in zip(MAIN_ROAD, states, strict=True)]
    done = [Stop(status, "done") for status in MAIN_ROAD if status in passed and status != Status.ARCHIVED]
    ahead = [Stop(status, "ahead") for status in MAIN_ROAD[len(done) :]] if order.status in OPEN else []
    return [*done, Stop(Status(order.status), "now"), *ahead]


LEADS_ON, TURNS_OFF, RECORDS = range(3)


def rank(order: WorkOrder, name: str) -> int:
    """How much a step is the next thing to do: on along the main road, off or back on a side road, or only recorded."""
    if name == "hand_over":  # for when nobody there can go on
        return TURNS_OFF
    target = getattr(WorkOrder, name)._django_fsm.next_state(order.status)
    if target == order.status:
        return LEADS_ON if ClockKind.CONTACT in STEPS[name].stops and _owes_contact(order) else RECORDS
    road = MAIN_ROAD.index(target) if target in MAIN_ROAD else -1
    here = MAIN_ROAD.index(Status(order.status)) if order.status in MAIN_ROAD else 0
    return LEADS_ON if road > here else TURNS_OFF


def _owes_contact(order: WorkOrder) -> bool:
    return any(clock.kind == ClockKind.CONTACT and clock.stopped_at is None for clock in order.clocks.all())


def _readable(value: Any) -> Any:
    """The ledger keeps instants as ISO 8601; people read them as the rest of the page writes them."""
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        return value
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:  # free words that only look like a date
        return value
    if len(value) == len("2026-11-28"):
        return spelled(instant.date())
    return day_and_time(instant if instant.tzinfo else timezone.make_aware(instant), timezone.now())


def told(event: Event) -> list[tuple[str, str]]:
    """What an event carries, in words: labels and choices come from the form that asked for it."""
    fields: dict[str, Any] = form_of(event.step).base_fields
    facts = stages.of_step(event.step).labels
    lines = []
    # The database keeps a document's keys in an order of its own; people read them as they were asked.
    asked = [*fields, *sorted(set(event.data) - set(fields) - {DIGESTS})]
    for name, value in ((name, event.data[name]) for name in asked if name in event.data):
        field = fields.get(name, facts.get(name, name))
        asked_by = fields.get(name.removeprefix("old_"), field)
        choices = dict(getattr(asked_by, "choices", []))
        words = (
            "、".join(str(choices.get(one, one)) for one in value)
            if isinstance(value, list)
            else choices.get(value, _readable(value))
        )
        lines.append((str(getattr(field, "label", field)), str(words)))
    return lines
