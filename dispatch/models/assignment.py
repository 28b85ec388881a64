from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Assignment(models.Model):
    """Who handles an order: one lead unit 主办, any co-handling units 协办. Ended when the order goes to somebody else.

    双派单: the district has the supervision of what goes to a street directly; it sees the order and owes nothing.
    `dispatched_by` and `dispatched_at` are those of the dispatch, wherever the unit handed the order down to.
    """

    class Part(models.TextChoices):
        LEAD = "lead", _("Lead unit")
        CO_HANDLING = "co_handling", _("Co-handling unit")
        SUPERVISING = "supervising", _("Supervising district")

    class End(models.TextChoices):
        RETURNED = "returned", _("Returned")
        RECALLED = "recalled", _("Recalled")
        HANDED_DOWN = "handed_down", _("Handed down")
        HANDED_OVER = "handed_over", _("Handed over")

    WRONG = (End.RETURNED, End.RECALLED)

    order = models.ForeignKey(
        "workorders.WorkOrder", models.PROTECT, related_name="assignments", verbose_name=_("work order")
    )
    unit = models.ForeignKey("workorders.Unit", models.PROTECT, related_name="assignments", verbose_name=_("unit"))
    part = models.CharField(_("part"), max_length=20, choices=Part)
    instructions = models.TextField(_("instructions"), blank=True)
    designated = models.BooleanField(_("designated, may not be returned"), default=False)
    returnable_until = models.DateTimeField(_("may be returned until"), null=True)
    provisional = models.BooleanField(
        _("provisional: the calendar of a year it reaches is not announced"), default=False
    )
    assigned_at = models.DateTimeField(_("assigned at"))
    dispatched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="dispatched_assignments",
        verbose_name=_("dispatched by"),
        db_index=False,
    )
    dispatched_at = models.DateTimeField(_("dispatched at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    end = models.CharField(_("why it ended"), max_length=20, choices=End, blank=True)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["unit", "order"], condition=models.Q(ended_at=None), name="assignment_in_force"),
            models.Index(
                fields=["ended_at"],
                condition=models.Q(part="lead", end__in=["returned", "recalled"]),
                name="assignment_wrong",
            ),
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
        since = self.dispatched_at or self.assigned_at
        return self.ended_at - since if self.end in self.WRONG and self.ended_at else None
