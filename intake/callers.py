"""来电人: what the hotline knows of who calls, by the keyed hash of the telephone, in a fixed number of queries."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Prefetch, Q

from intake import merged_orders
from intake.models import Appeal, Complainant
from workorders import telephones
from workorders.fields import mask_telephone
from workorders.lifecycle import OPEN
from workorders.models import Clock, User, WorkOrder

if TYPE_CHECKING:
    from workorders.permissions import WorkOrderQuerySet

SHOWN = 12


@dataclass(frozen=True)
class Judged:
    """How many of the orders the complainant was satisfied with, at the last callback of each."""

    satisfied: int = 0
    unsatisfied: int = 0


@dataclass(frozen=True)
class Caller:
    phone: str
    is_clear: bool
    name: str
    known: bool
    total: int
    open: int
    judged: Judged
    orders: Sequence[WorkOrder]

    @property
    def more(self) -> int:
        return self.total - len(self.orders)


_judges: list[Callable[["WorkOrderQuerySet"], Judged]] = []


def judged_by(judge: Callable[["WorkOrderQuerySet"], Judged]) -> None:
    """The stage that asks complainants says here what they answered."""
    _judges[:] = [judge]


def of_phone(phone: str, user: User) -> Caller:
    people = list(Complainant.by_phone(phone).order_by("-pk"))
    theirs = orders_of(people, user)
    counts = theirs.aggregate(total=Count("pk"), open=Count("pk", filter=Q(status__in=OPEN)))
    names = [person.masked["name"] for person in people if person.name]
    return Caller(
        phone=mask_telephone(phone),
        is_clear=telephones.read(phone).is_clear,
        name=names[0] if names else "",
        known=bool(people),
        judged=_judges[0](theirs) if _judges else Judged(),
        orders=list(_last(theirs)),
        **counts,
    )


def orders_of(people: Iterable[Complainant], user: User) -> "WorkOrderQuerySet":
    """What these people asked for, as far as the user may see it; of what was merged 并单, the order it goes on in."""
    theirs = Appeal.objects.filter(complainant__in=[person.pk for person in people])
    return WorkOrder.objects.visible_to(user).filter(pk__in=merged_orders.orders_with(theirs), parent=None)


def _last(theirs: "WorkOrderQuerySet") -> Any:
    """Running ones on top, then the newest."""
    clocks = Prefetch("clocks", Clock.objects.running(), to_attr="running_clocks")
    rows = theirs.select_related("lead_unit").defer("tokens", "matter").prefetch_related(clocks)
    return rows.annotate(is_open=Q(status__in=OPEN)).order_by("-is_open", "-id")[:SHOWN]
