from django.db import models
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import Status

OWN_TRANSACTION = Cast(Cast(models.Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField())


class Event(models.Model):
    """One line of an order's ledger 流转记录. Append-only: a database trigger refuses UPDATE, DELETE and TRUNCATE.

    `actor` is none where the system itself acted. `hash` is the SHA-256 of the canonical form (see `ledger.py`).
    `transaction` says where in the feed it stands (see `feed.py`); the database alone sets it.
    """

    order = models.ForeignKey("WorkOrder", models.PROTECT, related_name="events", verbose_name=_("work order"))
    number = models.PositiveIntegerField(_("number in the order"))
    step = models.CharField(_("step"), max_length=40)
    source = models.CharField(_("from status"), max_length=20, choices=Status, blank=True)
    target = models.CharField(_("to status"), max_length=20, choices=Status)
    round = models.PositiveSmallIntegerField(_("round"))
    actor = models.ForeignKey("User", models.PROTECT, null=True, related_name="events", verbose_name=_("actor"))
    unit = models.ForeignKey("Unit", models.PROTECT, null=True, related_name="+", verbose_name=_("actor's unit"))
    at = models.DateTimeField(_("at"))
    reason = models.TextField(_("reason"), blank=True)
    data = models.JSONField(_("data"), default=dict)
    # As they were called then: the chain must hold when somebody is renamed.
    actor_name = models.CharField(max_length=150, blank=True)
    unit_code = models.CharField(max_length=20, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)
    transaction = models.BigIntegerField(editable=False, db_default=OWN_TRANSACTION)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["order", "number"]
        indexes = [
            models.Index(fields=["transaction", "id"], name="event_by_transaction"),
            models.Index(fields=["order", "at"], condition=models.Q(step="urge"), name="event_urging"),
            models.Index(fields=["at"], condition=models.Q(step__in=["rework", "uphold"]), name="event_redoing"),
        ]
        constraints = [models.UniqueConstraint(fields=["order", "number"], name="event_numbered_once")]

    def __str__(self) -> str:
        return f"{self.order_id}#{self.number} {self.step}"
