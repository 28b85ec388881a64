from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from dispatch.permissions import ThresholdQuerySet
from workorders.lifecycle import Level


class Threshold(models.Model):
    """预警阈值 a leader sets: more than N orders of a category in an area within H hours, or a unit's overdue share.

    Measured for the whole city, area or unit; or, with `each`, for each of that kind in it on its own.
    """

    class Kind(models.TextChoices):
        VOLUME = "volume", _("Number of orders")
        OVERDUE_SHARE = "overdue_share", _("Overdue share of a unit")

    class Each(models.TextChoices):
        WHOLE = "", _("The whole together")
        DISTRICT = "district", _("Each district on its own")
        STREET = "street", _("Each street or township on its own")
        DEPARTMENT = "department", _("Each department on its own")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    category = models.ForeignKey(
        "workorders.Category", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("category")
    )
    area = models.ForeignKey(
        "workorders.Area", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("area")
    )
    unit = models.ForeignKey(
        "workorders.Unit", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("unit")
    )
    each = models.CharField(_("measured for"), max_length=20, choices=Each, blank=True, default="")
    count = models.PositiveIntegerField(
        _("orders"),
        validators=[MinValueValidator(1)],
        help_text=_(
            "Number of orders: the alert comes with more than so many. Overdue share: it counts only where a unit has "
            "at least so many orders in hand, so that one of one is no alarm."
        ),
    )
    percent = models.PositiveSmallIntegerField(
        _("percent"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(99)]
    )
    window = models.PositiveSmallIntegerField(
        _("hours"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(31 * 24)]
    )
    level = models.PositiveSmallIntegerField(_("level"), choices=Level, default=Level.WARNING)
    is_active = models.BooleanField(_("active"), default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False, verbose_name=_("created by")
    )

    objects = ThresholdQuerySet.as_manager()

    class Meta:
        verbose_name = _("threshold")
        verbose_name_plural = _("thresholds")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="volume", window__gt=0, percent=None, unit=None, each__in=["", "district", "street"])
                | (
                    Q(kind="overdue_share", window=None, category=None, area=None, percent__gte=1, percent__lte=99)
                    & (Q(unit__isnull=False) | ~Q(each=""))
                ),
                name="threshold_has_what_its_kind_needs",
                violation_error_message=_("This does not fit the kind of the threshold."),
            ),
            models.CheckConstraint(condition=Q(count__gte=1), name="threshold_counts_from_one"),
        ]

    def __str__(self) -> str:
        return self.sentence

    @property
    def sentence(self) -> str:
        where = self.area or self.unit or say("the whole city")
        each = f" ({self.get_each_display()})" if self.each else ""
        if self.kind == self.Kind.VOLUME:
            facts = {"count": self.count, "category": self.category or say("any category"), "hours": self.window}
            return say("More than %(count)s orders: %(category)s, %(where)s, within %(hours)s hours") % {
                **facts, "where": f"{where}{each}",
            }  # fmt: skip
        return say("Overdue share above %(percent)s %%: %(where)s") % {
            "percent": self.percent, "where": f"{where}{each}",
        }  # fmt: skip

    @property
    def limit(self) -> int:
        return (self.count if self.kind == self.Kind.VOLUME else self.percent) or 0

    def clean(self) -> None:
        problems = self._problems()
        if problems:
            raise ValidationError(problems)

    def _problems(self) -> dict[str, Any]:
        needless, needed = say("This kind of threshold does not use it: leave it empty."), say("Please fill this in.")
        volume = self.kind == self.Kind.VOLUME
        unused = ("percent", "unit") if volume else ("window", "category", "area")
        problems = {name: needless for name in unused if getattr(self, name) is not None}
        for name in ("window",) if volume else ("percent",):
            if getattr(self, name) is None:
                problems[name] = needed
        if volume and self.each == self.Each.DEPARTMENT:
            problems["each"] = say("Orders are counted by area; a department has none.")
        if not volume and not self.unit and not self.each:
            problems["unit"] = say("Choose a unit, or a kind of units that are measured each on its own.")
        return problems


class Breach(models.Model):
    """越限: a threshold exceeded by one subject, from the minute it was seen until it was over; the peak is kept.

    `subject` is the code of the area or unit, empty for the whole city. An alert closed by hand does not end it.
    """

    threshold = models.ForeignKey(Threshold, models.PROTECT, related_name="breaches", verbose_name=_("threshold"))
    subject = models.CharField(_("subject"), max_length=20, blank=True)
    name = models.CharField(_("name"), max_length=80, blank=True)
    limit = models.PositiveIntegerField(_("limit"))
    began_at = models.DateTimeField(_("began at"))
    began_with = models.DecimalField(_("measure at the beginning"), max_digits=9, decimal_places=1)
    peak_at = models.DateTimeField(_("peak at"))
    peak = models.DecimalField(_("peak"), max_digits=9, decimal_places=1)
    measured_at = models.DateTimeField(_("measured at"))
    measure = models.DecimalField(_("measure"), max_digits=9, decimal_places=1)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("breach of a threshold")
        verbose_name_plural = _("breaches of thresholds")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["threshold", "subject"], condition=Q(ended_at=None), name="one_breach_at_a_time"
            ),
            models.CheckConstraint(condition=Q(peak__gte=F("measure")), name="breach_peak_is_the_most"),
            models.CheckConstraint(condition=Q(ended_at=None) | Q(ended_at__gte=F("began_at")), name="breach_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.name or say('the whole city')}: {self.said(self.measure)} > {self.said(Decimal(self.limit))}"

    def said(self, measure: Decimal) -> str:
        return f"{measure:f}%" if self.threshold.kind == Threshold.Kind.OVERDUE_SHARE else f"{measure:.0f}"

    @property
    def shown(self) -> list[tuple[str, str, datetime, str]]:
        """(label, measure in words, when, the orders counted) at both ends and at the peak."""
        now = say("Measure at the end") if self.ended_at else say("Measure now")
        points = (
            (say("Measure at the beginning"), self.began_with, self.began_at),
            (say("Peak"), self.peak, self.peak_at),
            (now, self.measure, self.measured_at),
        )
        return [(label, self.said(measure), at, self.orders_at(at)) for label, measure, at in points]

    def orders_at(self, at: datetime) -> str:
        """The query of the console's list that shows what was counted: an overdue share as it stands now."""
        threshold = self.threshold
        if threshold.kind == Threshold.Kind.OVERDUE_SHARE:
            return urlencode({"view": "all", "held": "1", "deadline": "overdue", "unit": self.subject})
        since = at - timedelta(hours=threshold.window or 0)
        category = {"category": threshold.category.code} if threshold.category else {}
        area = {"area": self.subject} if self.subject else {}
        return urlencode(
            {
                "view": "all",
                **category,
                **area,
                "registered_after": since.isoformat(),
                "registered_until": at.isoformat(),
            }
        )
