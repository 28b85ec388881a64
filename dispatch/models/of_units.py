from typing import Any, Self

from django.db import models

from workorders.permissions import CITY_ROLES, UNIT_ROLES


class OfUnits(models.QuerySet[Any]):
    """Rows that lie with a unit."""

    def visible_to(self, user: Any) -> Self:
        """The city's hotline sees all; a unit what lies with it or with a unit below it."""
        if not user.is_active or user.unit is None:
            return self.none()
        if user.unit.kind == "city":
            return self if user.has_role(*CITY_ROLES) else self.none()
        return self.filter(unit__in=user.unit.branch().values("pk")) if user.has_role(*UNIT_ROLES) else self.none()


def stands_above(user: Any, unit: Any) -> bool:
    """Nobody judges their own unit."""
    return user.unit is not None and user.unit != unit and unit.path.startswith(user.unit.path)
