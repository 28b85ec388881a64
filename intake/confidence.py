"""How much of a complainant each may see: masked, and nothing at all for a unit they wish to stay unknown to."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, Value
from django.utils.translation import gettext as _

from intake import merged_orders
from intake.models import Appeal, Complainant
from workorders.models import Unit

SECRET = Appeal.objects.filter(anonymous_to_unit=True)
NOTHING = {"name": "", "phone": "", "identity": "", "address": ""}


def is_hidden(order: Any, user: Any) -> bool:
    """M27: anonymous to the handler. The hotline itself knows, and passes messages on.

    Once wished, it holds for the whole order: for all its appeals, for those of every order that it is one with, and for
    what its words tell.
    Else the second call of the same person, or a neighbour's who names them, would say who the first one was.
    """
    return not _knows(user) and is_secret(order)


def is_secret(order: Any) -> bool:
    """Whether anybody under the order wished to stay unknown to its unit."""
    return SECRET.filter(order__in=merged_orders.one_with(order).values("pk")).exists()


def hides(user: Any, order: str) -> Q | Value:
    """The same rule for many rows: whether people under the order at this path are hidden from this user."""
    return Value(False) if _knows(user) else merged_orders.is_joined_by(SECRET, order)


def secret_rows_of(people: Iterable[Complainant]) -> set[int]:
    """Keys of those of these rows that hold what was told in confidence."""
    appeals = Appeal.objects.filter(complainant__in=[person.pk for person in people]).order_by()
    return set(appeals.filter(merged_orders.is_joined_by(SECRET, "order")).values_list("complainant", flat=True))


def _knows(user: Any) -> bool:
    """The hotline and the system itself."""
    return user is None or bool(user.unit and user.unit.kind == Unit.Kind.CITY)


def people_of(appeals: Iterable[Appeal], *, hidden: bool, looked: bool) -> list[dict[str, Any]]:
    """Everybody who asked, once each; nobody where they are hidden."""
    seen = revealed if looked else masked
    named = [] if hidden else [appeal for appeal in appeals if appeal.complainant_id]
    return list({appeal.complainant_id: seen(appeal, hidden=hidden) for appeal in named}.values())


def relay_note() -> str:
    return _("The complainant wishes to stay unknown to your unit. Add a note: the hotline passes it on.")


def masked(appeal: Appeal, *, hidden: bool) -> dict[str, Any]:
    return _seen(appeal, hidden, "masked")


def revealed(appeal: Appeal, *, hidden: bool) -> dict[str, Any]:
    """For who has just given a reason to look."""
    return _seen(appeal, hidden, "shown")


def _seen(appeal: Appeal, hidden: bool, how: str) -> dict[str, Any]:
    if hidden or appeal.complainant is None:
        return NOTHING
    doubts = appeal.complainant.doubts
    return {**getattr(appeal.complainant, how), **({"doubts": doubts} if doubts else {})}
