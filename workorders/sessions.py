"""Guards of a session: it ends when nobody has been at the seat for a while, and a password that others know is changed first."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _

from workorders.api.problems import MEDIA_TYPE, body_of
from workorders.auth import BROWSER, BROWSER_KEPT
from workorders.models import User

# What an open page asks for by itself while nobody touches it (connection.js, dashboard.js).
UNATTENDED = "HTTP_X_UNATTENDED"
WRITTEN_EVERY = 60  # seconds
# With a password that others know one gets no further than to these.
OPEN_TO_ALL = ("own_password", "logout", "login", "set_language", "session")


def idle_limit(user: User) -> timedelta:
    """Return the shortest time of the user's roles."""
    minutes = settings.IDLE_MINUTES
    return timedelta(minutes=min((minutes[role] for role in user.roles if role in minutes), default=minutes["other"]))


class SeatMiddleware:
    """Behind the authentication: asks who is at the seat, and if they still are."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if user.is_authenticated:
            _end_when_idle(request, user, timezone.now())
        response = self.get_response(request)
        mark = getattr(request, "browser", None)
        if mark:
            response.set_signed_cookie(
                *(BROWSER, mark),
                salt=BROWSER,
                max_age=BROWSER_KEPT,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, named: Any) -> HttpResponse | None:
        user: Any = request.user
        name = request.resolver_match.url_name if request.resolver_match else ""
        if not user.is_authenticated or not user.must_change_password or name in OPEN_TO_ALL:
            return None
        return _to_own_password(request)


def _end_when_idle(request: HttpRequest, user: User, now: datetime) -> None:
    moment = int(now.timestamp())
    seen, since = request.session.get("seen", moment), request.session.get("since", moment)
    # Whoever works on is asked again after a shift: a session that was taken over must not live for ever.
    if moment - seen > idle_limit(user).total_seconds() or moment - since > settings.SESSION_COOKIE_AGE:
        request.timed_out = True  # type: ignore[attr-defined]
        logout(request)
    elif "seen" not in request.session or (moment - seen >= WRITTEN_EVERY and UNATTENDED not in request.META):
        request.session["seen"] = moment


def _to_own_password(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        detail = _("Choose a password of your own in the console first.")
        body = body_of(403, "password_change_required", detail)
        return JsonResponse(body, status=403, content_type=MEDIA_TYPE)
    back = request.get_full_path() if request.method == "GET" and "HTTP_HX_REQUEST" not in request.META else ""
    target = f"{resolve_url('own_password')}{'?' + urlencode({'next': back}) if back else ''}"
    if "HTTP_HX_REQUEST" in request.META:
        return HttpResponse(headers={"HX-Redirect": target})
    return HttpResponseRedirect(target)
