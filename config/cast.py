"""Who plays which part when the platform drives orders itself: in the demo, in `walk`, and in tests."""

from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from workorders.access_requests import create_from_server
from workorders.lifecycle import ActsFor, Role
from workorders.models import Event, Unit, User, WorkOrder
from workorders.transitions import STEPS, perform

NAMES = {
    Role.OPERATOR: ("话务员", "operator"),
    Role.DISPATCHER: ("派单员", "dispatcher"),
    Role.HANDLER: ("经办人", "handler"),
    Role.REVIEWER: ("审核人", "reviewer"),
    Role.CALLBACK_AGENT: ("回访员", "callback"),
    Role.SUPERVISOR: ("督办员", "supervisor"),
    Role.ARCHIVIST: ("档案管理员", "archivist"),
    Role.AUDITOR: ("审计员", "auditor"),
    Role.ADMINISTRATOR: ("管理员", "admin"),
}


class Cast:
    """One user a role and unit, made when first needed; without a password nobody can log in as them."""

    def __init__(self, password: str | None = None) -> None:
        self.password = make_password(password)
        self.city = Unit.objects.get(kind=Unit.Kind.CITY)
        self._users: dict[tuple[int, Role], User] = {}

    def of(self, role: Role, unit: Unit | None = None) -> User:
        unit = unit or self.city
        key = (unit.pk, role)
        if key not in self._users:
            self._users[key] = self._find(role, unit)
        return self._users[key]

    def act(self, order: WorkOrder, step: str, *, now: datetime, unit: Unit | None = None, **data: Any) -> Event:
        """Do a step as somebody who may; `order` is as it stood after its last step, and is refreshed."""
        lead = order.lead_unit if STEPS[step].acts_for == ActsFor.LEAD else None
        event = perform(order.pk, step, actor=self.of(STEPS[step].roles[0], unit or lead), now=now, **data)
        order.__dict__.update(event.order.__dict__)
        return event

    def _find(self, role: Role, unit: Unit) -> User:
        title, name = NAMES[role]
        username = name if unit == self.city else f"{unit.code.lower()}-{name}"
        user = User.objects.select_related("unit").filter(username=username).first()
        return user or create_from_server(
            username,
            [role],
            unit,
            purpose="cast",
            now=timezone.now(),
            last_name=f"{unit.name} {title}",
            password=self.password,
        )
