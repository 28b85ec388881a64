"""What reception asks for: the registration form, and what the operators' steps carry."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from intake import papers
from intake.models import Appeal
from workorders import telephones
from workorders.forms import CONTROL, CodeField, FilesField, OrderField, StepForm, line, text
from workorders.lifecycle import Grade, Kind

# The six branches of Art. 11; each obliges the hotline to a reply of its own.
DECLINE_CODES = [
    ("emergency_line", _("Emergency: transferred to 110, 119, 120 or 122")),
    ("legal_channel", _("Belongs to a legal channel (lawsuit, arbitration, review, petition)")),
    ("no_new_facts", _("In handling or done already, without new facts")),
    ("secret", _("Touches a state or trade secret or privacy")),
    ("beyond_duty", _("Beyond the duties of public units")),
    ("unlawful", _("Against law or public order")),
]

LONGEST_NUMBER = 500
ENDED_OTHERWISE = ("merged", "withdrawn", "declined", "archived")  # nothing can be merged into these


class TelephoneField(forms.CharField):
    """A telephone as people and telephone systems write it. It refuses nothing but what is far too long.

    Cleaned, it is empty where the text only says that there is no number.
    """

    reads: Any = staticmethod(telephones.read)

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=LONGEST_NUMBER, **options)

    def to_python(self, value: Any) -> str:
        written = super().to_python(CONTROL.sub("", str(value)) if value else value) or ""
        return written if self.reads(written).text else ""


class PaperField(TelephoneField):
    reads = staticmethod(papers.read)


class RegistrationForm(forms.Form):
    matter = text(_("Matter in the caller's words"), rows=7, limit=20_000)
    title = line(_("Title"), limit=120)
    kind = forms.ChoiceField(label=_("Kind"), choices=Kind, initial=Kind.COMPLAINT)
    channel = forms.ChoiceField(label=_("Channel"), choices=Appeal.Channel, initial=Appeal.Channel.PHONE)
    category = CodeField("Category", label=_("Category"), required=False)
    grade = forms.ChoiceField(
        label=_("Grade"), choices=[("", _("As the category says")), *Grade.choices], required=False
    )
    area = CodeField("Area", label=_("Area"), required=False)
    address = line(_("Place"), limit=200)
    name = line(_("Name"), limit=80)
    phone = TelephoneField(label=_("Telephone"))
    identity = PaperField(label=_("Identity number"))
    home = line(_("Address of the complainant"), limit=200)
    anonymous_to_unit = forms.BooleanField(
        label=_("Wishes to stay unknown to the handling unit"),
        required=False,
        help_text=_("Units get neither name nor telephone; the hotline passes messages on."),
    )
    call_back_at = forms.DateTimeField(
        label=_("Wishes to be called back at"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    green_channel = forms.ChoiceField(
        label=_("Green channel"), choices=[("", _("No")), *Appeal.GreenChannel.choices], required=False
    )
    on_behalf_by = line(_("On behalf: who speaks"), limit=80)
    home_visit = forms.BooleanField(label=_("Needs a visit at home"), required=False)

    def clean_call_back_at(self) -> datetime | None:
        wished = self.cleaned_data["call_back_at"]
        if wished and wished <= timezone.now():
            raise forms.ValidationError(_("This time has passed already. Choose one that is still to come."))
        return wished


class DeskForm(RegistrationForm):
    """What stands on the reception desk: the registration, its files, and what is to be done with it."""

    ACCEPT, REGISTER, ADD = "accept", "register", "add_to"

    act = forms.CharField(required=False, max_length=40)
    token = forms.UUIDField(required=False, initial=uuid4, widget=forms.HiddenInput)
    call_key = forms.IntegerField(required=False, widget=forms.HiddenInput)
    danger_seen = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["files"] = FilesField(label=_("Files"), required=False)
        # A browser would cut what is pasted, in silence; here it is kept, and said to be too long.
        self.fields["matter"].widget.attrs |= {"data-limit": self.fields["matter"].widget.attrs.pop("maxlength")}
        self.fields["matter"].widget.attrs["aria-keyshortcuts"] = "Alt+O"
        self.fields["category"].widget.attrs["aria-keyshortcuts"] = "Alt+K"
        self.fields["area"].widget.attrs["aria-keyshortcuts"] = "Alt+P"
        self.fields["green_channel"].widget.attrs["aria-keyshortcuts"] = "Alt+G"
        self.fields["phone"].widget.attrs |= {"autocomplete": "off", "aria-keyshortcuts": "F2"}
        self.fields["phone"].widget.input_type = "tel"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["act"] = cleaned.get("act") or self.ACCEPT
        if cleaned["act"] == self.ACCEPT and "category" not in self.errors and not cleaned.get("category"):
            self.add_error("category", _("Accepting takes a category. Without one, register only."))
        return cleaned


class AnswerForm(StepForm):
    text = text(_("Answer given to the complainant"))
    knowledge = line(_("Knowledge used"), limit=200, help_text=_("The rule, notice or guide that the answer rests on"))


class AcceptForm(StepForm):
    category = CodeField("Category", label=_("Category"))
    area = CodeField("Area", label=_("Area"), required=False)
    grade = forms.ChoiceField(label=_("Grade"), choices=Grade)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        order = self.order
        self.initial = {"category": order.category, "area": order.area, "grade": order.grade, **self.initial}


class MergeForm(StepForm):
    parent = OrderField(label=_("Number of the order it is merged into"))

    def clean_parent(self) -> Any:
        parent = self.cleaned_data["parent"]
        if not type(parent).objects.visible_to(self.actor).filter(pk=parent.pk).exists():
            raise forms.ValidationError(_("There is no order with this number."))
        if parent.pk == self.order.pk:
            raise forms.ValidationError(_("An order cannot be merged into itself."))
        refusal = why_not_into(parent)
        if refusal:
            raise forms.ValidationError(refusal)
        return parent


def why_not_into(parent: Any) -> str | None:
    """Why nothing can be merged into this order; none where it can."""
    if parent.parent:
        return _("This order was itself merged into %(number)s. Merge into that one.") % {
            "number": parent.parent.spoken_number
        }
    if parent.is_history:
        return str(_("This is a history order: nobody is handling it."))
    if parent.status in ENDED_OTHERWISE:
        return _("This order is not being handled: it is %(status)s.") % {"status": parent.get_status_display()}
    return None
