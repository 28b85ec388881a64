from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin

from workorders.lifecycle import Role


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
