from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from workorders.feed import Position
from workorders.fields import EncryptedField

ALL_EVENTS = "*"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def active(self) -> "WebhookQuerySet":
        return self.filter(switched_off_at=None, unit__is_active=True)

    def at(self, position: Position) -> "WebhookQuerySet":
        return self.filter(seen_transaction=position.transaction, seen_event=position.event)


class Webhook(models.Model):
    """A unit's own system is told of what happens to the unit's orders, by a signed POST to `url`.

    `seen_transaction` and `seen_event` are the place in the feed behind which its deliveries have not been made yet.
    """

    class Notice(models.TextChoices):
        OWNER = "owner", _("Switched off by its owner")
        FAILING = "failing", _("Switched off: nothing could be delivered for three days")
        GONE = "gone", _("Switched off: the receiver answered that it is gone (410)")
        REVOKED = "revoked", _("Switched off: the client that made it was revoked")

    unit = models.ForeignKey("workorders.Unit", models.PROTECT, related_name="webhooks", verbose_name=_("unit"))
    url = models.CharField(_("address"), max_length=500)
    event_types = ArrayField(models.CharField(max_length=40), verbose_name=_("steps it is told of"))
    secret = EncryptedField(_("secret"), editable=False)
    previous_secret = EncryptedField(_("previous secret"), blank=True, editable=False)
    previous_secret_until = models.DateTimeField(_("previous secret valid until"), null=True, editable=False)
    seen_transaction = models.BigIntegerField(editable=False)
    seen_event = models.BigIntegerField(editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    switched_off_at = models.DateTimeField(_("switched off at"), null=True, editable=False)
    notice = models.CharField(_("notice"), max_length=10, choices=Notice, blank=True, editable=False)
    created_by = models.ForeignKey("workorders.User", models.PROTECT, related_name="+", verbose_name=_("created by"))
    created_at = models.DateTimeField(_("created at"))

    objects = WebhookQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["unit", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(switched_off_at=None, notice="") | (Q(switched_off_at__isnull=False) & ~Q(notice="")),
                name="webhook_off_with_a_notice",
            )
        ]

    def __str__(self) -> str:
        return f"{self.unit} → {self.url}"

    @property
    def is_active(self) -> bool:
        return self.switched_off_at is None

    @property
    def position(self) -> Position:
        return Position(self.seen_transaction, self.seen_event)

    def wants(self, step: str) -> bool:
        return ALL_EVENTS in self.event_types or step in self.event_types

    def secrets(self, now: datetime) -> list[str]:
        """What a delivery is signed with; the one before the last rotation as well, while it is valid."""
        until = self.previous_secret_until
        return [self.secret, *([self.previous_secret] if until and now < until else [])]


class Delivery(models.Model):
    """One event for one webhook, or without an event a test. The database refuses the same one twice.

    While somebody is sending it, `next_attempt_at` is when their lease ends: who died leaves nothing locked.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("To be sent")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Given up")

    webhook = models.ForeignKey(
        Webhook, models.CASCADE, related_name="deliveries", verbose_name=_("webhook"), db_index=False
    )
    event = models.ForeignKey(
        "workorders.Event", models.PROTECT, null=True, related_name="+", verbose_name=_("event"), db_index=False
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True)
    last_code = models.PositiveSmallIntegerField(_("last HTTP status"), null=True)
    last_error = models.CharField(_("last error"), max_length=40, blank=True)
    log: Any = models.JSONField(_("log of attempts"), default=list)
    created_at = models.DateTimeField(_("created at"))
    delivered_at = models.DateTimeField(_("delivered at"), null=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["webhook", "next_attempt_at", "id"], condition=Q(state="pending"), name="delivery_due"
            ),
            models.Index(fields=["webhook", "-id"], name="delivery_by_webhook"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="one_delivery_an_event"),
            models.CheckConstraint(
                condition=Q(state="pending", next_attempt_at__isnull=False)
                | Q(state__in=["delivered", "failed"], next_attempt_at=None),
                name="delivery_pending_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} → {self.webhook_id}"

    @property
    def message_id(self) -> str:
        """The same at every attempt and replay: receivers leave out what they have already."""
        return f"evt_{Position.of(self.event)}" if self.event else f"test_{self.pk}"
