"""Log-in at whatever door: django-axes asks here before any password is looked at, and says here what came of it."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

from axes.handlers.base import AxesHandler
from django.contrib.auth.backends import ModelBackend
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from workorders import failed_logins
from workorders.account_log import record_account_event
from workorders.client_address import client_address, neighbourhood
from workorders.fields import blind_index, normal_text
from workorders.models import AccountEvent, User

Kind = AccountEvent.Kind
BROWSER = "browser"
BROWSER_KEPT = timedelta(days=180)
MOST_ACCOUNTS = 30  # of one browser: a seat is shared by several shifts


class UnitBackend(ModelBackend):
    """Every request asks for the user's unit: one query brings both."""

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.select_related("unit").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None

    def user_can_authenticate(self, user: Any) -> bool:
        return super().user_can_authenticate(user) and not user.is_service


@dataclass(frozen=True)
class Try:
    """One log-in that is being tried: the account, if there is one of this name, and what it is counted by."""

    user: User | None
    name: str
    limits: dict[str, failed_logins.Limit]
    held: failed_logins.Held | None


class Waits(AxesHandler):
    """The handler of django-axes: waits that grow, by account and address (see `failed_logins.py`)."""

    def is_allowed(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        name = User.normalize_username((credentials or {}).get("username") or "")
        user = User.objects.filter(username=name).first() if "\0" not in name else None
        browser, accounts = known_browser(request)
        own = browser if user and str(user.pk) in accounts else ""
        limits = failed_logins.counters(name, own, neighbourhood(client_address(request)))
        held = failed_logins.count_try(limits, timezone.now())
        request.login_try = Try(user, name, limits, held)  # type: ignore[attr-defined]
        return held is None

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        tried: Try | None = getattr(request, "login_try", None)
        if tried is None:
            return
        data: dict[str, Any] = {} if tried.user else {"unknown": _fingerprint(tried.name)}
        if tried.held is None:
            record_account_event(Kind.FAILED, tried.user, request=request, **data)
        elif tried.held.first:  # the rest of them is a flood, and counted
            until = tried.held.until.isoformat(timespec="seconds")
            record_account_event(Kind.HELD_OFF, tried.user, request=request, until=until, **data)

    def user_logged_in(self, sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        password_was_right(request)
        request.session["seen"] = request.session["since"] = int(timezone.now().timestamp())
        remember_browser(request, user)
        record_account_event(Kind.LOGGED_IN, user, actor=user, request=request)

    def user_logged_out(self, sender: Any, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
        if user:
            kind = Kind.TIMED_OUT if getattr(request, "timed_out", False) else Kind.LOGGED_OUT
            record_account_event(kind, user, actor=user, request=request)


def password_was_right(request: HttpRequest) -> None:
    """Take back what was counted before the password was looked at."""
    tried: Try | None = getattr(request, "login_try", None)
    if tried and tried.held is None:
        failed_logins.forgive_try(tried.limits)


def remember_browser(request: HttpRequest, user: User) -> None:
    """Let the answer mark this browser as one that the user entered by (`sessions.SeatMiddleware` sets the cookie)."""
    browser, accounts = known_browser(request)
    accounts = [str(user.pk), *(account for account in accounts if account != str(user.pk))]
    request.browser = " ".join([browser or secrets.token_urlsafe(16), *accounts[:MOST_ACCOUNTS]])  # type: ignore[attr-defined]


def known_browser(request: HttpRequest) -> tuple[str, list[str]]:
    """Return the browser's own mark and the accounts that logged in with it; it says nothing about who is at it now."""
    try:
        cookie = request.get_signed_cookie(BROWSER, salt=BROWSER, max_age=BROWSER_KEPT)
        mark, *accounts = (cookie or "").split()
    except (KeyError, ValueError, BadSignature):
        return "", []
    return mark, accounts


def _fingerprint(name: str) -> str:
    """Tell two unknown names apart without keeping them: people type passwords into the wrong field."""
    return blind_index(name, normal_text)[:12]


def held_off(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """Answer for django-axes whoever tries too early: the log-in page with the time that is left, at every door."""
    tried: Try | None = getattr(request, "login_try", None)
    left = (tried.held.until - timezone.now()).total_seconds() if tried and tried.held else 60
    context = {"held_off": waiting_words(left), "next": request.POST.get("next", "")}
    page = render(request, "registration/held_off.html", context, status=429)
    page["Retry-After"] = str(max(1, ceil(left)))
    return page


def waiting_words(seconds: float) -> str:
    minutes = max(1, ceil(seconds / 60))
    words = ngettext(
        "There were too many wrong passwords from here. Try again in %(minutes)s minute.",
        "There were too many wrong passwords from here. Try again in %(minutes)s minutes.",
        minutes,
    )
    comfort = _("Nobody else is locked out, and nothing has to be unlocked.")
    return f"{words % {'minutes': minutes}} {comfort}"
