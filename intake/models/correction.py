from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Correction(models.Model):
    """补正: what the complainant was asked to add, when they are reminded, and when it is too late.

    `next_at` is what the beat looks at: the next reminder still to come, then the closing; none where it has ended.
    """

    class Element(models.TextChoices):
        """受理要素 (Art. 10, and the elements of a complete complaint)."""

        TIME = "time", _("When it happened")
        PLACE = "place", _("Exact place")
        OBJECT = "object", _("Whom or what it is about")
        CONTACT = "contact", _("How to reach the complainant")
        EVIDENCE = "evidence", _("Pictures or other evidence")

    class End(models.TextChoices):
        SUPPLIED = "supplied", _("Supplied")
        LAPSED = "lapsed", _("Not supplied in time")
        OTHERWISE = "otherwise", _("The order ended otherwise")

    order = models.ForeignKey(
        "workorders.WorkOrder", models.PROTECT, related_name="corrections", verbose_name=_("work order")
    )
    missing = ArrayField(models.CharField(max_length=20, choices=Element), default=list, verbose_name=_("missing"))
    words = models.TextField(_("words to the complainant"))
    asked_at = models.DateTimeField(_("asked at"))
    remind_at = ArrayField(models.DateTimeField(), default=list, verbose_name=_("reminders"))
    closes_at = models.DateTimeField(_("correction wanted until"))
    provisional = models.BooleanField(
        _("provisional: the calendar of a year it reaches is not announced"), default=False
    )
    reminders = models.PositiveSmallIntegerField(_("reminders sent"), default=0)
    next_at = models.DateTimeField(_("next act of the system"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    end = models.CharField(_("how it ended"), max_length=20, choices=End, blank=True)

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="correction_due"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["order"], condition=Q(ended_at=None), name="one_open_correction"),
            models.CheckConstraint(
                condition=Q(ended_at=None, end="", next_at__isnull=False)
                | (Q(ended_at__isnull=False, next_at=None) & ~Q(end="")),
                name="correction_waits_or_has_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} · {'、'.join(str(self.Element(one).label) for one in self.missing)}"
