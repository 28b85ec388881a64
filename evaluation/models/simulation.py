from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

STALLED = timedelta(minutes=10)


class Simulation(models.Model):
    """模拟: what a policy version would have done in the last days. Only `simulations.py` writes it; its result stays."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting to begin")
        RUNNING = "running", _("Running")
        FINISHED = "finished", _("Finished")
        FAILED = "failed", _("Failed")

    policy = models.ForeignKey(
        "workorders.Policy", models.PROTECT, related_name="simulations", verbose_name=_("policy version")
    )
    days = models.PositiveSmallIntegerField(_("days"))
    sample = models.PositiveIntegerField(_("orders at most"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked by"))
    asked_at = models.DateTimeField(_("asked at"))
    moved_at = models.DateTimeField(_("last sign of progress"))
    done = models.PositiveIntegerField(_("orders replayed"), default=0)
    orders = models.PositiveIntegerField(_("orders to replay"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    result = models.JSONField(_("result"), null=True)

    class Meta:
        verbose_name = _("policy simulation")
        verbose_name_plural = _("policy simulations")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["moved_at"], condition=Q(state__in=["waiting", "running"]), name="simulation_to_run")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="finished", result__isnull=False, finished_at__isnull=False)
                | (~Q(state="finished") & Q(result=None)),
                name="simulation_finished_has_result",
            ),
            models.UniqueConstraint(
                fields=["policy"], condition=Q(state__in=["waiting", "running"]), name="one_simulation_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy} · {self.days}"

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)

    @property
    def percent(self) -> int:
        return 100 * self.done // self.orders if self.orders else 0
