"""What the dispatchers' and the units' steps carry."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.choices import CallableChoiceIterator
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from dispatch import contacts
from dispatch.models import Request
from dispatch.requests import open_of
from dispatch.selectors import district_above, suggested_unit
from dispatch.suggestions import Candidate, UnitChoice, candidates
from workorders.forms import CodeField, CodesField, StepForm, line, text
from workorders.masking import masked

CLOCKS_DIFFER = timedelta(minutes=5)  # a telephone's from ours


class DispatchForm(StepForm):
    """The suggestion of the catalogue is chosen already; `copied_to` is worked out, the district that supervises a street."""

    lead = CodeField("Unit", label=_("Lead unit"))
    co_handling = CodesField("Unit", label=_("Co-handling units"), required=False)
    instructions = text(_("Instructions"), rows=3, required=False, limit=2000)
    copy_to_district = forms.BooleanField(
        label=_("Copy to the district"),
        required=False,
        initial=True,
        help_text=_("What goes to a street directly is supervised by its district (Art. 12)."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["lead"].widget = UnitChoice(self.candidates, self.fields["lead"].widget.attrs)
        if not self.is_bound:
            suggestion = suggested_unit(self.order)
            self.initial.setdefault("lead", suggestion.unit if suggestion else None)

    def candidates(self) -> list[Candidate]:
        return candidates(self.order, self.actor, now=self.now)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        lead, others = cleaned.get("lead"), cleaned.get("co_handling", [])
        if lead in others:
            self.add_error("co_handling", _("The lead unit cannot be a co-handling unit as well."))
        for field, units in (("lead", [lead] if lead else []), ("co_handling", others)):
            if any(unit.kind == "city" for unit in units):
                self.add_error(field, _("The hotline itself does not handle orders."))
        wanted = cleaned.pop("copy_to_district", True) or "copy_to_district" not in self.data
        cleaned["copied_to"] = district_above(lead) if lead and wanted else None
        if cleaned["copied_to"] in others:  # it sees the order as it is
            cleaned["copied_to"] = None
        return cleaned


class DesignateForm(DispatchForm):
    reason = text(_("Conclusion of the meeting"), rows=3, limit=2000)

    field_order = ["lead", "reason"]


class MomentForm(StepForm):
    """Something that happened away from the desk, and may be written down later."""

    when = forms.DateTimeField(
        label=_("When, if not just now"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def clean_when(self) -> Any:
        when = self.cleaned_data["when"]
        if when and when > self.now + CLOCKS_DIFFER:
            raise forms.ValidationError(_("This moment has not come yet."))
        if when and when < self.order.registered_at:
            raise forms.ValidationError(_("The order was not registered yet."))
        return when


class ContactForm(MomentForm):
    WAYS = [
        ("phone", _("By telephone")),
        ("visit", _("In person")),
        ("message", _("By message")),
        (contacts.UNREACHABLE, _("Tried, not reached")),
        ("anonymous", _("No contact possible: anonymous")),
    ]
    way = forms.ChoiceField(label=_("How"), choices=WAYS, initial="phone")  # the desk opens it with the call
    text = text(_("What was said"), rows=3)

    field_order = ["way", "when", "text"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Asked for where it is shown: the form of a machine's list of actions shows it to nobody.
        self.fields["way"].help_text = SimpleLazyObject(lambda: contacts.rule_for(self.order))  # type: ignore[assignment]


class ArriveForm(MomentForm):
    place = line(_("Where"), limit=200)
    text = text(_("What was found"), rows=3, required=False)

    field_order = ["place", "when", "text"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial.setdefault("place", masked(self.order.address))


class CoReportForm(StepForm):
    text = text(_("Result for the lead unit"), rows=5, limit=10_000)


class SuspendForm(StepForm):
    review_date = forms.DateField(label=_("Look at it again on"), widget=forms.DateInput(attrs={"type": "date"}))

    def clean_review_date(self) -> Any:
        review_date = self.cleaned_data["review_date"]
        if review_date <= timezone.localdate(self.now):
            raise forms.ValidationError(_("The date must lie in the future."))
        return review_date


class HandDownForm(StepForm):
    lead = CodeField("Unit", label=_("Unit below your own"))
    instructions = text(_("Instructions"), rows=3, required=False, limit=2000)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["lead"].widget = forms.Select(choices=CallableChoiceIterator(self._below))

    def _below(self) -> list[tuple[str, str]]:
        """Few: to choose from on a phone. Asked for when the form is shown."""
        own = self.order.lead_unit
        below = own.branch().filter(is_active=True).exclude(pk=own.pk) if own else []
        return [("", "—"), *((unit.code, unit.name) for unit in below)]

    def clean_lead(self) -> Any:
        lead, own = self.cleaned_data["lead"], self.order.lead_unit
        if own is None or lead == own or not lead.path.startswith(own.path):
            raise forms.ValidationError(_("This unit does not stand below your own."))
        return lead


class ReturnForm(StepForm):
    code = forms.ChoiceField(label=_("Ground"), choices=Request.Code)


class ExtensionForm(StepForm):
    length = forms.IntegerField(label=_("Working days more"), min_value=1)
    basis = text(_("Legal basis"), rows=2, limit=1000)

    def clean_length(self) -> int:
        length = self.cleaned_data["length"]
        longest = self.order.policy.rules.longest_extension(self.order.grade, self.order.round)
        if length > longest:
            raise forms.ValidationError(
                _("At most %(days)s working days: no more than the limit itself, and than the policy allows.")
                % {"days": longest}
            )
        return length


class GrantForm(StepForm):
    reason = text(_("Words of the decision"), rows=3, required=False, limit=2000)


class GrantSuspensionForm(SuspendForm, GrantForm):
    """The date that was asked for, unless the dispatcher sets another."""

    review_date = forms.DateField(
        label=_("Look at it again on"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        request = open_of(self.order, Request.Kind.SUSPENSION)
        self.initial.setdefault("review_date", request.review_date if request else None)

    def clean_review_date(self) -> Any:
        self.cleaned_data["review_date"] = self.cleaned_data["review_date"] or self.initial["review_date"]
        return super().clean_review_date() if self.cleaned_data["review_date"] else None


class UrgeForm(StepForm):
    text = text(_("What is pressed for"), rows=3, limit=2000)
