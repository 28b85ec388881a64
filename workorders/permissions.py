"""Rows: `WorkOrder.objects.visible_to(user)`. Acts: the step's roles, in the name of the unit they are for."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

from workorders import stages
from workorders.lifecycle import ActsFor, Role, Status, Step

if TYPE_CHECKING:
    from workorders.models import Unit, User, WorkOrder

# The administrator keeps the machine and the rule book, and sees no order: GB/T 22239, separation of duties.
CITY_ROLES = (
    Role.OPERATOR,
    Role.DISPATCHER,
    Role.CALLBACK_AGENT,
    Role.SUPERVISOR,
    Role.ARCHIVIST,
    Role.AUDITOR,
)
UNIT_ROLES = (Role.HANDLER, Role.REVIEWER, Role.SUPERVISOR)
# What only the hotline itself does, whatever roles somebody in a unit was given.
HOTLINE_ROLES = frozenset(CITY_ROLES) - frozenset(UNIT_ROLES)


def is_of_hotline(user: Any, *roles: Role) -> bool:
    return bool(user.has_role(*roles) and user.unit and user.unit.kind == "city")


class WorkOrderQuerySet(models.QuerySet["WorkOrder"]):
    def visible_to(self, user: Any) -> "WorkOrderQuerySet":
        """The city's hotline sees all; a unit what it or a unit below it has to do with; None is the system."""
        if user is None:
            return self
        if not user.is_active or user.unit is None:
            return self.none()
        if user.unit.kind == "city":
            return self if user.has_role(*CITY_ROLES) else self.none()
        if user.has_role(*UNIT_ROLES):
            units = user.unit.branch().values("pk")
            return self.filter(Q(lead_unit__in=units) | stages.shared_with(units))
        return self.none()


def acting_unit(step: Step, order: "WorkOrder", actor: "User | None") -> "Unit | None":
    """Whose unit clocks the step touches."""
    return actor.unit if actor and step.acts_for == ActsFor.CO_HANDLING else order.lead_unit


def may_act(step: Step, order: "WorkOrder", actor: "User | None") -> bool:
    if actor is None:
        return step.by_system
    if not actor.has_role(*_counting(step.roles, actor)):
        return False
    if step.acts_for == ActsFor.LEAD:
        return order.lead_unit_id is not None and actor.unit_id == order.lead_unit_id
    if step.acts_for == ActsFor.CO_HANDLING:
        return actor.unit_id != order.lead_unit_id and _is_one(order, stages.co_handled_by([actor.unit_id]))
    if step.acts_for == ActsFor.CONSULTED:
        return _is_one(order, stages.consulted([actor.unit_id]))
    if step.acts_for == ActsFor.HANDLING:
        return order.status != Status.CONSULTING or _at_hotline(actor)
    if step.acts_for == ActsFor.HIGHER:
        return _stands_above(actor.unit, order.lead_unit)
    return True


def _stands_above(body: "Unit | None", unit: "Unit | None") -> bool:
    return body is not None and (unit is None or (body != unit and unit.path.startswith(body.path)))


def _counting(roles: Iterable[Role], actor: "User") -> list[Role]:
    return [role for role in roles if role not in HOTLINE_ROLES or _at_hotline(actor)]


def _at_hotline(actor: "User") -> bool:
    return actor.unit is not None and actor.unit.kind == "city"


def _is_one(order: "WorkOrder", condition: Q) -> bool:
    return type(order).objects.filter(condition, pk=order.pk).exists()
