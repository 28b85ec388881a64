"""Who is there to do the next step: orders that wait for nobody, and what somebody's leaving would bring to a halt."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from workorders.lifecycle import OPEN, ActsFor, Role, Status, Step
from workorders.models import Unit, User, WorkOrder
from workorders.permissions import HOTLINE_ROLES
from workorders.selectors import AWAITED
from workorders.transitions import STEPS

# Accounts that hold a role and do no step: a stage knows them, as those of systems that only read.
_readers: list[Callable[[], Q]] = []


def add_readers(readers: Callable[[], Q]) -> None:
    if readers not in _readers:
        _readers.append(readers)


def _people() -> QuerySet[User]:
    reading = reduce(or_, (readers() for readers in _readers), Q(pk__in=[]))
    return User.objects.filter(is_active=True, unit__isnull=False).exclude(reading).order_by()


@dataclass(frozen=True)
class Staff:
    """Which roles are filled at the hotline, and in which active units each role is."""

    hotline: frozenset[str]
    units: dict[str, set[int]]

    def has_hotline(self, step: Step) -> bool:
        """A body above every unit is the hotline, so one of its people will do for a step of a higher body as well."""
        return step.acts_for != ActsFor.LEAD and bool(self.hotline.intersection(step.roles))

    def units_with(self, roles: Iterable[str]) -> set[int]:
        return set().union(*(self.units.get(role, set()) for role in roles))


def present_staff() -> Staff:
    hotline: set[str] = set()
    units: dict[str, set[int]] = {}
    people = _people().filter(unit__is_active=True)
    for unit, kind, roles in people.values_list("unit", "unit__kind", "roles").distinct():
        for role in roles:
            units.setdefault(role, set()).add(unit)
        if kind == Unit.Kind.CITY:
            hotline.update(roles)
    return Staff(frozenset(hotline), units)


def waiting_for_nobody() -> Q:
    """Select open orders whose next step nobody active may do: no person, and no system of the unit's."""
    staff = present_staff()
    units = set(Unit.objects.order_by().values_list("pk", flat=True))
    return reduce(or_, (_unattended(status, staff, units) for status in OPEN), Q(pk__in=[]))


def _unattended(status: Status, staff: Staff, units: set[int]) -> Q:
    steps = _awaited_in(status)
    if not steps or any(staff.has_hotline(step) for step in steps):
        return Q(pk__in=[])
    roles = {role for step in steps if step.acts_for == ActsFor.LEAD for role in step.roles}
    if not roles:
        return Q(status=status)
    return Q(status=status, lead_unit__in=sorted(units - staff.units_with(roles)))


def _awaited_in(status: Status) -> list[Step]:
    return [STEPS[name] for name, sources in AWAITED.items() if status in sources]


# What hangs on a person


@dataclass(frozen=True)
class Gap:
    """A role that nobody would have any more, and how many orders wait for it."""

    role: Role
    unit: Unit
    orders: int

    def __str__(self) -> str:
        facts = {"unit": self.unit, "role": self.role.label, "count": self.orders}
        message = ngettext(
            "%(unit)s: %(count)s order waits for the role “%(role)s”, and nobody has it any more.",
            "%(unit)s: %(count)s orders wait for the role “%(role)s”, and nobody has it any more.",
            self.orders,
        )
        return message % facts


def gaps_after(user: User) -> list[Gap]:
    """Return what waits in this user's unit for a role that, as things stand now, nobody active there has."""
    unit = user.unit
    if unit is None:
        return []
    return [gap for role in user.roles for gap in _gap(Role(role), unit)]


def gaps_of_leaving(user: User) -> list[Gap]:
    """Return what would wait for nobody if this user left."""
    if not user.is_active or user.unit is None:
        return []
    others = _people().exclude(pk=user.pk)
    return [gap for role in user.roles for gap in _gap(Role(role), user.unit, among=others)]


def _gap(role: Role, unit: Unit, among: QuerySet[User] | None = None) -> Iterator[Gap]:
    people = _people() if among is None else among
    if people.filter(unit=unit, roles__contains=[role]).exists():
        return
    orders = _waiting_for(role, unit)
    count = orders.count() if orders is not None else 0
    if count:
        yield Gap(role, unit, count)


def _waiting_for(role: Role, unit: Unit) -> QuerySet[WorkOrder] | None:
    statuses = [status for status in OPEN if any(role in step.roles for step in _awaited_in(status))]
    if not statuses:
        return None
    orders = WorkOrder.objects.filter(status__in=statuses)
    if role in HOTLINE_ROLES or unit.kind == Unit.Kind.CITY:
        return orders if unit.kind == Unit.Kind.CITY else None
    return orders.filter(lead_unit=unit)


def words_of_gaps(gaps: Iterable[Gap]) -> str:
    lines = [str(gap) for gap in gaps]
    if not lines:
        return ""
    way = _("Give somebody there the role, or let a supervisor above hand the orders over to another unit.")
    return " ".join([*lines, way])
