from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, FSMModelMixin, transition

from dispatch.models.of_units import OfUnits

if TYPE_CHECKING:
    from workorders.models import User


class SlipQuerySet(OfUnits):
    def open(self) -> "SlipQuerySet":
        return self.filter(status__in=Slip.OPEN)

    def overdue(self, now: datetime) -> "SlipQuerySet":
        return self.filter(status=Slip.Status.DEMANDED, clock__stopped_at=None, clock__due_at__lt=now)


class Slip(FSMModelMixin, models.Model):
    """督办单: a unit is told to act on an order and to answer within a limit. Only `slips.py` writes it.

    `issued_by` is none where the system issued it. What was said on the way stands in the order's ledger; here is how
    the slip stands now. `clock` is the one of its present colour.
    """

    class Colour(models.TextChoices):
        BLUE = "blue", _("Blue slip")
        ORANGE = "orange", _("Orange slip")
        RED = "red", _("Red slip")

    class Status(models.TextChoices):
        DEMANDED = "demanded", _("Waiting for the unit's answer")
        ANSWERED = "answered", _("Answered, to be decided")
        ACCEPTED = "accepted", _("Answer accepted")
        LAPSED = "lapsed", _("Lapsed: the order moved on")
        WITHDRAWN = "withdrawn", _("Withdrawn: issued in error")

    OPEN = (Status.DEMANDED, Status.ANSWERED)

    order = models.ForeignKey(
        "workorders.WorkOrder", models.PROTECT, related_name="slips", verbose_name=_("work order")
    )
    unit = models.ForeignKey("workorders.Unit", models.PROTECT, related_name="slips", verbose_name=_("unit"))
    colour = models.CharField(_("colour"), max_length=10, choices=Colour, default=Colour.BLUE)
    status = FSMField(_("status"), choices=Status, default=Status.DEMANDED, protected=True, max_length=20)
    demand = models.TextField(_("demand"))
    clock = models.OneToOneField("workorders.Clock", models.PROTECT, related_name="slip", verbose_name=_("clock"))
    issued_by = models.ForeignKey(
        "workorders.User", models.PROTECT, null=True, related_name="+", verbose_name=_("issued by")
    )
    issued_at = models.DateTimeField(_("issued at"))
    answer = models.TextField(_("answer"), blank=True)
    answered_by = models.ForeignKey(
        "workorders.User", models.PROTECT, null=True, related_name="+", verbose_name=_("answered by")
    )
    answered_at = models.DateTimeField(_("answered at"), null=True)
    closed_by = models.ForeignKey(
        "workorders.User", models.PROTECT, null=True, related_name="+", verbose_name=_("closed by")
    )
    closed_at = models.DateTimeField(_("closed at"), null=True)
    words = models.TextField(_("words of the last decision"), blank=True)

    objects = SlipQuerySet.as_manager()

    class Meta:
        verbose_name = _("supervision slip")
        verbose_name_plural = _("supervision slips")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["status", "-id"], name="slip_open", condition=Q(status__in=["demanded", "answered"])),
            models.Index(fields=["unit", "-id"], name="slip_by_unit"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "unit"], condition=Q(status__in=["demanded", "answered"]), name="one_open_slip_a_unit"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["demanded", "answered"], closed_at=None, closed_by=None)
                | Q(status__in=["accepted", "lapsed", "withdrawn"], closed_at__isnull=False),
                name="slip_closed_iff_not_open",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["demanded", "lapsed", "withdrawn"])
                | (Q(answered_at__isnull=False, answered_by__isnull=False) & ~Q(answer="")),
                name="slip_answered_in_words",
            ),
            models.CheckConstraint(condition=Q(colour__in=["blue", "orange", "red"]), name="slip_colour_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_colour_display()} {self.order_id}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def next_colour(self) -> "Slip.Colour":
        """Red is the last."""
        return self.Colour.ORANGE if self.colour == self.Colour.BLUE else self.Colour.RED

    @transition(status, source=Status.DEMANDED, target=Status.ANSWERED)
    def give_answer(self, *, by: "User | None", at: datetime, words: str) -> None:
        self.answered_by, self.answered_at, self.answer = by, at, words

    @transition(status, source=Status.ANSWERED, target=Status.ACCEPTED)
    def accept(self, *, by: "User | None", at: datetime, words: str) -> None:
        self.closed_by, self.closed_at, self.words = by, at, words

    @transition(status, source=[Status.DEMANDED, Status.ANSWERED], target=Status.DEMANDED)
    def rise(self, *, words: str, clock: Any) -> None:
        self.colour, self.words, self.clock = self.next_colour, words, clock

    @transition(status, source=[Status.DEMANDED, Status.ANSWERED], target=Status.LAPSED)
    def lapse(self, *, by: "User | None", at: datetime) -> None:
        self.closed_by, self.closed_at = by, at

    @transition(status, source=[Status.DEMANDED, Status.ANSWERED], target=Status.WITHDRAWN)
    def withdraw(self, *, by: "User | None", at: datetime, words: str) -> None:
        self.closed_by, self.closed_at, self.words = by, at, words
