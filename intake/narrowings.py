"""A telephone typed into the search: the orders of whoever has it, by its keyed hash, for those who may ask."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from intake import merged_orders
from intake.models import Appeal, Complainant
from workorders import numbers, telephones
from workorders.fields import telephone_indexes
from workorders.lifecycle import Role
from workorders.permissions import is_of_hotline
from workorders.selectors import Narrowing, add_finder, add_narrowing

ASK = (Role.OPERATOR, Role.CALLBACK_AGENT, Role.SUPERVISOR)
FEWEST_DIGITS = 7  # fewer are part of an order's number


def by_telephone(user: Any, typed: str) -> dict[str, str] | None:
    """Only the hash goes into the address, which browsers remember and servers log. A number that nobody has may be part
    of an order's, or stand in its text."""
    reading = telephones.read(typed)
    if len(reading.numbers) != 1 or reading.rest or numbers.is_valid(numbers.typed(typed)):
        return None
    if len(numbers.typed(typed)) < FEWEST_DIGITS or not is_of_hotline(user, *ASK):
        return None
    (caller,) = telephone_indexes(typed)
    return {"caller": caller} if Complainant.objects.filter(phone_indexes__contains=[caller]).exists() else None


def _field() -> dict[str, forms.Field]:
    return {"caller": forms.RegexField(r"^[0-9a-f]{64}$", required=False, widget=forms.HiddenInput)}


def _asked_by(chosen: dict[str, Any], *_now: Any) -> Q:
    theirs = Appeal.objects.filter(complainant__phone_indexes__contains=[chosen["caller"]])
    return Q(pk__in=merged_orders.orders_with(theirs))


def add() -> None:
    words = gettext_lazy("Complainant")
    add_narrowing(Narrowing("caller", words, _field, _asked_by, lambda chosen: _("by this telephone")))
    add_finder(by_telephone)
