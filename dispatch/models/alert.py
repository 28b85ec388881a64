from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, FSMModelMixin, transition

from dispatch.permissions import AlertQuerySet
from workorders import lifecycle
from workorders.lifecycle import ClockKind, Level

if TYPE_CHECKING:
    from workorders.models import User


class Alert(FSMModelMixin, models.Model):
    """预警提醒: a clock reached a level of its ladder. The database refuses the same one twice.

    Raised by the scan, told by the notices, worked off at the alerts desk; it keeps the clock's order, unit and kind, so
    that lists of alerts are read by index alone.
    """

    Level = Level

    class Status(models.TextChoices):
        OPEN = "open", _("Not acknowledged")
        ACKNOWLEDGED = "acknowledged", _("Acknowledged")
        RESOLVED = "resolved", _("Resolved")

    clock = models.ForeignKey(
        "workorders.Clock", models.PROTECT, null=True, related_name="alerts", verbose_name=_("clock")
    )
    breach = models.OneToOneField(
        "dispatch.Breach", models.PROTECT, null=True, related_name="alert", verbose_name=_("breach of a threshold")
    )
    order = models.ForeignKey(
        "workorders.WorkOrder", models.PROTECT, null=True, related_name="alerts", verbose_name=_("work order")
    )
    unit = models.ForeignKey(
        "workorders.Unit", models.PROTECT, null=True, related_name="alerts", verbose_name=_("unit")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=ClockKind, blank=True, default="")
    level = models.PositiveSmallIntegerField(_("level"), choices=Level)
    due_since = models.DateTimeField(_("due since"))
    raised_at = models.DateTimeField(_("raised at"))
    told_at = models.DateTimeField(_("told at"), null=True, editable=False)
    status = FSMField(_("status"), choices=Status, default=Status.OPEN, protected=True, max_length=20)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("assigned to")
    )
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("acknowledged by")
    )
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("resolved by")
    )
    resolved_at = models.DateTimeField(_("resolved at"), null=True)
    resolution = models.TextField(_("resolution"), blank=True)
    # Escalated by hand: the clock's own level stays, so that the scan goes on to raise the ones still to come.
    escalated_to = models.PositiveSmallIntegerField(_("escalated to"), choices=Level, null=True)
    escalated_at = models.DateTimeField(_("escalated at"), null=True)
    urgency = models.GeneratedField(
        expression=Coalesce("escalated_to", "level"), output_field=models.PositiveSmallIntegerField(), db_persist=True
    )

    objects = AlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(told_at=None), name="alert_untold"),
            models.Index(
                fields=["-urgency", "due_since", "id"], condition=~Q(status="resolved"), name="alert_unresolved"
            ),
            models.Index(fields=["-resolved_at", "-id"], condition=Q(status="resolved"), name="alert_resolved"),
            models.Index(fields=["level", "raised_at"], name="alert_by_level"),
            models.Index(fields=["raised_at"], name="alert_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["clock", "level"], name="alert_raised_once"),
            models.CheckConstraint(
                condition=Q(status="resolved", resolved_at__isnull=False)
                | (~Q(status="resolved") & Q(resolved_at=None, resolution="")),
                name="alert_resolved_with_its_time",
            ),
            models.CheckConstraint(
                condition=Q(clock=None, breach__isnull=False) | Q(clock__isnull=False, breach=None),
                name="alert_of_a_clock_or_a_threshold",
            ),
            models.CheckConstraint(
                condition=Q(escalated_to=None, escalated_at=None)
                | Q(escalated_to__gt=models.F("level"), escalated_at__isnull=False),
                name="alert_escalated_upwards_with_its_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level_now.label} {self.clock or self.breach}"

    @property
    def level_now(self) -> lifecycle.Level:
        return lifecycle.Level(self.escalated_to or self.level)

    @transition(status, source=Status.OPEN, target=Status.ACKNOWLEDGED)
    def acknowledge(self, *, by: "User", at: datetime) -> None:
        """Whoever acknowledges what nobody has, has it."""
        self.acknowledged_by, self.acknowledged_at, self.assigned_to = by, at, self.assigned_to or by

    @transition(status, source=[Status.OPEN, Status.ACKNOWLEDGED], target=Status.RESOLVED)
    def resolve(self, *, by: "User | None", at: datetime, why: str) -> None:
        self.resolved_by, self.resolved_at, self.resolution = by, at, why

    @property
    def lateness(self) -> timedelta:
        return self.raised_at - self.due_since
