"""The dashboard on the administration's first page, and what that page asks for again and again."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from evaluation import dashboard
from evaluation.pictures import pictures

View = Callable[[HttpRequest], HttpResponse]


def index(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK. Who is no supervisor has the plain index, and a unit's supervisor no pictures."""
    user: Any = request.user
    if not dashboard.is_for(user):
        return context
    now = timezone.now()
    shown = {"title": _("Dashboard"), "dashboard": dashboard.live(now, user)}
    return {**context, **shown, **({"pictures": pictures(now)} if dashboard.is_of_the_city(user) else {})}


def admitting(may_look: Callable[[Any], bool]) -> Callable[[View], View]:
    def to(view: View) -> View:
        @login_required
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            if not may_look(request.user):
                raise PermissionDenied
            return view(request)

        return guarded

    return to


@admitting(dashboard.is_for)
def figures(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    return render(request, "evaluation/_figures.html", {"dashboard": dashboard.live(timezone.now(), user)})


@admitting(dashboard.is_of_the_city)
def picture_data(request: HttpRequest) -> HttpResponse:
    return JsonResponse(pictures(timezone.now()))
