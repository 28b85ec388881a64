"""A telephone typed into the search: the orders of whoever has it, by its keyed hash, for those who may ask."""

import re
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from intake import merging
from intake.models import Appeal, Complainant
from workorders.fields import blind_index, normal_phone
from workorders.lifecycle import Role
from workorders.permissions import is_of_hotline
from workorders.selectors import Narrowing, add_finder, add_narrowing

ASK = (Role.OPERATOR, Role.CALLBACK_AGENT, Role.SUPERVISOR)
PHONE = re.compile(r"(?:\+?86)?1\d{10}|0\d{9,11}|[2-9]\d{6,7}")
GAPS = re.compile(r"[\s()-]")


def by_telephone(user: Any, typed: str) -> dict[str, str] | None:
    """Only the hash goes into the address, which browsers remember and servers log. A number that nobody has may be part
    of an order's, or stand in its text."""
    if not (PHONE.fullmatch(GAPS.sub("", typed)) and is_of_hotline(user, *ASK)):
        return None
    caller = blind_index(typed, normal_phone)
    return {"caller": caller} if Complainant.objects.filter(phone_index=caller).exists() else None


def _field() -> dict[str, forms.Field]:
    return {"caller": forms.RegexField(r"^[0-9a-f]{64}$", required=False, widget=forms.HiddenInput)}


def _asked_by(chosen: dict[str, Any], *_now: Any) -> Q:
    theirs = Appeal.objects.filter(complainant__phone_index=chosen["caller"])
    return Q(pk__in=merging.orders_with(theirs))


def add() -> None:
    words = gettext_lazy("Complainant")
    add_narrowing(Narrowing("caller", words, _field, _asked_by, lambda chosen: _("by this telephone")))
    add_finder(by_telephone)
