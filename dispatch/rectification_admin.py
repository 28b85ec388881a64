"""The rectification desk of the supervisors: found here, decided on the page that the unit sees as well."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from dispatch import rectifications
from dispatch.models import Rectification
from dispatch.slip_admin import DeskAdmin, OverdueFilter
from workorders.moments import day_and_time

Status = Rectification.Status
LABELS = {
    Status.DEMANDED: "warning",
    Status.DRAFTED: "warning",
    Status.RETURNED: "warning",
    Status.REPORTED: "info",
    Status.ACCEPTED: "info",
    Status.CLOSED: "success",
}


class WaitingFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("Waits for"), "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", _("me")), ("check", _("a check that is due"))]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "me":
            return rows.filter(pk__in=rectifications.waiting(request.user).values("pk"))  # type: ignore[arg-type]
        if self.value() == "check":
            return rows.filter(status=Status.ACCEPTED, check_on__lte=timezone.localdate())
        return rows


@admin.register(Rectification)
class RectificationAdmin(DeskAdmin):
    list_display = ("page", "of_cause", "subject", "cases", "of_status", "due", "check_on", "round")
    list_display_links = None
    list_select_related = ("unit", "category", "area")
    list_filter = ("status", "cause", OverdueFilter, WaitingFilter)
    search_fields = ("unit__name", "unit__code", "orders__number__exact", "category__name", "area__name")
    search_help_text = gettext_lazy("Unit, subject, or number of an order that is evidence")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        orders: Any = Rectification.orders.through.objects.filter(rectification=OuterRef("pk")).order_by()
        counted = orders.values("rectification").annotate(times=Count("pk")).values("times")
        return super().get_queryset(request).annotate(evidence=Coalesce(Subquery(counted), 0))

    @display(description=gettext_lazy("Unit"), ordering="unit__path")
    def page(self, row: Rectification) -> SafeString:
        address = reverse("rectification", args=[row.pk])
        return format_html('<a href="{}" class="font-semibold">{}</a>', address, row.unit)

    @display(description=gettext_lazy("Cause"), ordering="cause")
    def of_cause(self, row: Rectification) -> str:
        return row.get_cause_display()

    @display(description=gettext_lazy("Subject"))
    def subject(self, row: Rectification) -> str:
        return row.subject or "—"

    @display(description=gettext_lazy("Evidence"), ordering="evidence")
    def cases(self, row: Any) -> int:
        return int(row.evidence)

    @display(description=gettext_lazy("Status"), ordering="status", label=LABELS)
    def of_status(self, row: Rectification) -> tuple[str, str]:
        return row.status, row.get_status_display()

    @display(description=gettext_lazy("Report due"), ordering="due_at")
    def due(self, row: Rectification) -> str:
        due = day_and_time(row.due_at, timezone.now())
        return f"{due} · {_('Overdue')}" if row.is_with_unit and row.due_at < timezone.now() else due
