from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from workorders.lifecycle import Role
from workorders.permissions import is_of_hotline

# Fields that no address may ask for: a list filtered by them would answer letter by letter what no page shows.
SECRETS = frozenset({"password", "client_secret", "previous_secret", "secret", "secret_digest", "digest", "url"})


class RoleAdmin(ModelAdmin):
    """Administrators change, supervisors look. What history points at is switched off, not deleted."""

    # Where the rows are somebody's: lookups of the unit. A unit's supervisor sees those of the own branch.
    branch_by: tuple[str, ...] = ()
    administrators_see_all = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.filter(self._of_branch(request.user)) if self.branch_by else rows

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return not SECRETS & set(lookup.split("__")) and super().lookup_allowed(lookup, value, request)

    def _of_branch(self, user: Any) -> Q:
        administers = user.is_superuser or user.has_role(Role.ADMINISTRATOR)
        if is_of_hotline(user, Role.SUPERVISOR) or (administers and self.administrators_see_all):
            return Q()
        if user.unit is None:
            return Q(pk__in=[])
        return reduce(or_, (Q(**{f"{unit}__path__startswith": user.unit.path}) for unit in self.branch_by))

    def _is(self, request: HttpRequest, *roles: str) -> bool:
        user: Any = request.user
        if not user.is_authenticated:
            return False
        return user.has_role(*roles) or (user.is_superuser and Role.ADMINISTRATOR in roles)

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
