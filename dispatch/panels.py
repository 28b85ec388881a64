"""What dispatch shows on an order's page: who handles it, and what stands beside it to be decided."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from dispatch import supervision
from dispatch.meetings_told import meetings_told
from dispatch.requests import deadline_of, rule_of
from workorders.lifecycle import Role
from workorders.panels import MenuEntry, Panel, add_banner, add_entry, add_panel


def assignments(order: Any, user: Any) -> dict[str, Any] | None:
    found = list(order.assignments.all())
    return {"assignments": found} if found else None


def requests(order: Any, user: Any) -> dict[str, Any] | None:
    """Open ones with the rule and the clock that their decision stands under; the latest first."""
    found = list(order.requests.all())[::-1]
    for request in found:
        if request.is_open:
            request.rule, request.clock = rule_of(request.kind, order), deadline_of(order)
    return {"requests": found} if found else None


def meetings(order: Any, user: Any) -> dict[str, Any] | None:
    """The latest first."""
    found = meetings_told(order.events.all())[::-1]
    return {"meetings": found} if found else None


def slips(order: Any, user: Any) -> dict[str, Any] | None:
    """The latest first."""
    found = list(order.slips.all())[::-1]
    return {"slips": found} if found else None


def add() -> None:
    add_panel(Panel(_("Joint meeting"), "dispatch/_meetings.html", meetings))
    add_panel(Panel(_("Supervision slips"), "dispatch/_slips.html", slips))
    add_panel(Panel(_("Requests"), "dispatch/_requests.html", requests))
    add_panel(Panel(_("Units"), "dispatch/_assignments.html", assignments))
    add_entry(MenuEntry(_("Dispatch desk"), "dispatch_desk", "route", (Role.DISPATCHER,)))
    add_entry(MenuEntry(_("Unit desk"), "unit_desk", "briefcase", (Role.HANDLER, Role.REVIEWER)))
    add_entry(MenuEntry(_("Messages"), "notices", "bell", badge="unread_notices"))
    add_entry(
        MenuEntry(
            _("Rectification"), "rectifications", "clipboard-check", (Role.HANDLER, Role.REVIEWER, Role.SUPERVISOR)
        )
    )
    add_banner(supervision.banner, Role.SUPERVISOR, Role.ADMINISTRATOR)
