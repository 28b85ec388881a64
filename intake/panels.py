"""What intake shows on an order's page: who asked, and in which words."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from intake import confidence
from workorders.fields import mask_name
from workorders.lifecycle import Role
from workorders.panels import MenuEntry, Panel, add_entry, add_panel

SHOWN_FOR = timedelta(minutes=10)


def appeals(order: Any, user: Any) -> dict[str, Any] | None:
    """Masked, unless this user gave a reason to look within the last minutes: the ledger itself is the permission."""
    found = list(order.appeals.select_related("complainant"))
    since = timezone.now() - SHOWN_FOR
    looked = any(
        event.step == "reveal" and event.actor_id == user.pk and event.at > since for event in order.events.all()
    )
    hidden = any(confidence.is_hidden(appeal, user) for appeal in found)
    people = {appeal.complainant.pk: appeal.complainant for appeal in found if appeal.complainant}
    shown = [person.shown if looked else person.masked for person in people.values()]
    shown = [{"name": confidence.relay_note()}] if hidden else shown
    voices = [(appeal, "" if hidden else _speaker(appeal, looked)) for appeal in found]
    return {"voices": voices, "people": shown, "looked": looked, "order": order}


def _speaker(appeal: Any, looked: bool) -> str:
    return appeal.on_behalf_by if looked else mask_name(appeal.on_behalf_by)


def add() -> None:
    add_panel(Panel(_("Complainant"), "intake/_appeals.html", appeals))
    add_entry(MenuEntry(_("Reception desk"), "reception", "headset", (Role.OPERATOR,)))
