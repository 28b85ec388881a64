"""Administration of the standard texts: nothing is saved that names a fact nobody knows."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from workorders import standard_texts
from workorders.models import StandardText
from workorders.role_admin import RoleAdmin
from workorders.transitions import STEPS

BREAK = mark_safe("<br>")


def steps() -> list[tuple[str, Any]]:
    """Those that people do and that have a place for a text, in the order of the life cycle."""
    return [(name, step.label) for name, step in STEPS.items() if standard_texts.takes_texts(name)]


class StandardTextForm(forms.ModelForm):
    step = forms.ChoiceField(label=gettext_lazy("Step"), choices=steps, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = StandardText
        fields = ("step", "category", "kind", "again", "title", "text", "position", "is_active")
        widgets = {"text": UnfoldAdminTextareaWidget(attrs={"rows": 14})}

    def clean_text(self) -> str:
        text = self.cleaned_data["text"]
        unknown = standard_texts.unknown_in(text)
        if unknown:
            message = _("There is no such fact: %(names)s. The facts that can stand in a text are listed below.")
            raise forms.ValidationError(message % {"names": ", ".join(f"{{{name}}}" for name in unknown)})
        return text


class StepFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("step"), "step"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return steps()

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(step=self.value()) if self.value() else queryset


@admin.register(StandardText)
class StandardTextAdmin(RoleAdmin):
    form = StandardTextForm
    list_display = ("title", "at_step", "category", "kind", "again", "position", "is_active")
    list_filter = (StepFilter, "kind", "is_active")
    list_select_related = ("category",)
    search_fields = ("title", "text", "category__name", "category__code")
    autocomplete_fields = ("category",)
    readonly_fields = ("preview", "facts")
    list_per_page = 50

    @admin.display(description=gettext_lazy("step"), ordering="step")
    def at_step(self, row: StandardText) -> str:
        return str(STEPS[row.step].label) if row.step in STEPS else row.step

    @admin.display(description=gettext_lazy("preview"))
    def preview(self, row: StandardText) -> SafeString:
        lines = ((line,) for line in standard_texts.preview(row.text).splitlines())
        return format_html_join(BREAK, "{}", lines)

    @admin.display(description=gettext_lazy("facts for the text"))
    def facts(self, row: StandardText) -> SafeString:
        known = ((f"{{{field.name}}}", field.label) for field in standard_texts.known_fields())
        return format_html_join(BREAK, "<code>{}</code> {}", known)
