from django.db import models
from django.utils.translation import gettext_lazy as _


class Callback(models.Model):
    """回访: one a round. The complainant's three answers are the basis of the three rates (Art. 32)."""

    class Solved(models.TextChoices):
        YES = "yes", _("Solved")
        MOSTLY = "mostly", _("Mostly solved")
        NO = "no", _("Not solved")

    class Satisfied(models.TextChoices):
        YES = "yes", _("Satisfied")
        MOSTLY = "mostly", _("Mostly satisfied")
        NO = "no", _("Not satisfied")

    order = models.ForeignKey(
        "workorders.WorkOrder", models.PROTECT, related_name="callbacks", verbose_name=_("work order")
    )
    round = models.PositiveSmallIntegerField(_("round"))
    opened_at = models.DateTimeField(_("opened at"))
    attempts = models.PositiveSmallIntegerField(_("unanswered attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt not before"), null=True)
    reached = models.BooleanField(_("complainant reached"), null=True)
    contacted = models.BooleanField(_("contacted by the unit"), null=True)
    solved = models.CharField(_("solved"), max_length=10, choices=Solved, blank=True)
    satisfied = models.CharField(_("satisfied"), max_length=10, choices=Satisfied, blank=True)
    words = models.TextField(_("complainant's words"), blank=True)
    agent = models.ForeignKey(
        "workorders.User", models.PROTECT, null=True, related_name="+", verbose_name=_("callback agent")
    )
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("callback")
        verbose_name_plural = _("callbacks")
        ordering = ["order", "round"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(finished_at=None, next_attempt_at__isnull=False),
                name="callback_tried_again",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["order", "round"], name="one_callback_a_round"),
            models.CheckConstraint(
                condition=~models.Q(reached=True)
                | (models.Q(contacted__isnull=False) & ~models.Q(solved="") & ~models.Q(satisfied="")),
                name="a_reached_complainant_gave_three_answers",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.round}"
