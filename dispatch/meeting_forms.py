"""What a joint meeting is called with, what its participants say, and how it ends without a designation."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dispatch.meetings import opinion_of
from dispatch.models import Opinion
from workorders.forms import CodesField, StepForm, text


class ConsultForm(StepForm):
    participants = CodesField("Unit", label=_("Participating units"))
    reason = text(_("Question to the meeting"), rows=3, limit=2000)
    held_at = forms.DateTimeField(
        label=_("Held at"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=_("Left empty, the opinions are given in writing."),
    )

    def clean_participants(self) -> list[Any]:
        participants = self.cleaned_data["participants"]
        if any(unit.kind == "city" for unit in participants):
            raise forms.ValidationError(_("The hotline calls the meeting; its participants are other units."))
        return participants

    def clean_held_at(self) -> datetime | None:
        held_at = self.cleaned_data["held_at"]
        if held_at and held_at <= self.order.registered_at:
            raise forms.ValidationError(_("The date must lie after the registration."))
        return held_at


class OpinionForm(StepForm):
    duty = forms.ChoiceField(label=_("Is it your duty?"), choices=Opinion.Duty, widget=forms.RadioSelect)
    text = text(_("Opinion"), rows=5, limit=4000)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        before = None if self.is_bound or not self.actor else opinion_of(self.order, self.actor.unit_id)
        if before:
            self.initial.update(duty=before.duty, text=before.text)


class EndMeetingForm(StepForm):
    reason = text(_("Conclusion of the meeting"), rows=3, limit=2000)
