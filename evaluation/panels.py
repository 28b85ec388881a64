"""What evaluation shows on an order's page: the complainant's answers, round by round."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from workorders.panels import Panel, add_panel


def callbacks(order: Any, user: Any) -> dict[str, Any] | None:
    found = list(order.callbacks.all())
    return {"callbacks": found} if found else None


def add() -> None:
    add_panel(Panel(_("Callbacks"), "evaluation/_callbacks.html", callbacks))
