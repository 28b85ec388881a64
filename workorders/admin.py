"""Administration of what the product runs by: units, areas, categories, calendar, policy.

Who may: administrators by their role. Orders and their ledger are not here; they change through `perform()` alone.
"""

from django.contrib import admin
from django.contrib.auth.models import Group

from workorders import account_admin, policy_admin, standard_text_admin  # noqa: F401  register their own
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
    autocomplete_fields = ("parent", "area")


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
