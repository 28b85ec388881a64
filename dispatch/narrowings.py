"""Filters of the console's list that only links set: exactly the orders that a threshold counted."""

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workorders.lifecycle import HELD
from workorders.selectors import Narrowing, add_narrowing


def _window() -> dict[str, forms.Field]:
    return {
        name: forms.DateTimeField(required=False, widget=forms.HiddenInput)
        for name in ("registered_after", "registered_until")
    }


def _registered_in(chosen: dict[str, Any], now: datetime) -> Q:
    return Q(registered_at__gt=chosen["registered_after"], registered_at__lte=chosen.get("registered_until") or now)


def _of_window(chosen: dict[str, Any]) -> str:
    ends = (
        timezone.localtime(one)
        for one in (chosen["registered_after"], chosen.get("registered_until") or timezone.now())
    )
    return " – ".join(f"{one:%Y-%m-%d %H:%M}" for one in ends)


def _held() -> dict[str, forms.Field]:
    return {"held": forms.BooleanField(required=False, widget=forms.HiddenInput)}


def add() -> None:
    add_narrowing(
        Narrowing("registered_after", gettext_lazy("Registered between"), _window, _registered_in, _of_window)
    )
    add_narrowing(
        Narrowing(
            "held",
            gettext_lazy("In hand"),
            _held,
            lambda chosen, now: Q(status__in=HELD),
            lambda chosen: _("in a unit's hands"),
        )
    )
