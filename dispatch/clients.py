"""Issue, rotate and revoke the API clients of the units' own systems."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import get_access_token_model

from dispatch import webhooks
from dispatch.models import ApiClient, Webhook
from dispatch.models.api_client import digest_of
from workorders import access_requests
from workorders.api.scopes import Scope
from workorders.lifecycle import Role
from workorders.models import Unit, User

# What a handling unit's system needs, and what a channel of the hotline does.
HANDLING = (Scope.ORDERS_READ, Scope.ORDERS_HANDLE, Scope.EVENTS_READ, Scope.WEBHOOKS_WRITE)
CHANNEL = (Scope.APPEALS_WRITE, Scope.EVENTS_READ)
OVERLAP = timedelta(days=7)
SECRETS = (
    *("client_secret", "secret_digest"),
    *("previous_secret", "previous_secret_digest", "previous_secret_until"),
)
USE_SHOWN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Issued:
    """The only moment at which the secret can be read."""

    client: ApiClient
    secret: str


@transaction.atomic
def create(
    unit: Unit,
    scopes: Collection[str],
    *,
    name: str = "",
    client_id: str = "",
    secret: str = "",
    actor: User | None = None,
    now: datetime | None = None,
) -> Issued:
    """Issue a client. Raises ValidationError for scopes that are unknown or that a unit of this kind cannot use.

    With an `actor` its account has no roles before a second person has approved them; without one, the server's command
    gives them.
    """
    check(unit, scopes)
    chosen = [scope for scope in Scope.values if scope in scopes]
    secret = secret or generate_client_secret()
    client = ApiClient(
        client_id=client_id or generate_client_id(),
        name=name or _("System of %(unit)s") % {"unit": unit},
        unit=unit,
        scopes=chosen,
        client_secret=secret,
        client_type=ApiClient.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ApiClient.GRANT_CLIENT_CREDENTIALS,
    )
    client.secret_digest = digest_of(secret)
    client.user = _service_user(client)
    client.save()
    roles, purpose, now = roles_of(unit, chosen), f"API: {client.name}", now or timezone.now()
    if actor is None:
        access_requests.give_from_server(client.user, roles, unit, purpose=purpose, now=now)
    else:
        access_requests.request_roles_of_service(client.user, roles, actor=actor, purpose=purpose, now=now)
    return Issued(client, secret)


def check(unit: Unit, scopes: Collection[str]) -> None:
    unknown = set(scopes) - set(Scope.values)
    if unknown or not scopes:
        raise ValidationError(_("Scopes are: %(scopes)s.") % {"scopes": ", ".join(Scope.values)})
    at_hotline = unit.kind == Unit.Kind.CITY
    if Scope.ORDERS_HANDLE in scopes and at_hotline:
        raise ValidationError(_("The hotline itself does not handle orders."))
    if Scope.APPEALS_WRITE in scopes and not at_hotline:
        raise ValidationError(_("Only the hotline takes in appeals: its channels belong to its own unit."))


@transaction.atomic
def rotate(client: ApiClient, *, overlap: timedelta = OVERLAP, now: datetime | None = None) -> Issued:
    """Give a new secret; the one before stays good for `overlap`, so that a system can be changed over without a gap.

    No token that the secret before has fetched outlives the overlap: after a leak, zero ends all at once.
    """
    client = ApiClient.objects.select_for_update().get(pk=client.pk)
    secret, until = generate_client_secret(), (now or timezone.now()) + overlap
    client.previous_secret, client.client_secret = client.client_secret, secret
    client.previous_secret_digest, client.secret_digest = client.secret_digest, digest_of(secret)
    client.previous_secret_until = until
    client.save(update_fields=[*SECRETS, "updated"])
    get_access_token_model().objects.filter(application=client, expires__gt=until).update(expires=until)
    return Issued(client, secret)


def note_digest(client: ApiClient, secret: str, *, previous: bool) -> None:
    """Keep the digest of a secret that was just found right, where none or an older key's stands."""
    field = "previous_secret_digest" if previous else "secret_digest"
    digest = digest_of(secret)
    if getattr(client, field) != digest:
        ApiClient.objects.filter(pk=client.pk).update(**{field: digest})


def knows_secret(client_id: str, secret: str) -> bool:
    client = ApiClient.objects.filter(client_id=client_id, revoked_at=None).first()
    return client is not None and client.knows(secret)


@transaction.atomic
def revoke(client: ApiClient, *, now: datetime | None = None) -> None:
    """At once and for good: no new tokens, those that are out stop working, and so do the webhooks it made.

    Its history stays.
    """
    now = now or timezone.now()
    get_access_token_model().objects.filter(application=client).delete()
    ApiClient.objects.filter(pk=client.pk, revoked_at=None).update(revoked_at=now)
    for webhook in Webhook.objects.filter(created_by=client.user_id).select_related("unit"):
        webhooks.switch_off(webhook, Webhook.Notice.REVOKED, now=now)
    User.objects.filter(pk=client.user_id).update(is_active=False)


def mark_used(client: ApiClient, now: datetime) -> None:
    """At most one write a minute, whatever the client sends."""
    limit = now - USE_SHOWN_EVERY
    if client.last_used_at is None or client.last_used_at < limit:
        earlier = Q(last_used_at=None) | Q(last_used_at__lt=limit)
        ApiClient.objects.filter(earlier, pk=client.pk).update(last_used_at=now)


def read_only() -> Q:
    """Select the accounts of systems that may look at orders and do no step on them."""
    readers = ApiClient.objects.exclude(scopes__contains=[Scope.ORDERS_HANDLE]).filter(user__isnull=False)
    return Q(pk__in=readers.exclude(unit__kind=Unit.Kind.CITY).values("user"))


def _service_user(client: ApiClient) -> User:
    """Whoever acts for the client: it stands in the ledger as the actor, and nobody can log in as it."""
    code = client.unit.code.lower()
    count = User.objects.filter(username__startswith=f"api-{code}-").count()
    return User.objects.create(
        username=f"api-{code}-{count + 1}",
        last_name=client.name[:150],
        password=make_password(None),
        unit=client.unit,
        is_service=True,
    )


def roles_of(unit: Unit, scopes: Collection[str]) -> list[Role]:
    """What its scopes need; where they only read, the role that reads (its scopes refuse it to do anything)."""
    if unit.kind == Unit.Kind.CITY:
        return [Role.OPERATOR] if Scope.APPEALS_WRITE in scopes else [Role.AUDITOR]
    return [Role.HANDLER, Role.REVIEWER] if Scope.ORDERS_HANDLE in scopes else [Role.HANDLER]
