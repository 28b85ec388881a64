"""What the archive shows on an order's page: the dossier and its seal."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from archive.models import Dossier
from workorders.lifecycle import Status
from workorders.panels import Panel, add_panel


def dossier(order: Any, user: Any) -> dict[str, Any] | None:
    found = Dossier.objects.filter(order=order).first() if order.status == Status.ARCHIVED else None
    return {"dossier": found} if found else None


def add() -> None:
    add_panel(Panel(_("Dossier"), "archive/_dossier.html", dossier))
