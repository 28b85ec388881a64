"""Passwords are chosen by who uses them: by changing the own one, or by a one-time link somebody else issued."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from workorders.account_log import record_account_event
from workorders.lifecycle import Role
from workorders.models import AccountEvent, PasswordLink, User
from workorders.refusals import NotAllowed, WrongState

GOOD_FOR = timedelta(hours=24)
NOT_A_KEEPER = _("Only administrators keep the accounts.")
OWN_LINK = _("Your own password you change yourself, with the one you have.")
NOBODY_LOGS_IN = _("This account is switched off, or acts for a system: nobody logs in with it.")


class LinkIsOver(WrongState):
    status, code = 410, "link_is_over"
    message = _("This link was used or has expired. Ask an administrator for a new one.")


def keeps_accounts(user: Any) -> bool:
    return bool(user.is_active and (user.is_superuser or user.has_role(Role.ADMINISTRATOR)))


@transaction.atomic
def choose_password(user: User, password: str, *, now: datetime, request: HttpRequest | None = None) -> None:
    """Set what the user chose. Links that are still out stop working."""
    _set(user, password, now)
    record_account_event(AccountEvent.Kind.PASSWORD_CHANGED, user, actor=user, request=request, now=now)


def _set(user: User, password: str, now: datetime) -> None:
    user.set_password(password)
    user.must_change_password = False
    user.save(update_fields=["password", "must_change_password"])
    _end_links(user, now)


def _end_links(user: User, now: datetime) -> None:
    PasswordLink.objects.filter(user=user, used_at=None, expires_at__gt=now).update(expires_at=now)


@transaction.atomic
def issue_link(user: User, *, actor: User | None, now: datetime, request: HttpRequest | None = None) -> str:
    """Return the secret part of a new link; it is stored nowhere. `actor` is none where the server's command issues it.

    The password that the user has keeps working until the link is used, so that nobody is locked out by it.
    """
    if actor is not None and not keeps_accounts(actor):
        raise NotAllowed(NOT_A_KEEPER)
    if actor is not None and actor.pk == user.pk:
        raise NotAllowed(OWN_LINK)
    if not user.is_active or user.is_service:
        raise NotAllowed(NOBODY_LOGS_IN)
    _end_links(user, now)
    secret = secrets.token_urlsafe(32)
    PasswordLink.objects.create(
        user=user, digest=_digest(secret), issued_by=actor, issued_at=now, expires_at=now + GOOD_FOR
    )
    record_account_event(AccountEvent.Kind.LINK_ISSUED, user, actor=actor, request=request, now=now)
    return secret


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def user_of_link(secret: str, now: datetime) -> User:
    """Raises LinkIsOver."""
    return _good_link(secret, now).user


def _good_link(secret: str, now: datetime, *, lock: bool = False) -> PasswordLink:
    links = PasswordLink.objects.select_related("user")
    links = links.select_for_update(of=("self",)) if lock else links
    link = links.filter(digest=_digest(secret)).first()
    if link is None or link.used_at or link.expires_at <= now or not link.user.is_active:
        raise LinkIsOver
    return link


@transaction.atomic
def use_link(secret: str, password: str, *, now: datetime, request: HttpRequest | None = None) -> User:
    """Set the password, once. Raises LinkIsOver."""
    link = _good_link(secret, now, lock=True)
    link.used_at = now
    link.save(update_fields=["used_at"])
    _set(link.user, password, now)
    issuer = link.issued_by.username if link.issued_by else ""
    record_account_event(AccountEvent.Kind.LINK_USED, link.user, request=request, now=now, issued_by=issuer)
    return link.user


def are_one_hand(one: User, other: User) -> bool:
    """Say if somebody may be at both accounts: one got its password by a link of the other, or both through a third."""
    return bool(_hands(one) & _hands(other))


def _hands(user: User) -> set[int]:
    """Return the account, and who issued the link for its present password, and who issued theirs, and so on."""
    hands: set[int] = set()
    holder: int | None = user.pk
    while holder is not None and holder not in hands:
        hands.add(holder)
        used = PasswordLink.objects.filter(user=holder, used_at__isnull=False).order_by("-used_at")
        holder = used.values_list("issued_by", flat=True).first()
    return hands
