from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from workorders.fields import EncryptedField, mask_telephone


class Message(models.Model):
    """What a complainant is told by the system: written with the step it tells of, sent afterwards, once."""

    class Kind(models.TextChoices):
        CORRECTION = "correction", _("Request for correction")
        REMINDER = "reminder", _("Reminder of the correction")
        LAPSE = "lapse", _("Ended for want of correction")
        REPLY = "reply", _("Reply")
        POSTPONED = "postponed", _("Later date of the correction")

    class State(models.TextChoices):
        PENDING = "pending", _("To be sent")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Given up")
        UNCLEAR = "unclear", _("Unclear whether it was sent")

    # Without a telephone there is nowhere to send it: the channel that brought the appeal shows it.
    order = models.ForeignKey(
        "workorders.WorkOrder", models.PROTECT, related_name="messages", verbose_name=_("work order")
    )
    event = models.ForeignKey("workorders.Event", models.PROTECT, related_name="+", verbose_name=_("event"))
    complainant = models.ForeignKey(
        "Complainant", models.PROTECT, related_name="messages", verbose_name=_("complainant")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    text = models.TextField(_("text"))
    phone = EncryptedField(_("telephone"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True)
    last_error = models.CharField(_("last error"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))
    sent_at = models.DateTimeField(_("sent at"), null=True)

    class Meta:
        verbose_name = _("message to a complainant")
        verbose_name_plural = _("messages to complainants")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="message_due")
        ]
        constraints = [
            models.UniqueConstraint(fields=["event", "complainant"], name="complainant_told_once"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "sending"], next_attempt_at__isnull=False)
                | (~Q(state__in=["pending", "sending"]) & Q(next_attempt_at=None)),
                name="message_waits_or_has_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.order.spoken_number}"

    @property
    def masked_phone(self) -> str:
        return mask_telephone(self.phone)
