"""Administration of what the product runs by: units, areas, categories, calendar, policy.

Who may: administrators by their role. Orders and their ledger are not here; they change through `perform()` alone.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from workorders import account_admin, policy_admin, standard_text_admin  # noqa: F401  register their own
from workorders.holdings import holdings_of
from workorders.models import Area, CalendarDay, Category, Unit
from workorders.role_admin import RoleAdmin

admin.site.unregister(Group)


class TreeAdmin(RoleAdmin):
    search_fields: tuple[str, ...] = ("code", "name")
    autocomplete_fields: tuple[str, ...] = ("parent",)
    list_filter: tuple[str, ...] = ("is_active",)
    list_per_page = 50


@admin.register(Unit)
class UnitAdmin(TreeAdmin):
    list_display = ("code", "name", "kind", "parent", "is_active")
    list_filter = ("kind", "is_active")
    list_select_related = ("parent",)
    autocomplete_fields = ("parent", "area", "successor")
    readonly_fields = ("in_hand",)

    @admin.display(description=_("what hangs on it"))
    def in_hand(self, unit: Unit) -> str:
        """Say what somebody has to take over before this unit is switched off."""
        return "; ".join(f"{label}: {count}" for label, count in holdings_of(unit) if count) or "–"

    def save_model(self, request: HttpRequest, obj: Unit, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data and not obj.is_active and obj.successor:
            facts = {"count": obj.orders_in_hand(), "unit": obj.successor}
            self.message_user(request, gettext("%(count)s orders go to %(unit)s within a few minutes.") % facts)


@admin.register(Area)
class AreaAdmin(TreeAdmin):
    list_display = ("code", "name", "level", "parent", "is_active")
    list_filter = ("level", "is_active")
    list_select_related = ("parent",)


@admin.register(Category)
class CategoryAdmin(TreeAdmin):
    list_display = ("code", "name", "name_en", "grade", "sector", "retention", "is_active")
    list_filter = ("grade", "retention", "is_active")
    search_fields = ("code", "name", "name_en")


@admin.register(CalendarDay)
class CalendarDayAdmin(RoleAdmin):
    list_display = ("date", "is_working", "note")
    list_editable = ("is_working", "note")
    date_hierarchy = "date"
    ordering = ("-date",)
    list_per_page = 62
