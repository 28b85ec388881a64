"""What dispatch shows on an order's page: who handles it, and which alerts were raised."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from workorders.panels import Panel, add_panel


def assignments(order: Any, user: Any) -> dict[str, Any] | None:
    found = list(order.assignments.select_related("unit"))
    return {"assignments": found} if found else None


def add() -> None:
    add_panel(Panel(_("Units"), "dispatch/_assignments.html", assignments))
