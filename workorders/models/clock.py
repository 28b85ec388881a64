from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import ClockKind, Level


class ClockQuerySet(models.QuerySet["Clock"]):
    def running(self) -> "ClockQuerySet":
        return self.filter(stopped_at=None)

    def overdue(self, now: datetime) -> "ClockQuerySet":
        return self.running().filter(paused_at=None, due_at__lt=now)


class Clock(models.Model):
    """A running limit. Only `clocks.py` writes it.

    `alerts_at` holds the instant of every `Level` of the ladder, computed when the clock starts; `level` counts the
    levels already raised and `next_alert_at` is `alerts_at[level]`, none while nothing is to come. A clock that stands
    still owes what it reached before. `counted_from`, `pauses`, `extra_days` and `own_days` are what the
    instants were computed from; without `own_days` the limit is that of the order's grade.
    """

    class Outcome(models.TextChoices):
        MET = "met", _("Met")
        MISSED = "missed", _("Missed")
        VOID = "void", _("No longer applies")

    order = models.ForeignKey("WorkOrder", models.PROTECT, related_name="clocks", verbose_name=_("work order"))
    unit = models.ForeignKey(
        "Unit", models.PROTECT, null=True, blank=True, related_name="clocks", verbose_name=_("unit")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=ClockKind)
    round = models.PositiveSmallIntegerField(_("round"))
    in_working_time = models.BooleanField(_("in working time"))
    provisional = models.BooleanField(
        _("provisional: the calendar of a year it reaches is not announced"), default=False
    )
    started_at = models.DateTimeField(_("started at"))
    counted_from = models.DateTimeField(_("counted from"), editable=False)
    pauses = ArrayField(models.DateTimeField(), default=list, editable=False)  # from, to, from, to, …
    extra_days = models.PositiveSmallIntegerField(_("working days of extensions"), default=0, editable=False)
    own_days = models.FloatField(_("working days of a limit of its own"), null=True, editable=False)
    due_at = models.DateTimeField(_("due at"))
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    alerts_at = ArrayField(models.DateTimeField(), default=list, verbose_name=_("alerts at"))
    level = models.PositiveSmallIntegerField(_("level"), default=0)
    next_alert_at = models.DateTimeField(_("next alert at"), null=True, blank=True)
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)

    objects = ClockQuerySet.as_manager()

    class Meta:
        verbose_name = _("clock")
        verbose_name_plural = _("clocks")
        ordering = ["due_at", "id"]
        indexes = [
            models.Index(
                fields=["next_alert_at"],
                condition=Q(next_alert_at__isnull=False),
                name="clock_alert_due",
            ),
            models.Index(fields=["stopped_at"], condition=Q(stopped_at__isnull=False), name="clock_stopped"),
            models.Index(fields=["due_at"], condition=Q(stopped_at=None), name="clock_running"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "unit", "kind"],
                condition=Q(stopped_at=None),
                nulls_distinct=False,
                name="one_running_clock_of_a_kind",
            ),
            models.CheckConstraint(condition=Q(due_at__gte=F("started_at")), name="clock_due_after_start"),
            models.CheckConstraint(
                condition=Q(next_alert_at=None)
                | (
                    (Q(stopped_at=None) | Q(next_alert_at__lte=F("stopped_at")))
                    & (Q(paused_at=None) | Q(next_alert_at__lte=F("paused_at")))
                ),
                name="clock_that_stands_owes_only_what_it_reached",
            ),
            models.CheckConstraint(
                condition=Q(stopped_at=None, outcome="") | (Q(stopped_at__isnull=False) & ~Q(outcome="")),
                name="clock_outcome_when_stopped",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.due_at:%Y-%m-%d %H:%M}"

    @property
    def pause_spans(self) -> tuple[tuple[datetime, datetime], ...]:
        return tuple(zip(self.pauses[::2], self.pauses[1::2], strict=True))

    def reached_at(self, level: Level) -> datetime:
        """When this level is reached, or was."""
        return self.alerts_at[level - 1]
