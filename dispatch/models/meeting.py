from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Meeting(models.Model):
    """联席会议(会商): a difficult order is discussed before it is dispatched, Art. 12. Only `meetings.py` writes it.

    `conclusion` is the reason of the step by which the order left the meeting.
    """

    class End(models.TextChoices):
        DESIGNATED = "designated", _("A unit was designated")
        UNDECIDED = "undecided", _("Ended without a designation")
        LAPSED = "lapsed", _("Lapsed: the order moved on")

    order = models.ForeignKey(
        "workorders.WorkOrder", models.PROTECT, related_name="meetings", verbose_name=_("work order")
    )
    question = models.TextField(_("question"))
    called_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("called by")
    )
    called_at = models.DateTimeField(_("called at"))
    held_at = models.DateTimeField(_("held at"), null=True)
    conclusion = models.TextField(_("conclusion"), blank=True)
    concluded_at = models.DateTimeField(_("concluded at"), null=True)
    end = models.CharField(_("how it ended"), max_length=20, choices=End, blank=True)

    class Meta:
        verbose_name = _("joint meeting")
        verbose_name_plural = _("joint meetings")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["order"], condition=Q(concluded_at=None), name="one_meeting_at_a_time"),
            models.CheckConstraint(
                condition=Q(concluded_at=None, end="", conclusion="") | (Q(concluded_at__isnull=False) & ~Q(end="")),
                name="meeting_says_how_it_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.order_id}"

    @property
    def is_open(self) -> bool:
        return self.concluded_at is None


class Opinion(models.Model):
    """会商意见: what a participating unit says. The row is there from the call on, empty until the unit has answered."""

    class Duty(models.TextChoices):
        YES = "yes", _("Our duty")
        PARTLY = "partly", _("Partly our duty")
        NO = "no", _("Not our duty")

    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="opinions", verbose_name=_("joint meeting"))
    unit = models.ForeignKey("workorders.Unit", models.PROTECT, related_name="opinions", verbose_name=_("unit"))
    duty = models.CharField(_("duty"), max_length=10, choices=Duty, blank=True)
    text = models.TextField(_("opinion"), blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("given by")
    )
    at = models.DateTimeField(_("given at"), null=True)

    class Meta:
        verbose_name = _("opinion")
        verbose_name_plural = _("opinions")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "unit"], name="one_opinion_a_unit"),
            models.CheckConstraint(
                condition=Q(at=None, by=None, duty="", text="")
                | (Q(at__isnull=False, by__isnull=False) & ~Q(duty="") & ~Q(text="")),
                name="opinion_given_or_awaited",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.get_duty_display()}"
