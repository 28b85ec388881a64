"""Administration of what the product runs by: people, units, areas, categories, calendar, policy.

Who may: administrators by their role. Orders and their ledger are not here; they change through `perform()` alone.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from workorders.lifecycle import Role
from workorders.models import Area, CalendarDay, Category, Policy, Unit, User

admin.site.unregister(Group)


class RoleAdmin(ModelAdmin):
    """Administrators change, supervisors look. What history points at is switched off, not deleted."""

    def _is(self, request: HttpRequest, *roles: str) -> bool:
        user: Any = request.user
        return user.is_authenticated and (user.is_superuser or user.has_role(*roles))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is(request, Role.ADMINISTRATOR, Role.SUPERVISOR)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._is(request, Role.ADMINISTRATOR)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is(request, Role.ADMINISTRATOR)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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


@admin.register(Policy)
class PolicyAdmin(RoleAdmin):
    """A version that is there is never changed: orders run under it. A new one is added beside it."""

    list_display = ("version", "title", "effective_from", "created_by", "created_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        latest = Policy.objects.order_by("version").last()
        return {"version": latest.version + 1, "title": latest.title, "document": latest.document} if latest else {}

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        obj.created_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, RoleAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "last_name", "first_name", "unit", "roles", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("unit",)
    autocomplete_fields = ("unit",)
    search_fields = ("username", "last_name", "first_name", "unit__name")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("last_name", "first_name", "email")}),
        (_("Work"), {"fields": ("unit", "roles", "is_active")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("username", "usable_password", "password1", "password2", "unit", "roles"),
            },
        ),
    )
