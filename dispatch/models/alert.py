from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _


class Alert(models.Model):
    """预警提醒: a clock reached a level of its ladder. The database refuses the same one twice."""

    class Level(models.IntegerChoices):
        WARNING = 1, _("Warning")
        OVERDUE = 2, _("Overdue")
        ESCALATION = 3, _("Escalation")

    clock = models.ForeignKey("workorders.Clock", models.PROTECT, related_name="alerts", verbose_name=_("clock"))
    level = models.PositiveSmallIntegerField(_("level"), choices=Level)
    due_since = models.DateTimeField(_("due since"))
    raised_at = models.DateTimeField(_("raised at"))

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["clock", "level"], name="alert_raised_once")]

    def __str__(self) -> str:
        return f"{self.get_level_display()} {self.clock}"

    @property
    def lateness(self) -> timedelta:
        return self.raised_at - self.due_since
