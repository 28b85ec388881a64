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


def index(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK. Who is no supervisor of the whole city has the plain index."""
    if not dashboard.is_for(request.user):
        return context
    now = timezone.now()
    return {**context, "title": _("Dashboard"), "dashboard": dashboard.live(now), "pictures": pictures(now)}


def for_supervisors(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    @login_required
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not dashboard.is_for(request.user):
            raise PermissionDenied
        return view(request)

    return guarded


@for_supervisors
def figures(request: HttpRequest) -> HttpResponse:
    return render(request, "evaluation/_figures.html", {"dashboard": dashboard.live(timezone.now())})


@for_supervisors
def picture_data(request: HttpRequest) -> HttpResponse:
    return JsonResponse(pictures(timezone.now()))
