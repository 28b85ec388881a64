from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import ClockKind, Level


class Alert(models.Model):
    """预警提醒: a clock reached a level of its ladder. The database refuses the same one twice.

    Raised by the scan, told by the notices, worked off at the alerts desk; it keeps the clock's order, unit and kind, so
    that lists of alerts are read by index alone.
    """

    Level = Level

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        ACKNOWLEDGED = "acknowledged", _("Acknowledged")
        RESOLVED = "resolved", _("Resolved")

    clock = models.ForeignKey(
        "workorders.Clock", models.PROTECT, null=True, related_name="alerts", verbose_name=_("clock")
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
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.OPEN)
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

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(told_at=None), name="alert_untold"),
            models.Index(fields=["raised_at"], name="alert_by_time"),
            models.Index(fields=["-level", "due_since"], condition=~Q(status="resolved"), name="alert_unresolved"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["clock", "level"], name="alert_raised_once"),
            models.CheckConstraint(
                condition=Q(status="resolved", resolved_at__isnull=False)
                | (~Q(status="resolved") & Q(resolved_at=None, resolution="")),
                name="alert_resolved_with_its_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_level_display()} {self.clock}"

    @property
    def lateness(self) -> timedelta:
        return self.raised_at - self.due_since
