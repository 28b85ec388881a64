from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractApplication

from workorders.api.scopes import Scope


def digest_of(secret: str) -> str:
    return salted_hmac("dispatch.ApiClient", secret, algorithm="sha256").hexdigest()


class ApiClient(AbstractApplication):
    """A unit's own system that speaks to us by OAuth2 client credentials, and acts as its service user `user`.

    Secrets are stored hashed. After a rotation the one before is valid too, until `previous_secret_until`.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("acts as the user")
    )
    unit = models.ForeignKey("workorders.Unit", models.PROTECT, related_name="+", verbose_name=_("unit"))
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope), verbose_name=_("scopes"))
    # Keyed digests: they tell a right secret from a guess without the cost of a password hash.
    secret_digest = models.CharField(max_length=64, blank=True, editable=False)
    previous_secret_digest = models.CharField(max_length=64, blank=True, editable=False)
    previous_secret = models.CharField(max_length=255, blank=True, editable=False)
    previous_secret_until = models.DateTimeField(_("previous secret valid until"), null=True, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)

    objects: models.Manager["ApiClient"] = models.Manager()

    class Meta(AbstractApplication.Meta):
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")
        ordering = ["unit", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    authorization_grant_type=AbstractApplication.GRANT_CLIENT_CREDENTIALS,
                    client_type=AbstractApplication.CLIENT_CONFIDENTIAL,
                    hash_client_secret=True,
                ),
                name="client_credentials_only",
            )
        ]

    def is_usable(self, request: Any) -> bool:
        """Asked when a token is given out and at every use of it, so a revocation, or closing the unit, holds at once."""
        return self.revoked_at is None and self.user.is_active and self._unit_works()

    def _unit_works(self) -> bool:
        unit = self.user.unit  # read with the user
        return unit is not None and unit.is_active

    def knows(self, secret: str, now: datetime | None = None) -> bool:
        """Tell by its digest whether this secret is good. False is no refusal: the digest may not be there yet."""
        digests = [self.secret_digest]
        if self.has_previous_secret(now):
            digests.append(self.previous_secret_digest)
        return any(digest and constant_time_compare(digest, digest_of(secret)) for digest in digests)

    def has_previous_secret(self, now: datetime | None = None) -> bool:
        until = self.previous_secret_until
        return bool(self.previous_secret) and until is not None and (now or timezone.now()) < until
