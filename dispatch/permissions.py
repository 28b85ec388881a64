"""Alerts: which rows a supervisor sees, and what they may do with them. The watched do not call off the watch."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Exists, OuterRef, Q

from workorders.lifecycle import Level, Role
from workorders.models import Unit, WorkOrder

if TYPE_CHECKING:
    from dispatch.models import Alert


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, user: Any) -> "AlertQuerySet":
        """Of the orders the user sees; of thresholds what concerns them: the hotline all, a unit those about its branch."""
        orders = WorkOrder.objects.visible_to(user).filter(pk=OuterRef("order"))
        if not is_supervisor(user):
            return self.none()
        ours = Q() if is_hotline(user) else Q(unit__path__startswith=user.unit.path)
        return self.filter(Q(Exists(orders)) | (Q(order=None) & ours))

    def unresolved(self) -> "AlertQuerySet":
        return self.exclude(status="resolved")


class ThresholdQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> "ThresholdQuerySet":
        if not is_supervisor(user):
            return self.none()
        return self if is_hotline(user) else self.filter(unit__path__startswith=user.unit.path)


def is_supervisor(user: Any) -> bool:
    return bool(user.is_active and user.unit_id and user.has_role(Role.SUPERVISOR))


def is_hotline(user: Any) -> bool:
    return bool(user.unit.kind == Unit.Kind.CITY)


def may_act(act: str, alert: "Alert", user: Any) -> bool:
    """Who sees an alert may comment; the other acts are its unit's and the authorities' above. See also `_may_end`."""
    if not is_supervisor(user):
        return False
    if act == "comment" or is_hotline(user):
        return True
    within = alert.unit is not None and alert.unit.path.startswith(user.unit.path)
    return within and (act != "resolve" or _may_end(alert, user.unit))


def _may_end(alert: "Alert", unit: Unit) -> bool:
    """An alert that has gone up the ladder is ended where it has gone to, not below."""
    if alert.level_now >= Level.SUPERVISION:
        return False
    return alert.level_now < Level.HIGHER or alert.unit != unit
