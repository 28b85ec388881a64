"""What steps ask for. One form serves the console (as HTML) and API, tasks and tests (as checked input of `perform()`)."""

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from workorders import attachments, numbers
from workorders.lifecycle import Grade, Step

if TYPE_CHECKING:
    from workorders.models import User, WorkOrder


class CodeField(forms.CharField):
    """A row of reference data by its code, typed or picked from a list that shows "code name"; objects pass as they are.

    `active` false also takes what was switched off.
    """

    def __init__(self, model: str, *, active: bool = True, **options: Any) -> None:
        self.model, self.active = model, active
        attrs = {"list": f"{model.lower()}-list", "autocomplete": "off"}
        super().__init__(widget=forms.TextInput(attrs=attrs), **options)

    def prepare_value(self, value: Any) -> Any:
        return _plain(value)

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, Model) else super().to_python(value)

    def run_validators(self, value: Any) -> None:
        if isinstance(value, str):
            super().run_validators(value)

    def clean(self, value: Any) -> Any:
        value = super().clean(value)
        if not value or isinstance(value, Model):
            return value or None
        return self._find(value.split()[0])

    def _find(self, code: str) -> Model:
        model: Any = apps.get_model("workorders", self.model)
        try:
            return model.objects.get(code=code, **({"is_active": True} if self.active else {}))
        except model.DoesNotExist:
            raise ValidationError(
                _("There is no %(what)s with the code “%(code)s”."),
                code="unknown",
                params={"what": model._meta.verbose_name, "code": code},
            ) from None


class CodesWidget(forms.TextInput):
    """Several inputs of one name, one code each."""

    template_name = "workorders/_codes_input.html"

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])

    def format_value(self, value: Any) -> Any:
        return value

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["rows"] = [*(value or []), *[""] * 3][:3]
        return context


class CodesField(CodeField):
    """Several rows by their codes, each once."""

    def __init__(self, model: str, **options: Any) -> None:
        super().__init__(model, **options)
        self.widget = CodesWidget(attrs=self.widget.attrs)

    def prepare_value(self, value: Any) -> Any:
        return [super(CodesField, self).prepare_value(one) for one in value or []]

    def clean(self, value: Any) -> Any:
        found = [super(CodesField, self).clean(one) for one in value or [] if one]
        if self.required and not found:
            raise ValidationError(self.error_messages["required"], code="required")
        return list(dict.fromkeys(found))


class OrderField(forms.CharField):
    """Another order by its number, however it was typed."""

    def prepare_value(self, value: Any) -> Any:
        return numbers.spoken(_plain(value)) if isinstance(value, Model) else value

    def clean(self, value: Any) -> Any:
        if isinstance(value, Model):
            return value
        number = numbers.typed(super().clean(value))
        if not numbers.is_valid(number):
            raise ValidationError(_("This is not an order number: its check digit does not fit."), code="invalid")
        found = apps.get_model("workorders", "WorkOrder").objects.filter(number=number).first()
        if found is None:
            raise ValidationError(_("There is no order with this number."), code="unknown")
        return found


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """What the browser needs to refuse a file before it is sent."""
        context = super().get_context(name, value, attrs)
        most, message = settings.ATTACHMENT_MAX_BYTES, _("“%(name)s” is larger than %(limit)s MB.")
        context["widget"]["attrs"] |= {
            "accept": ",".join(attachments.CONTENT_TYPES),
            "data-max-bytes": most,
            "data-too-large": str(message) % {"name": "%", "limit": most // (1024 * 1024)},
        }
        return context


class FilesField(forms.FileField):
    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        files, problems = [], []
        for file in data or []:
            try:
                files.append(attachments.receive(super().clean(file, initial)))
            except ValidationError as problem:
                problems.append(problem)
        if problems:
            raise ValidationError(problems)
        return files


# Line ends and tabs are text; other control characters come from a broken paste and break whatever reads them next.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
no_control_characters = RegexValidator(CONTROL, _("Control characters stand in it."), "control", inverse_match=True)


def line(label: Any, *, limit: int, required: bool = False, **options: Any) -> forms.CharField:
    """One line of text."""
    return forms.CharField(
        label=label, required=required, max_length=limit, validators=[no_control_characters], **options
    )


def text(label: Any, *, rows: int = 4, required: bool = True, limit: int = 4000, **options: Any) -> forms.CharField:
    """Free text of up to `limit` characters."""
    return line(label, limit=limit, required=required, widget=forms.Textarea(attrs={"rows": rows}), **options)


class StepForm(forms.Form):
    """The base of every step's form: the reason and the files where the step takes them."""

    def __init__(
        self,
        *args: Any,
        order: "WorkOrder",
        step: Step,
        actor: "User | None",
        now: datetime | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.order, self.step, self.actor, self.now = order, step, actor, now or timezone.now()
        if step.reason:
            self.fields.setdefault("reason", text(_("Reason"), rows=3, limit=2000))
        if step.files:
            self.fields["files"] = FilesField(label=_("Files"), required=False)
        for field in self.fields.values():
            _preselect_nothing(field)

    def for_ledger(self) -> dict[str, Any]:
        """What the event keeps of it: objects by number or by code and name of the day, nothing that was left empty."""
        kept = {name: _plain(value) for name, value in self.cleaned_data.items() if name not in ("reason", "files")}
        return {name: value for name, value in kept.items() if value not in (None, "", [])}


def _preselect_nothing(field: forms.Field) -> None:
    """A list to choose one from begins with nothing chosen: the browser would take its first, and nobody would see it."""
    must_choose = isinstance(field, forms.ChoiceField) and field.required and field.initial is None
    if must_choose and type(field.widget) is forms.Select:
        field.widget.choices = [("", "—"), *((value, label) for value, label in field.widget.choices if value)]


class TextForm(StepForm):
    text = text(_("Text"))


class RegradeForm(StepForm):
    grade = forms.ChoiceField(label=_("Grade"), choices=Grade)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.old_grade = self.order.grade

    def clean_grade(self) -> str:
        if self.cleaned_data["grade"] == self.old_grade:
            raise ValidationError(_("The order has this grade already."), code="same")
        return self.cleaned_data["grade"]

    def for_ledger(self) -> dict[str, Any]:
        return {**super().for_ledger(), "old_grade": self.old_grade}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, Model):
        return value.number if hasattr(value, "number") else f"{value.code} {value.name}"  # type: ignore[attr-defined]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
