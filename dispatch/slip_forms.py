"""What the steps of supervision slips ask for."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dispatch.models import Slip
from workorders.forms import StepForm, text

COLOUR = forms.ChoiceField(label=_("Colour"), choices=Slip.Colour)  # as the ledger tells it
DAYS = forms.FloatField(label=_("Working days to answer"))


class IssueSlipForm(StepForm):
    demand = text(_("What is demanded"), rows=4, limit=2000)
    days = forms.FloatField(
        label=_("Working days to answer"),
        min_value=0.25,
        max_value=60,
        required=False,
        help_text=_("As the policy says, where it is left empty"),
    )

    def clean_days(self) -> Any:
        return self.cleaned_data["days"] or self.order.policy.rules.slip_days(Slip.Colour.BLUE)


class AnswerSlipForm(StepForm):
    text = text(_("Answer"), rows=5, limit=4000, help_text=_("What was done, and why not before"))
