from datetime import date, datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, FSMModelMixin, transition

from dispatch.models.of_units import OfUnits


class RectificationQuerySet(OfUnits):
    def open(self) -> "RectificationQuerySet":
        return self.exclude(status=Rectification.Status.CLOSED)

    def overdue(self, now: datetime) -> "RectificationQuerySet":
        return self.filter(status__in=Rectification.WITH_UNIT, due_at__lt=now)


class Rectification(FSMModelMixin, models.Model):
    """整改: a unit has to say what it changes, and by when; later somebody looks whether it did.

    Forced by rules of the policy, with the orders that are its evidence. Only `rectifications.py` writes it. `due_at` is the
    report's; `overdue_at` is when it was found missing. Who said what stands in its entries.
    """

    class Cause(models.TextChoices):
        REPEATED_COMPLAINTS = "repeated_complaints", _("Repeated complaints")
        REPEATED_REDO = "repeated_redo", _("Repeated rework")
        GRAVE_MISS = "grave_miss", _("Grave miss")

    class Status(models.TextChoices):
        DEMANDED = "demanded", _("Report demanded")
        DRAFTED = "drafted", _("To be signed by the unit's head")
        REPORTED = "reported", _("Report to be reviewed")
        RETURNED = "returned", _("Report given back")
        ACCEPTED = "accepted", _("Accepted, to be checked")
        CLOSED = "closed", _("Checked and closed")

    WITH_UNIT = (Status.DEMANDED, Status.DRAFTED, Status.RETURNED)

    unit = models.ForeignKey("workorders.Unit", models.PROTECT, related_name="rectifications", verbose_name=_("unit"))
    cause = models.CharField(_("cause"), max_length=30, choices=Cause)
    category = models.ForeignKey(
        "workorders.Category", models.PROTECT, null=True, related_name="+", verbose_name=_("category")
    )
    area = models.ForeignKey("workorders.Area", models.PROTECT, null=True, related_name="+", verbose_name=_("area"))
    orders = models.ManyToManyField(
        "workorders.WorkOrder", related_name="rectifications", verbose_name=_("orders that are the evidence")
    )
    status = FSMField(_("status"), choices=Status, default=Status.DEMANDED, protected=True, max_length=20)
    round = models.PositiveSmallIntegerField(_("round"), default=1)
    demanded_at = models.DateTimeField(_("demanded at"))
    due_at = models.DateTimeField(_("report due at"))
    provisional = models.BooleanField(
        _("provisional: the calendar of a year it reaches is not announced"), default=False
    )
    overdue_at = models.DateTimeField(_("found overdue at"), null=True)
    complete_by = models.DateField(_("to be completed by"), null=True)
    check_on = models.DateField(_("to be checked on"), null=True)

    objects = RectificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("rectification")
        verbose_name_plural = _("rectifications")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(status__in=["demanded", "drafted", "returned"], overdue_at=None),
                name="rectification_due",
            ),
            models.Index(fields=["unit", "-id"], name="rectification_by_unit"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "cause", "category", "area"],
                condition=~Q(status="closed"),
                nulls_distinct=False,
                name="one_open_rectification_a_subject",
            ),
            models.CheckConstraint(
                condition=Q(cause="repeated_complaints", category__isnull=False)
                | Q(cause__in=["repeated_redo", "grave_miss"], category=None, area=None),
                name="rectification_says_its_subject",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["demanded", "returned"]) | Q(complete_by__isnull=False),
                name="rectification_reported_with_a_date",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["accepted", "closed"]) | Q(check_on__isnull=False),
                name="rectification_accepted_with_a_check",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} · {self.get_cause_display()}"

    @property
    def is_open(self) -> bool:
        return self.status != self.Status.CLOSED

    @property
    def is_with_unit(self) -> bool:
        return self.status in self.WITH_UNIT

    @property
    def subject(self) -> str:
        return " · ".join(str(part) for part in (self.category, self.area) if part)

    @transition(status, source=list(WITH_UNIT), target=Status.DRAFTED)
    def report(self, complete_by: date) -> None:
        self.complete_by = complete_by

    @transition(status, source=Status.DRAFTED, target=Status.REPORTED)
    def sign(self) -> None:
        """M38: no report leaves a unit that its head has not seen."""

    @transition(status, source=Status.REPORTED, target=Status.RETURNED)
    def give_back(self, due_at: datetime) -> None:
        self.due_at, self.overdue_at = due_at, None

    @transition(status, source=Status.REPORTED, target=Status.ACCEPTED)
    def accept(self, check_on: date) -> None:
        self.check_on = check_on

    @transition(status, source=Status.ACCEPTED, target=Status.CLOSED)
    def close(self) -> None:
        """复查合格"""

    @transition(status, source=Status.ACCEPTED, target=Status.DEMANDED)
    def demand_again(self, due_at: datetime) -> None:
        """复查不合格"""
        self.due_at, self.overdue_at, self.check_on = due_at, None, None
        self.round += 1


class RectificationEntry(models.Model):
    """One line of a rectification's history; `by` is none where the system demanded it."""

    rectification = models.ForeignKey(Rectification, models.PROTECT, related_name="entries")
    act = models.CharField(_("act"), max_length=20)
    round = models.PositiveSmallIntegerField(_("round"))
    by = models.ForeignKey("workorders.User", models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("at"))
    words = models.TextField(_("words"), blank=True)
    date = models.DateField(_("date"), null=True)

    class Meta:
        verbose_name = _("entry of a rectification")
        verbose_name_plural = _("entries of rectifications")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.rectification_id} {self.act}"
