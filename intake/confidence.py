"""How much of a complainant each may see: masked, and nothing at all for a unit they wish to stay unknown to."""

from typing import Any

from django.utils.translation import gettext as _

from intake.models import Appeal
from workorders.models import Unit

NOTHING = {"name": "", "phone": "", "identity": "", "address": ""}


def is_hidden(appeal: Appeal, user: Any) -> bool:
    """M27: anonymous to the handler. The hotline itself knows, and passes messages on."""
    return appeal.anonymous_to_unit and not (user.unit and user.unit.kind == Unit.Kind.CITY)


def relay_note() -> str:
    return _("The complainant wishes to stay unknown to your unit. Add a note: the hotline passes it on.")


def masked(appeal: Appeal, user: Any) -> dict[str, str]:
    return _seen(appeal, user, "masked")


def revealed(appeal: Appeal, user: Any) -> dict[str, str]:
    """For who has just given a reason to look."""
    return _seen(appeal, user, "shown")


def _seen(appeal: Appeal, user: Any, how: str) -> dict[str, str]:
    if is_hidden(appeal, user) or appeal.complainant is None:
        return NOTHING
    return getattr(appeal.complainant, how)
