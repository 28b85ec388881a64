"""What evaluation shows on an order's page: the complainant's answers and who was not reached, round by round."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from evaluation import rounds
from workorders.lifecycle import Role
from workorders.panels import MenuEntry, Panel, add_entry, add_panel


def callbacks(order: Any, user: Any) -> dict[str, Any] | None:
    found = rounds.of(order)
    return {"rounds": found} if found else None


def add() -> None:
    add_panel(Panel(_("Callbacks"), "evaluation/_callbacks.html", callbacks))
    add_entry(MenuEntry(_("Callback desk"), "callback_desk", "headset", (Role.CALLBACK_AGENT,)))
