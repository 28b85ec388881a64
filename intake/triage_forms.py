"""What the steps of triage ask for. A field that only one branch needs names it in `data-when`; the page hides the others."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from intake.danger import danger_in
from intake.forms import DECLINE_CODES
from intake.models import Correction
from workorders.forms import OrderField, StepForm, line, text
from workorders.lifecycle import Grade

SHORTEST_REPLY = 10  # characters: fewer say neither why nor where to go
LINES = [
    ("110", gettext_lazy("110 Police")),
    ("119", gettext_lazy("119 Fire brigade")),
    ("120", gettext_lazy("120 Ambulance")),
    ("122", gettext_lazy("122 Traffic accidents")),
]
LEGAL_CHANNELS = [
    ("court", gettext_lazy("Court")),
    ("arbitration", gettext_lazy("Arbitration")),
    ("discipline", gettext_lazy("Discipline inspection")),
    ("reconsideration", gettext_lazy("Administrative reconsideration")),
    ("information", gettext_lazy("Open government information")),
    ("petition", gettext_lazy("Petition office")),
]
# Art. 11: what the reply of each branch has to say besides the reason.
DEMANDED = {
    "emergency_line": "emergency_line",
    "legal_channel": "channel",
    "no_new_facts": "about",
    "beyond_duty": "elsewhere",
}


def _choose(label: Any, choices: list[tuple[str, Any]], **options: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=[("", "—"), *choices], required=False, **options)


def _when(code: str) -> dict[str, str]:
    return {"data-when": f"code={code}"}


class VisibleOrderField(OrderField):
    """May be left empty; `clean_…` of the form asks who sees it."""

    def clean(self, value: Any) -> Any:
        return super().clean(value) if value else None


class AskCorrectionForm(StepForm):
    missing = forms.MultipleChoiceField(
        label=gettext_lazy("What is missing"),
        choices=Correction.Element,
        widget=forms.CheckboxSelectMultiple,
    )
    reason = text(gettext_lazy("Words to the complainant"), rows=3, limit=2000)


class DeclineForm(StepForm):
    code = forms.ChoiceField(label=gettext_lazy("Branch of Art. 11"), choices=DECLINE_CODES)
    emergency_line = _choose(
        gettext_lazy("Line it was transferred to"), LINES, widget=forms.Select(attrs=_when("emergency_line"))
    )
    channel = _choose(gettext_lazy("Legal channel"), LEGAL_CHANNELS, widget=forms.Select(attrs=_when("legal_channel")))
    about = VisibleOrderField(
        label=gettext_lazy("Number of the order it is about"),
        required=False,
        widget=forms.TextInput(attrs={**_when("no_new_facts"), "autocomplete": "off"}),
    )
    elsewhere = line(
        gettext_lazy("Market or social channel"),
        limit=200,
        widget=forms.TextInput(attrs=_when("beyond_duty")),
    )
    text = text(gettext_lazy("Reply given"), help_text=gettext_lazy("The reason, and the legal way to go"))

    def clean_text(self) -> str:
        reply: str = self.cleaned_data["text"]
        if len("".join(reply.split())) < SHORTEST_REPLY:
            raise ValidationError(
                _("A reply of fewer than %(least)s characters says neither why nor where to go.")
                % {"least": SHORTEST_REPLY}
            )
        return reply

    def clean_about(self) -> Any:
        about = self.cleaned_data["about"]
        if about is None:
            return None
        if not type(about).objects.visible_to(self.actor).filter(pk=about.pk).exists():
            raise ValidationError(_("There is no order with this number."))
        if about.pk == self.order.pk:
            raise ValidationError(_("Name the other order, not this one."))
        return about

    def clean(self) -> dict[str, Any]:
        """What belongs to another branch is no part of the reply, whatever the page left in it."""
        cleaned: dict[str, Any] = super().clean() or {}
        demanded = DEMANDED.get(cleaned.get("code", ""))
        for name in DEMANDED.values():
            if name != demanded:
                self.errors.pop(name, None)
                cleaned[name] = None
        if demanded and not cleaned.get(demanded) and demanded not in self.errors:
            self.add_error(demanded, _("The reply of this branch has to say it (Art. 11)."))
        return cleaned


PASSED_ON = 500  # characters of the caller's words: they are read out


def _passed_on(order: Any) -> dict[str, str]:
    """The line that the words call for, and what is to be said there: the place, and the newest words of the caller."""
    newest = order.appeals.order_by("-pk").first()
    words = [order.matter, newest.words] if newest and newest.words != order.matter else [order.matter]
    dangers = danger_in("。".join([order.title, *words]))
    area = f"{order.area} " if order.area else ""
    text = f"{area}{order.address}\n{words[-1][:PASSED_ON]}".strip()
    return {"text": text, **({"emergency_line": dangers[0].service} if dangers else {})}


class TransferForm(StepForm):
    emergency_line = forms.ChoiceField(label=gettext_lazy("Emergency line"), choices=LINES, widget=forms.RadioSelect)
    officer = line(
        gettext_lazy("Taken over by"),
        limit=80,
        required=True,
        help_text=gettext_lazy("Name or number of who answered there"),
    )
    text = text(gettext_lazy("What was passed on"), rows=3, limit=2000)
    keep_grade = forms.BooleanField(
        label=gettext_lazy("Keep the grade"),
        required=False,
        help_text=gettext_lazy("Otherwise the order becomes an emergency and its limits are those of one."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial = {**_passed_on(self.order), **self.initial}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.old_grade = self.order.grade
        cleaned["grade"] = self.old_grade if cleaned.get("keep_grade") else Grade.EMERGENCY.value
        return cleaned

    def for_ledger(self) -> dict[str, Any]:
        kept = {name: value for name, value in super().for_ledger().items() if name not in ("keep_grade", "grade")}
        grade = self.cleaned_data["grade"]
        return kept if grade == self.old_grade else {**kept, "grade": grade, "old_grade": self.old_grade}


GRADE = forms.ChoiceField(label=gettext_lazy("Grade"), choices=Grade)
OLD_GRADE = forms.ChoiceField(label=gettext_lazy("Grade before"), choices=Grade)
