from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, FSMModelMixin, transition

from dispatch.models.of_units import OfUnits

if TYPE_CHECKING:
    from workorders.models import User


class Accountability(FSMModelMixin, models.Model):
    """问责: a unit has to answer for a grave miss; a supervisor decides by how much. Only `accountability.py` writes it."""

    class Cause(models.TextChoices):
        SLIP = "slip", _("Red supervision slip overdue")
        RECTIFICATION = "rectification", _("Rectification report overdue")

    class Status(models.TextChoices):
        OPEN = "open", _("To be decided")
        DECIDED = "decided", _("Decided, to be carried out")
        CLOSED = "closed", _("Concluded")

    class Measure(models.TextChoices):
        TALK = "talk", _("Talk with the unit's head")
        CIRCULAR = "circular", _("Circular of criticism")
        DISCIPLINE = "discipline", _("Handed over for discipline")
        NONE = "none", _("No measure: excused")

    unit = models.ForeignKey("workorders.Unit", models.PROTECT, related_name="+", verbose_name=_("unit"))
    cause = models.CharField(_("cause"), max_length=20, choices=Cause)
    slip = models.OneToOneField(
        "dispatch.Slip", models.PROTECT, null=True, related_name="accountability", verbose_name=_("supervision slip")
    )
    rectification = models.ForeignKey(
        "dispatch.Rectification",
        models.PROTECT,
        null=True,
        related_name="accountabilities",
        verbose_name=_("rectification"),
    )
    due_at = models.DateTimeField(_("was due at"))
    raised_at = models.DateTimeField(_("raised at"))
    status = FSMField(_("status"), choices=Status, default=Status.OPEN, protected=True, max_length=20)
    measure = models.CharField(_("measure taken"), max_length=20, choices=Measure, blank=True)
    words = models.TextField(_("words of the decision"), blank=True)
    decided_by = models.ForeignKey(
        "workorders.User", models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True)
    closed_by = models.ForeignKey(
        "workorders.User", models.PROTECT, null=True, related_name="+", verbose_name=_("closed by")
    )
    closed_at = models.DateTimeField(_("closed at"), null=True)

    objects = OfUnits.as_manager()

    class Meta:
        verbose_name = _("accountability")
        verbose_name_plural = _("accountability")
        ordering = ["-id"]
        indexes = [models.Index(fields=["unit", "-id"], name="accountability_by_unit")]
        constraints = [
            models.UniqueConstraint(fields=["rectification", "due_at"], name="accountability_once_a_report"),
            models.CheckConstraint(
                condition=Q(cause="slip", slip__isnull=False, rectification=None)
                | Q(cause="rectification", slip=None, rectification__isnull=False),
                name="accountability_has_its_cause",
            ),
            models.CheckConstraint(
                condition=Q(status="open", measure="", words="", decided_by=None, decided_at=None, closed_at=None)
                | (
                    Q(status__in=["decided", "closed"], decided_by__isnull=False, decided_at__isnull=False)
                    & Q(measure__in=["talk", "circular", "discipline", "none"])
                    & ~Q(words="")
                ),
                name="accountability_decided_iff_not_open",
            ),
            models.CheckConstraint(
                condition=Q(status="closed", closed_at__isnull=False, closed_by__isnull=False)
                | (~Q(status="closed") & Q(closed_at=None, closed_by=None)),
                name="accountability_closed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} · {self.get_cause_display()}"

    @transition(status, source=Status.OPEN, target=Status.DECIDED)
    def decide(self, *, measure: str, words: str, by: "User", at: datetime) -> None:
        self.measure, self.words, self.decided_by, self.decided_at = measure, words, by, at

    @transition(status, source=Status.DECIDED, target=Status.CLOSED)
    def close(self, *, by: "User", at: datetime) -> None:
        self.closed_by, self.closed_at = by, at
