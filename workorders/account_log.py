"""The log of accounts 账号日志: who came in, who did not, whose password and roles changed. Chained like the ledger."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from workorders.client_address import client_address
from workorders.models import AccountEvent, User


def canonical(event: AccountEvent) -> bytes:
    form = {
        "number": event.number,
        "kind": event.kind,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "user": [event.user_id, event.user_name],
        "actor": [event.actor_id, event.actor_name],
        "address": event.address,
        "agent": event.agent,
        "data": event.data,
        "previous": event.previous_hash,
    }
    return json.dumps(form, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def fingerprint(event: AccountEvent) -> str:
    return hashlib.sha256(canonical(event)).hexdigest()


@transaction.atomic
def record_account_event(
    kind: str,
    user: User | None,
    *,
    actor: User | None = None,
    request: HttpRequest | None = None,
    now: datetime | None = None,
    **data: Any,
) -> AccountEvent:
    """Add one line. It belongs to the transaction of what it tells of: neither stands without the other."""
    with connection.cursor() as cursor:  # one writer at a time, or two lines would follow the same one
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('account_log'))")
    last = AccountEvent.objects.order_by("-number").only("number", "hash").first()
    line = AccountEvent(
        number=last.number + 1 if last else 1,
        kind=kind,
        at=now or timezone.now(),
        user=user,
        user_name=user.username if user else "",
        actor=actor,
        actor_name=actor.username if actor else "",
        address=client_address(request) if request else "",
        agent=_agent(request) if request else "",
        data=data,
        previous_hash=last.hash if last else "",
    )
    line.hash = fingerprint(line)
    line.save(force_insert=True)
    return line


def _agent(request: HttpRequest) -> str:
    text = request.META.get("HTTP_USER_AGENT") or ""
    return "".join(character for character in text if character.isprintable())[:200]


def broken_line(events: Iterable[AccountEvent]) -> AccountEvent | None:
    """Return the first line, in order, that does not follow from the one before it; none if all do."""
    previous = ""
    for number, event in enumerate(events, start=1):
        if (event.number, event.previous_hash) != (number, previous) or event.hash != fingerprint(event):
            return event
        previous = event.hash
    return None


def verify_account_log() -> tuple[int, AccountEvent | None]:
    """Return how many lines there are, and the first one that does not fit."""
    events = AccountEvent.objects.order_by("number")
    return events.count(), broken_line(events.iterator(chunk_size=2000))
