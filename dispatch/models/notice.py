from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from dispatch.models.alert import Alert
from workorders import addresses
from workorders.fields import EncryptedField


def settles(alert: Alert) -> bool:
    """Its clock has stopped, or somebody worked it off: nobody need be told any more."""
    return bool(alert.resolved_at or (alert.clock and alert.clock.stopped_at))


class Channel(models.Model):
    """消息通道: an address that rings, of a unit or of a person; of neither, it takes what no other channel takes.

    After a failure it rests until `resting_until`, so that a dead gateway costs one attempt now and then.
    """

    unit = models.ForeignKey(
        "workorders.Unit", models.PROTECT, null=True, blank=True, related_name="channels", verbose_name=_("unit")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="channels",
        verbose_name=_("person"),
    )
    name = models.CharField(_("name"), max_length=80)
    url = EncryptedField(_("address"), validators=[addresses.check])
    is_active = models.BooleanField(_("active"), default=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    resting_until = models.DateTimeField(_("resting until"), null=True, editable=False)

    class Meta:
        verbose_name = _("message channel")
        verbose_name_plural = _("message channels")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(unit=None, user=None, is_active=True), name="channel_of_nobody")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(unit=None) | Q(user=None),
                name="channel_of_one_owner",
                violation_error_message=_("A channel belongs to a unit or to a person, not to both."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def masked(self) -> str:
        return addresses.masked(self.url)


class NoticeQuerySet(models.QuerySet["Notice"]):
    def of(self, user: Any) -> "NoticeQuerySet":
        """What this person reads in the console."""
        return self.filter(user=user, channel=None)

    def unread(self) -> "NoticeQuerySet":
        return self.filter(read_at=None)

    def to_read(self) -> "NoticeQuerySet":
        """With all that their texts are about."""
        about = ("clock", "breach__threshold", "unit", "order__category", "order__area", "order__lead_unit")
        return self.with_alerts().select_related(*(f"alert__{part}" for part in about))

    def with_alerts(self) -> "NoticeQuerySet":
        return self.select_related("alert__clock").prefetch_related("parts__alert__clock")


class Notice(models.Model):
    """消息: one message for one person or unit by one way; without a channel, in the console. Told once, or not at all.

    `next_attempt_at` is when it may ring next; while it is being sent, when whoever sends it has surely died.
    A notice that was collected into a digest is one of the digest's `parts`.
    """

    class State(models.TextChoices):
        HELD = "held", _("Held: quiet hours, or for the digest")
        PENDING = "pending", _("To be sent")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        DIGESTED = "digested", _("In a digest")
        DROPPED = "dropped", _("Not sent: settled before")
        FAILED = "failed", _("Given up")
        UNCLEAR = "unclear", _("Broken off: nobody knows whether it was sent")

    WAITING = (State.HELD, State.PENDING, State.SENDING)
    NOT_SENT = (State.FAILED, State.UNCLEAR)

    key = models.CharField(_("key"), max_length=120)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="notices", verbose_name=_("person")
    )
    unit = models.ForeignKey(
        "workorders.Unit", models.PROTECT, null=True, related_name="notices", verbose_name=_("unit")
    )
    channel = models.ForeignKey(
        Channel, models.PROTECT, null=True, related_name="notices", verbose_name=_("channel"), db_index=False
    )
    alert = models.ForeignKey(
        "dispatch.Alert", models.PROTECT, null=True, related_name="notices", verbose_name=_("alert")
    )
    level = models.PositiveSmallIntegerField(_("level"), null=True)
    urgent = models.BooleanField(_("whatever the hour"), default=False)
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"), blank=True)
    link = models.CharField(_("leads to"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State)
    digest = models.ForeignKey("self", models.PROTECT, null=True, related_name="parts", verbose_name=_("digest"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True)
    last_error = models.CharField(_("last error"), max_length=200, blank=True)
    log: Any = models.JSONField(_("log of attempts"), default=list)
    created_at = models.DateTimeField(_("created at"))
    sent_at = models.DateTimeField(_("sent at"), null=True)
    read_at = models.DateTimeField(_("read at"), null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("outbox of messages")
        ordering = ["-id"]
        indexes = [
            models.Index(
                "channel", F("urgent").desc(), "next_attempt_at", "id", condition=Q(state="pending"), name="notice_due"
            ),
            models.Index(fields=["channel", "next_attempt_at"], condition=Q(state="held"), name="notice_held"),
            models.Index(fields=["next_attempt_at"], condition=Q(state="sending"), name="notice_being_sent"),
            models.Index(fields=["user", "-id"], condition=Q(channel=None), name="notice_in_console"),
            models.Index(fields=["user"], condition=Q(channel=None, read_at=None), name="notice_unread"),
            models.Index(fields=["state", "-id"], condition=~Q(state="sent"), name="notice_not_sent"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "user", "unit", "channel"], nulls_distinct=False, name="notice_told_once"
            ),
            models.CheckConstraint(condition=Q(user=None) ^ Q(unit=None), name="notice_for_a_person_or_a_unit"),
            models.CheckConstraint(condition=Q(unit=None) | Q(channel__isnull=False), name="notice_unit_has_a_channel"),
            models.CheckConstraint(
                condition=Q(state__in=["held", "pending", "sending"], next_attempt_at__isnull=False)
                | (~Q(state__in=["held", "pending", "sending"]) & Q(next_attempt_at=None)),
                name="notice_waiting_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | (~Q(state="sent") & Q(sent_at=None)),
                name="notice_sent_with_its_time",
            ),
            models.CheckConstraint(
                condition=Q(state="digested", digest__isnull=False) | (~Q(state="digested") & Q(digest=None)),
                name="notice_digested_into_one",
            ),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def recipient(self) -> Any:
        return self.user or self.unit

    @property
    def level_label(self) -> str:
        return str(dict(Alert.Level.choices).get(self.level or 0, ""))

    @property
    def text(self) -> str:
        """As it goes out."""
        return "\n".join(part for part in (self.body, self.address) if part)

    @property
    def address(self) -> str:
        return settings.SITE_URL + self.link if self.link else ""

    @property
    def is_settled(self) -> bool:
        """Nothing is left of what it was about."""
        alerts = [notice.alert for notice in (self, *self.parts.all()) if notice.alert]
        return bool(alerts) and all(settles(alert) for alert in alerts)
