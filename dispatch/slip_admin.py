"""The slips desk and the accountability desk of the supervisors. Slips are decided by the steps of their orders."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from dispatch import accountability
from dispatch.models import Accountability, Slip
from dispatch.webhook_admin import LookAdmin
from workorders.lifecycle import Role
from workorders.models import Event
from workorders.moments import day_and_time
from workorders.refusals import Refused
from workorders.transitions import STEPS, perform

# unfold shows the bare value of whatever such a table leaves out.
COLOURS = {Slip.Colour.BLUE: "info", Slip.Colour.ORANGE: "warning", Slip.Colour.RED: "danger"}
STATUSES = {
    Slip.Status.DEMANDED: "warning",
    Slip.Status.ANSWERED: "info",
    Slip.Status.ACCEPTED: "success",
    Slip.Status.LAPSED: None,
    Slip.Status.WITHDRAWN: None,
}
STEPS_OF: dict[str, tuple[str, ...]] = {
    Slip.Status.DEMANDED: ("raise_slip", "withdraw_slip"),
    Slip.Status.ANSWERED: ("accept_slip", "reject_slip", "withdraw_slip"),
}


class DeskAdmin(LookAdmin):
    """Supervisors see what lies with their unit and those below it."""

    ordering = ("-id",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is(request, Role.SUPERVISOR)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        ours = super().get_queryset(request)
        return ours.filter(pk__in=self.model.objects.visible_to(request.user).values("pk"))


class OverdueFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("Overdue"), "overdue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("Overdue"))]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        overdue = rows.model.objects.overdue(timezone.now())
        return rows.filter(pk__in=overdue.values("pk")) if self.value() == "yes" else rows


class UrgedFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("Urged"), "urged"
    TIMES = (1, 2, 3, 5)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(n), ngettext("%(n)s time or more", "%(n)s times or more", n) % {"n": n}) for n in self.TIMES]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        least = {str(n): n for n in self.TIMES}.get(self.value() or "", 0)
        return rows.filter(urges__gte=least) if least else rows


class IssuedFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("Issued by"), "issued"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("supervisor", _("a supervisor")), ("system", _("the system"))]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        known = self.value() in ("supervisor", "system")
        return rows.filter(issued_by__isnull=self.value() == "system") if known else rows


@admin.register(Slip)
class SlipAdmin(DeskAdmin):
    list_display = ("number", "unit", "of_colour", "of_status", "due", "urged", "issued", "deeds")
    list_display_links = None
    list_select_related = ("order", "unit", "clock", "issued_by")
    list_filter = ("colour", "status", OverdueFilter, UrgedFilter, IssuedFilter)
    search_fields = ("order__number__exact", "unit__name", "unit__code")
    search_help_text = gettext_lazy("Number of the order, or unit")
    actions = ("accept_chosen",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        urges = Event.objects.filter(step="urge", order=OuterRef("order")).order_by().values("order")
        counted = urges.annotate(times=Count("id")).values("times")
        return super().get_queryset(request).annotate(urges=Coalesce(Subquery(counted), 0))

    def get_search_results(self, request: HttpRequest, rows: Any, term: str) -> tuple[Any, bool]:
        """An order's number as it is read aloud, in groups."""
        plain = term.replace("-", "").replace(" ", "")
        return super().get_search_results(request, rows, plain if plain.isdigit() else term)

    @display(description=gettext_lazy("Work order"), ordering="order__number")
    def number(self, slip: Slip) -> SafeString:
        page = reverse("order", args=[slip.order.number])
        return format_html(
            '<a href="{}" class="font-semibold whitespace-nowrap">{}</a>', page, slip.order.spoken_number
        )

    @display(description=gettext_lazy("Colour"), ordering="colour", label=COLOURS)
    def of_colour(self, slip: Slip) -> tuple[str, str]:
        return slip.colour, slip.get_colour_display()

    @display(description=gettext_lazy("Status"), ordering="status", label=STATUSES)
    def of_status(self, slip: Slip) -> tuple[str, str]:
        return slip.status, slip.get_status_display()

    @display(description=gettext_lazy("Deadline"), ordering="clock__due_at")
    def due(self, slip: Slip) -> str:
        due = day_and_time(slip.clock.due_at, timezone.now())
        late = slip.status == Slip.Status.DEMANDED and slip.clock.due_at < timezone.now()
        return f"{due} · {_('Overdue')}" if late else due

    @display(description=gettext_lazy("Urged"), ordering="urges")
    def urged(self, slip: Any) -> int:
        return int(slip.urges)

    @display(description=gettext_lazy("Issued"), ordering="issued_at")
    def issued(self, slip: Slip) -> str:
        return f"{day_and_time(slip.issued_at, timezone.now())} · {slip.issued_by or _('the system')}"

    @display(description=gettext_lazy("Steps"))
    def deeds(self, slip: Slip) -> SafeString:
        is_last = slip.colour == Slip.Colour.RED
        names = [name for name in STEPS_OF.get(slip.status, ()) if not (is_last and name == "raise_slip")]
        links = ((reverse("step", args=[slip.order.number, name]), STEPS[name].label) for name in names)
        return format_html_join(" · ", '<a href="{}" class="text-primary-600 dark:text-primary-400">{}</a>', links)

    @admin.action(description=gettext_lazy("Accept the answers of the chosen slips"))
    def accept_chosen(self, request: HttpRequest, chosen: QuerySet[Slip]) -> None:
        done, refused = 0, []
        for slip in chosen.select_related("order"):
            try:
                perform(slip.order_id, "accept_slip", actor=request.user, now=timezone.now())  # type: ignore[arg-type]
                done += 1
            except Refused as refusal:
                refused.append(f"{slip.order.spoken_number}: {refusal.message}")
        self.message_user(request, ngettext("%(n)s accepted.", "%(n)s accepted.", done) % {"n": done})
        for line in refused[:10]:
            self.message_user(request, line, messages.WARNING)


class DecisionForm(ModelForm):
    """What a supervisor decides; the rest of the row is not theirs to write."""

    measure = forms.ChoiceField(
        label=gettext_lazy("Measure"), choices=Accountability.Measure, widget=UnfoldAdminSelectWidget
    )
    words = forms.CharField(
        label=gettext_lazy("Words of the decision"), max_length=2000, widget=UnfoldAdminTextareaWidget
    )

    class Meta:
        model = Accountability
        fields = ("measure", "words")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk and not self.instance.measure and "measure" in self.fields:
            self.initial["measure"] = accountability.suggested(self.instance)

    def _post_clean(self) -> None:
        """The row is decided by `accountability.decide()`: the instance stays as it is."""


@admin.register(Accountability)
class AccountabilityAdmin(DeskAdmin):
    form = DecisionForm
    list_display = ("unit", "of_cause", "case", "of_status", "of_measure", "raised_at", "decided_by")
    list_display_links = ("unit",)
    list_select_related = ("unit", "slip__order", "rectification__unit", "decided_by")
    list_filter = ("status", "cause", "measure")
    search_fields = ("unit__name", "unit__code", "slip__order__number__exact")
    facts = ("unit", "of_cause", "case", "due_at", "raised_at")
    readonly_fields = facts
    actions = ("close_chosen",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Decided once, by a supervisor above the unit."""
        if obj is None:
            return self.has_view_permission(request)
        return obj.status == Accountability.Status.OPEN and accountability.may_decide(request.user, obj)  # type: ignore[arg-type]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        decided = ("decided_by", "decided_at", "closed_by", "closed_at") if obj and obj.measure else ()
        return (*self.facts, "measure", "words", *decided)

    def save_model(self, request: HttpRequest, obj: Accountability, form: Any, change: bool) -> None:
        decision = {"measure": form.cleaned_data["measure"], "words": form.cleaned_data["words"]}
        actor: Any = request.user
        obj.__dict__.update(accountability.decide(obj.pk, actor=actor, now=timezone.now(), **decision).__dict__)

    @display(description=gettext_lazy("Cause"), ordering="cause")
    def of_cause(self, row: Accountability) -> str:
        return row.get_cause_display()

    @display(description=gettext_lazy("Case"))
    def case(self, row: Accountability) -> SafeString:
        if row.slip:
            page, words = reverse("order", args=[row.slip.order.number]), row.slip.order.spoken_number
        else:
            page, words = reverse("rectification", args=[row.rectification_id]), str(row.rectification)
        return format_html('<a href="{}">{}</a>', page, words)

    @display(
        description=gettext_lazy("Status"),
        ordering="status",
        label={"open": "danger", "decided": "warning", "closed": "success"},
    )
    def of_status(self, row: Accountability) -> tuple[str, str]:
        return row.status, row.get_status_display()

    @display(description=gettext_lazy("Measure"), ordering="measure")
    def of_measure(self, row: Accountability) -> str:
        return row.get_measure_display() if row.measure else "—"

    @admin.action(description=gettext_lazy("The measure was carried out"))
    def close_chosen(self, request: HttpRequest, chosen: QuerySet[Accountability]) -> None:
        for row in chosen:
            try:
                accountability.close(row.pk, actor=request.user, now=timezone.now())  # type: ignore[arg-type]
            except Refused as refusal:
                self.message_user(request, f"{row}: {refusal.message}", messages.WARNING)
