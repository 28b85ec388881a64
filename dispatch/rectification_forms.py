"""What the acts on a rectification ask for."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from workorders.forms import text


def day(label: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}))


class ReportForm(forms.Form):
    words = text(
        _("Measures"), rows=8, limit=10_000, help_text=_("What was wrong and why, what is changed, who sees to it")
    )
    date = day(_("Completed by"))


class AcceptForm(forms.Form):
    words = text(_("Words of the decision"), rows=3, required=False, limit=2000)
    date = day(_("To be checked again on"))


class WordsForm(forms.Form):
    words = text(_("Reason"), rows=4, limit=2000)


class CheckForm(forms.Form):
    words = text(_("What was found"), rows=4, limit=2000)
