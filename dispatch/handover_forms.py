"""What the steps of handing over ask for."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dispatch import handovers
from dispatch.models import Assignment
from workorders.forms import CodeField, StepForm, text
from workorders.models import Unit


class HandOverForm(StepForm):
    lead = CodeField("Unit", label=_("Unit that goes on"))
    instructions = text(_("Instructions"), rows=3, required=False, limit=2000)

    field_order = ["lead", "reason"]

    def clean_lead(self) -> Unit:
        lead: Unit = self.cleaned_data["lead"]
        if lead == self.order.lead_unit:
            raise forms.ValidationError(_("This unit leads the order already."))
        return _within_reach(lead, self.actor)


class ReplaceCoHandlingForm(StepForm):
    unit = CodeField("Unit", label=_("Co-handling unit to be released"), active=False)
    successor = CodeField("Unit", label=_("Replaced by"), required=False, help_text=_("Empty: by nobody"))

    field_order = ["unit", "successor", "reason"]

    def clean_unit(self) -> Unit:
        unit: Unit = self.cleaned_data["unit"]
        if not handovers.is_assigned(self.order, unit, Assignment.Part.CO_HANDLING):
            raise forms.ValidationError(_("This unit does not co-handle the order."))
        return unit

    def clean_successor(self) -> Unit | None:
        successor: Unit | None = self.cleaned_data["successor"]
        if successor is None:
            return None
        if handovers.is_assigned(self.order, successor, *Assignment.Part.values):
            raise forms.ValidationError(_("This unit has a part in the order already."))
        return _within_reach(successor, self.actor)


def _within_reach(unit: Unit, actor: Any) -> Unit:
    """A district hands over within its own branch; the hotline, and the system for it, to whom it would dispatch."""
    if unit.kind == Unit.Kind.CITY:
        raise forms.ValidationError(_("The hotline itself does not handle orders."))
    if actor and actor.unit.kind != Unit.Kind.CITY and not unit.path.startswith(actor.unit.path):
        raise forms.ValidationError(_("This unit does not stand below your own."))
    return unit
