"""What somebody may do: roles, and the unit to have them in. Giving takes two persons 双人授权, taking away one.

Nobody touches what they have themselves. A trigger of the database holds the two persons at every door (see the
migration `accounts`); here the same rule answers with words.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from workorders.account_log import record_account_event
from workorders.lifecycle import Role
from workorders.models import AccessRequest, AccountEvent, Unit, User
from workorders.passwords import NOT_A_KEEPER, are_one_hand, keeps_accounts
from workorders.permissions import is_of_hotline
from workorders.refusals import Invalid, NotAllowed, NotVisible, WrongState

State = AccessRequest.State
Kind = AccountEvent.Kind
NOT_ONESELF = _("Nobody changes what they may do themselves. Ask another administrator.")
WAITS_ALREADY = _("A request for this account waits already. It has to be decided or withdrawn first.")
NOT_A_SECOND = _("Administrators and supervisors of the hotline decide on roles.")
NOT_THE_SECOND = _("You requested these roles. Somebody else has to decide.")
NOT_ABOUT_ONESELF = _("These are your own roles. Somebody else has to decide.")
NOT_THE_FIRST = _("Only who requested roles withdraws the request.")
ONE_HAND = _(
    "You or who requested this got the present password by a one-time link of the other, so this would be one person "
    "twice. Somebody else decides, or the server's command `password_link` issues a new link first."
)
DECIDED = _("This request has been decided already.")
CHANGED_SINCE = _("The account was changed after this was requested. Reject it, and request anew what is still needed.")
REQUESTER_IS_GONE = _("Who requested this is no administrator any more. Reject it, and request anew what is needed.")
NO_REASON = _("Give a reason: who requested it will read it.")
SUPERUSER = _("This account is a superuser of the server; only a command on the server switches it on.")


def may_decide(user: Any) -> bool:
    return keeps_accounts(user) or bool(user.is_active and is_of_hotline(user, Role.SUPERVISOR))


def acts_of_request(request: AccessRequest, user: User) -> list[str]:
    """What this person may do with this request now."""
    if request.state != State.PROPOSED or not may_decide(user) or user.pk == request.user_id:
        return []
    return ["withdraw"] if request.created_by_id == user.pk else ["approve", "reject"]


def in_order(roles: Collection[str]) -> list[str]:
    return [role for role in Role.values if role in roles]


def _gets_more(user: User, roles: Collection[str], unit: Unit | None, *, active: bool) -> bool:
    if not active or not roles:
        return False
    moved = unit is not None and unit.pk != user.unit_id
    return moved or not user.is_active or bool(set(roles) - set(user.roles))


# Ask, or take away


@transaction.atomic
def change_access(
    user: User,
    *,
    roles: Collection[str],
    unit: Unit | None,
    active: bool,
    actor: User,
    now: datetime,
    purpose: str = "",
    http: HttpRequest | None = None,
) -> AccessRequest | None:
    """Take away at once; where the account would get more than it has, request it. Return the request."""
    user = User.objects.select_for_update().get(pk=user.pk)
    roles = in_order(roles)
    if not differs(user, roles, unit, active=active):
        return None
    check_change(user, roles, unit, active=active, actor=actor)
    if _gets_more(user, roles, unit, active=active):
        return _request(user, roles, unit, purpose=purpose, actor=actor, now=now, http=http)
    _take(user, roles, unit, active=active, actor=actor, now=now, http=http)
    return None


def differs(user: User, roles: Collection[str], unit: Unit | None, *, active: bool) -> bool:
    wanted = (in_order(roles), unit.pk if unit else None, active)
    return wanted != (in_order(user.roles), user.unit_id, user.is_active)


def check_change(user: User, roles: Collection[str], unit: Unit | None, *, active: bool, actor: User) -> None:
    """Raises Refused for what this actor may not change or request now."""
    if not keeps_accounts(actor):
        raise NotAllowed(NOT_A_KEEPER)
    if actor.pk == user.pk:
        raise NotAllowed(NOT_ONESELF)
    if user.is_superuser and active and not user.is_active:
        raise NotAllowed(SUPERUSER)
    waits = AccessRequest.objects.filter(user_id=user.pk, state=State.PROPOSED)
    if _gets_more(user, roles, unit, active=active) and waits.exists():
        raise WrongState(WAITS_ALREADY)


def _request(
    user: User,
    roles: list[str],
    unit: Unit | None,
    *,
    purpose: str,
    actor: User,
    now: datetime,
    http: HttpRequest | None = None,
) -> AccessRequest:
    request = AccessRequest.objects.create(
        user=user,
        roles=roles,
        unit=unit,
        roles_before=user.roles,
        unit_before_id=user.unit_id,
        was_active=user.is_active,
        purpose=purpose.strip(),
        created_by=actor,
        created_at=now,
    )
    record_account_event(Kind.ROLES_REQUESTED, user, actor=actor, request=http, now=now, **_words_of(request))
    return request


def _words_of(request: AccessRequest) -> dict[str, Any]:
    unit = request.unit
    return {"access_request": request.pk, "roles": request.roles, "unit": unit.code if unit else ""}


def _take(
    user: User,
    roles: list[str],
    unit: Unit | None,
    *,
    active: bool,
    actor: User,
    now: datetime,
    http: HttpRequest | None,
) -> None:
    had, was_active, unit_before = user.roles, user.is_active, user.unit_id
    user.roles, user.unit, user.is_active = roles, unit, active
    user.save(update_fields=["roles", "unit", "is_active", "is_staff"])
    if (in_order(had), unit_before) != (roles, user.unit_id):
        facts = {"roles": roles, "before": in_order(had), "unit": unit.code if unit else ""}
        record_account_event(Kind.ROLES_TAKEN, user, actor=actor, request=http, now=now, **facts)
    if active != was_active:
        kind = Kind.SWITCHED_ON if active else Kind.SWITCHED_OFF
        record_account_event(kind, user, actor=actor, request=http, now=now)


@transaction.atomic
def request_roles_of_service(user: User, roles: Collection[str], *, actor: User, purpose: str, now: datetime) -> None:
    """Request what a system's new account needs, in the unit it was made for."""
    if not keeps_accounts(actor):
        raise NotAllowed(NOT_A_KEEPER)
    _request(user, in_order(roles), user.unit, purpose=purpose, actor=actor, now=now)


# Decide


def approve_request(
    pk: int, *, actor: User, now: datetime, words: str = "", http: HttpRequest | None = None
) -> AccessRequest:
    return _decide(pk, "approve", State.APPROVED, actor, now, words, http)


def reject_request(
    pk: int, *, actor: User, now: datetime, words: str, http: HttpRequest | None = None
) -> AccessRequest:
    return _decide(pk, "reject", State.REJECTED, actor, now, words, http)


def withdraw_request(
    pk: int, *, actor: User, now: datetime, words: str, http: HttpRequest | None = None
) -> AccessRequest:
    return _decide(pk, "withdraw", State.WITHDRAWN, actor, now, words, http)


KINDS = {
    State.APPROVED: Kind.ROLES_GIVEN,
    State.REJECTED: Kind.REQUEST_REJECTED,
    State.WITHDRAWN: Kind.REQUEST_WITHDRAWN,
}


@transaction.atomic
def _decide(
    pk: int, act: str, state: State, actor: User, now: datetime, words: str, http: HttpRequest | None
) -> AccessRequest:
    related = AccessRequest.objects.select_related("user", "unit", "created_by")
    request = related.select_for_update(of=("self", "user")).filter(pk=pk).first()
    if request is None:
        raise NotVisible(_("There is no such request."))
    _check(request, act, actor, words)
    request.state, request.decided_by, request.decided_at, request.decision = state, actor, now, words.strip()
    request.save(update_fields=["state", "decided_by", "decided_at", "decision"])
    if state == State.APPROVED:
        _give(request)
    record_account_event(KINDS[state], request.user, actor=actor, request=http, now=now, **_words_of(request))
    return request


def _check(request: AccessRequest, act: str, actor: User, words: str) -> None:
    if not may_decide(actor):
        raise NotAllowed(NOT_A_SECOND)
    if request.state != State.PROPOSED:
        raise WrongState(DECIDED)
    if request.user_id == actor.pk:
        raise NotAllowed(NOT_ABOUT_ONESELF)
    if act not in acts_of_request(request, actor):
        raise NotAllowed(NOT_THE_FIRST if act == "withdraw" else NOT_THE_SECOND)
    if act == "approve":
        _check_still_right(request, actor)
    elif not words.strip():
        raise Invalid(NO_REASON, fields={"words": [str(NO_REASON)]})


def _check_still_right(request: AccessRequest, actor: User) -> None:
    user, requester = request.user, request.created_by
    before = (request.roles_before, request.unit_before_id, request.was_active)
    if (user.roles, user.unit_id, user.is_active) != before:
        raise WrongState(CHANGED_SINCE)
    if requester is None or not keeps_accounts(requester):
        raise WrongState(REQUESTER_IS_GONE)
    if are_one_hand(actor, requester):
        raise NotAllowed(ONE_HAND)


def _give(request: AccessRequest) -> None:
    user = request.user
    user.roles, user.unit, user.is_active = request.roles, request.unit, True
    user.save(update_fields=["roles", "unit", "is_active", "is_staff"])


# From the server's command line


@transaction.atomic
def give_from_server(
    user: User, roles: Collection[str], unit: Unit | None, *, purpose: str, now: datetime, superuser: bool = False
) -> None:
    """Give roles without two persons: whoever has the server's command line has the database as well."""
    request = AccessRequest.objects.create(
        user=user,
        roles=in_order(roles),
        unit=unit,
        roles_before=user.roles,
        unit_before_id=user.unit_id,
        was_active=user.is_active,
        purpose=purpose,
        state=State.APPROVED,
        created_at=now,
        decided_at=now,
    )
    user.is_superuser = user.is_superuser or superuser
    user.roles, user.unit, user.is_active = request.roles, unit, True
    user.save(update_fields=["roles", "unit", "is_active", "is_staff", "is_superuser"])
    record_account_event(Kind.ROLES_GIVEN, user, now=now, by="server", **_words_of(request))


@transaction.atomic
def create_from_server(
    username: str, roles: Collection[str], unit: Unit | None, *, purpose: str, now: datetime, **fields: Any
) -> User:
    """Make an account with its roles; without `password` in `fields` nobody can log in before a link is issued."""
    user = User.objects.create(username=username, unit=unit, **{"password": make_password(None), **fields})
    record_account_event(Kind.CREATED, user, now=now, by="server")
    give_from_server(user, roles, unit, purpose=purpose, now=now)
    return user
