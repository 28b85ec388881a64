from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from evaluation.models import Callback
from intake.panels import has_telephone
from workorders.folding import without_invisible
from workorders.forms import StepForm, text
from workorders.moments import written

YES_NO = [("yes", _("Yes")), ("no", _("No"))]
REQUIRED = _("The complainant's answer is needed here.")
FEWEST = 2  # letters or digits that make words


class AttemptForm(StepForm):
    WHY = [
        ("no_answer", _("Nobody answered")),
        ("busy", _("Busy or switched off")),
        ("wrong_number", _("Wrong number")),
        ("later", _("Asked to be called later")),
    ]
    why = forms.ChoiceField(label=_("What happened"), choices=WHY)
    again_at = forms.DateTimeField(
        label=_("Call again at"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("As agreed; otherwise after the time that the policy sets"),
    )

    def clean_again_at(self) -> datetime | None:
        again_at = self.cleaned_data["again_at"]
        if again_at and again_at <= self.now:
            raise forms.ValidationError(_("This time has passed already."), code="past")
        return again_at

    def for_ledger(self) -> dict[str, Any]:
        again_at = self.cleaned_data["again_at"]
        return {**super().for_ledger(), **({"again_at": written(again_at)} if again_at else {})}


class ReworkForm(StepForm):
    """The three answers of a complainant who was reached."""

    contacted = forms.ChoiceField(label=_("Did the unit contact you?"), choices=YES_NO, widget=forms.RadioSelect)
    solved = forms.ChoiceField(label=_("Is it solved?"), choices=Callback.Solved, widget=forms.RadioSelect)
    satisfied = forms.ChoiceField(label=_("Are you satisfied?"), choices=Callback.Satisfied, widget=forms.RadioSelect)
    words = text(
        _("Complainant's words"),
        rows=3,
        help_text=_("What is still wrong, as the complainant says it: the unit begins with this."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # What is said becomes the reason as it is typed, until somebody writes another one.
        says = {"data-into": "reason", "data-says": _("The complainant says: ")}
        self.fields["words"].widget.attrs |= says

    def clean_words(self) -> str:
        words: str = self.cleaned_data["words"]
        if sum(letter.isalnum() for letter in without_invisible(words)) < FEWEST:
            raise forms.ValidationError(
                _("Write down what the complainant says: the unit is to know why it does it again.")
            )
        return words


class CloseForm(StepForm):
    """Three answers, or none at all from somebody who could not be reached."""

    reached = forms.ChoiceField(label=_("Complainant reached"), choices=YES_NO, initial="yes", widget=forms.RadioSelect)
    contacted = forms.ChoiceField(
        label=_("Did the unit contact you?"), choices=YES_NO, widget=forms.RadioSelect, required=False
    )
    solved = forms.ChoiceField(
        label=_("Is it solved?"), choices=Callback.Solved, widget=forms.RadioSelect, required=False
    )
    satisfied = forms.ChoiceField(
        label=_("Are you satisfied?"), choices=Callback.Satisfied, widget=forms.RadioSelect, required=False
    )
    words = text(_("Complainant's words"), rows=3, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("reached") == "no":
            self._check_unreachable()
        else:
            for answer in ("contacted", "solved", "satisfied"):
                if answer not in self.errors and not cleaned.get(answer):
                    self.add_error(answer, REQUIRED)
        return cleaned

    def _check_unreachable(self) -> None:
        """Two attempts rule: rules.md D 8, the number is the policy's. Who left no telephone is not called."""
        needed = self.order.policy.rules.callback_attempts
        this_round = Callback.objects.filter(order=self.order, round=self.order.round)
        made = this_round.values_list("attempts", flat=True).first() or 0
        if made < needed and has_telephone(self.order):
            message = _("Closing as unreachable takes %(needed)s recorded attempts; there are %(made)s.")
            self.add_error("reached", message % {"needed": needed, "made": made})
        for answer in ("contacted", "solved", "satisfied"):
            if self.cleaned_data.get(answer):
                self.add_error(answer, _("Somebody who was not reached gave no answer."))
