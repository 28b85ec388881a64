"""What a machine may be allowed to do. People have no scopes: their roles alone decide."""

from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class Scope(TextChoices):
    ORDERS_READ = "orders:read", _("Read the unit's orders")
    ORDERS_HANDLE = "orders:handle", _("Do steps on the unit's orders")
    APPEALS_WRITE = "appeals:write", _("Register appeals and announce calls")
    EVENTS_READ = "events:read", _("Read the feed of events")
    WEBHOOKS_WRITE = "webhooks:write", _("Keep webhook subscriptions")


class InsufficientScope(PermissionDenied):
    default_code = "insufficient_scope"
    default_detail = _("The client was not given the scope that this call needs: %(scope)s.")

    def __init__(self, scope: str) -> None:
        super().__init__(str(self.default_detail) % {"scope": scope})


def scopes_of(request: Request) -> frozenset[str] | None:
    """What the caller's token allows; none for people, whom no token limits."""
    return getattr(request.auth, "granted", None)


def allows(request: Request, scope: str) -> bool:
    granted = scopes_of(request)
    return granted is None or scope in granted


class HasScope(BasePermission):
    """A view names the scope of each of its methods in `scopes`; a method without one is open to every caller."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = view.scopes.get("GET" if request.method == "HEAD" else request.method)
        if scope and not allows(request, scope):
            raise InsufficientScope(scope)
        return True
