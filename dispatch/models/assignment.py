from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _


class Assignment(models.Model):
    """Who handles an order: one lead unit 主办, any co-handling units 协办. Ended when the order goes to somebody else."""

    class Part(models.TextChoices):
        LEAD = "lead", _("Lead unit")
        CO_HANDLING = "co_handling", _("Co-handling unit")

    class End(models.TextChoices):
        RETURNED = "returned", _("Returned")
        RECALLED = "recalled", _("Recalled")
        HANDED_DOWN = "handed_down", _("Handed down")

    order = models.ForeignKey(
        "workorders.WorkOrder", models.PROTECT, related_name="assignments", verbose_name=_("work order")
    )
    unit = models.ForeignKey("workorders.Unit", models.PROTECT, related_name="assignments", verbose_name=_("unit"))
    part = models.CharField(_("part"), max_length=20, choices=Part)
    instructions = models.TextField(_("instructions"), blank=True)
    designated = models.BooleanField(_("designated, may not be returned"), default=False)
    returnable_until = models.DateTimeField(_("may be returned until"), null=True)
    assigned_at = models.DateTimeField(_("assigned at"))
    ended_at = models.DateTimeField(_("ended at"), null=True)
    end = models.CharField(_("why it ended"), max_length=20, choices=End, blank=True)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["unit", "order"], condition=models.Q(ended_at=None), name="assignment_in_force")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=models.Q(part="lead", ended_at=None), name="one_lead_unit"
            ),
            models.UniqueConstraint(
                fields=["order", "unit"], condition=models.Q(ended_at=None), name="one_assignment_a_unit"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at=None, end="") | (models.Q(ended_at__isnull=False) & ~models.Q(end="")),
                name="assignment_says_why_it_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_part_display()} {self.unit}"

    @property
    def lost(self) -> timedelta | None:
        """B03: the time a wrong dispatch took; none while it is in force, and where the unit handed the order down."""
        wrong = self.end in (self.End.RETURNED, self.End.RECALLED)
        return self.ended_at - self.assigned_at if wrong and self.ended_at else None
