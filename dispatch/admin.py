from django.contrib import admin

from dispatch.models import Responsibility
from workorders.admin import RoleAdmin


@admin.register(Responsibility)
class ResponsibilityAdmin(RoleAdmin):
    list_display = ("category", "area", "unit", "territory", "basis")
    list_select_related = ("category", "area", "unit")
    list_filter = ("territory",)
    search_fields = ("category__code", "category__name", "unit__name")
    autocomplete_fields = ("category", "area", "unit")
    list_per_page = 50
