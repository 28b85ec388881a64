"""What intake shows on an order's page: who asked, and in which words."""

from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from intake import confidence
from intake.models import Appeal
from workorders import reading
from workorders.fields import mask_name
from workorders.lifecycle import Role
from workorders.models import Unit, WorkOrder
from workorders.panels import Above, MenuEntry, Panel, add_above, add_entry, add_panel
from workorders.permissions import is_of_hotline


def appeals(order: Any, user: Any) -> dict[str, Any] | None:
    found = list(appeals_under(order))
    looked = reading.has_looked(order, user, now=timezone.now())
    hidden = confidence.is_hidden(order, user)
    people = confidence.people_of(found, hidden=hidden, looked=looked)
    people += [{"name": confidence.relay_note()}] if hidden else []
    voices = [(appeal, "" if hidden else _speaker(appeal, looked)) for appeal in found]
    merged = len({appeal.order_id for appeal in found} - {order.pk})
    shown = {"voices": voices, "people": people, "looked": looked, "order": order, "merged": merged}
    return {**shown, "of_hotline": bool(user.unit and user.unit.kind == Unit.Kind.CITY)}


def _speaker(appeal: Any, looked: bool) -> str:
    return appeal.on_behalf_by if looked else mask_name(appeal.on_behalf_by)


def appeals_under(order: Any) -> Any:
    """Its own and those of all that was merged into it 并单: who asked first, and everybody who asked for the same."""
    # Whoever sees the order sees what was brought under it: there it is answered.
    orders = WorkOrder.objects.visible_to(None).filter(Q(pk=order.pk) | Q(parent=order.pk))
    found = Appeal.objects.filter(order__in=orders.values("pk")).select_related("complainant", "order", "call")
    return found.defer("order__tokens", "order__comparable", "order__matter", "call__phone")


def has_telephone(order: Any) -> bool:
    return appeals_under(order).exclude(complainant=None).exclude(complainant__phone_indexes=[]).exists()


def takes_calls(user: Any) -> bool:
    return is_of_hotline(user, Role.OPERATOR)


def add() -> None:
    add_above(Above("intake/_rings.html", takes_calls, "intake/_ring_switches.html"))
    add_panel(Panel(_("Complainant"), "intake/_appeals.html", appeals))
    add_entry(MenuEntry(_("Reception desk"), "reception", "headset", (Role.OPERATOR,)))
    add_entry(MenuEntry(_("To be accepted"), "triage_queue", "inbox", (Role.OPERATOR,)))
