"""How much of a complainant each may see: masked, and nothing at all for a unit they wish to stay unknown to."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from intake.models import Appeal
from workorders.models import Unit

NOTHING = {"name": "", "phone": "", "identity": "", "address": ""}


def is_hidden(appeal: Appeal, user: Any) -> bool:
    """M27: anonymous to the handler. The hotline itself knows, and passes messages on."""
    return appeal.anonymous_to_unit and not (user.unit and user.unit.kind == Unit.Kind.CITY)


def hides_people(order: Any, user: Any) -> bool:
    """Tell whether anybody under the order wished to stay unknown to this user's unit: then its words stay masked too."""
    if user.unit and user.unit.kind == Unit.Kind.CITY:
        return False
    under = Q(order=order.pk) | Q(order__parent=order.pk)
    return Appeal.objects.filter(under, anonymous_to_unit=True).exists()


def people_of(appeals: Iterable[Appeal], user: Any, *, looked: bool) -> tuple[list[dict[str, Any]], set[int | None]]:
    """Everybody who asked, once each, as this user may see them; and who wishes to stay unknown to them."""
    found = list(appeals)
    hidden = {appeal.complainant_id for appeal in found if is_hidden(appeal, user)}
    seen = revealed if looked else masked
    named = (appeal for appeal in found if appeal.complainant_id and appeal.complainant_id not in hidden)
    return list({appeal.complainant_id: seen(appeal, user) for appeal in named}.values()), hidden


def relay_note() -> str:
    return _("The complainant wishes to stay unknown to your unit. Add a note: the hotline passes it on.")


def masked(appeal: Appeal, user: Any) -> dict[str, Any]:
    return _seen(appeal, user, "masked")


def revealed(appeal: Appeal, user: Any) -> dict[str, Any]:
    """For who has just given a reason to look."""
    return _seen(appeal, user, "shown")


def _seen(appeal: Appeal, user: Any, how: str) -> dict[str, Any]:
    if is_hidden(appeal, user) or appeal.complainant is None:
        return NOTHING
    doubts = appeal.complainant.doubts
    return {**getattr(appeal.complainant, how), **({"doubts": doubts} if doubts else {})}
