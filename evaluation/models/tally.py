"""What the supervisors' dashboard counts: which order counts where, and the counters themselves.

Both are derived from orders, ledger and clocks by `evaluation/tally.py`, the only writer, and can be made again.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from workorders.feed import Position


class Measure(models.TextChoices):
    RECEIVED = "received", _("Received")
    DISPATCHED = "dispatched", _("Dispatched")
    CLOSED = "closed", _("Closed or answered")
    OPEN = "open", _("Still open")
    STAGE = "stage", _("Reached the stage")
    CONTACTED = "contacted", _("Contacted within the limit")
    CONTACTED_LATE = "contacted_late", _("Contacted after the limit")
    MISSED = "missed", _("Missed a limit")


class Mark(models.Model):
    """This order counts under this measure on this day; once, so that the days of a period can be added up.

    `key` is the status of OPEN and STAGE, the clock's kind of MISSED; `unit` is whose clock it was. `bucket` says how
    long a stage took (see `evaluation/buckets.py`), none while the order is still there.
    """

    # Checked by the database, each mark would lock its order against the steps that want to move it.
    order = models.ForeignKey(
        "workorders.WorkOrder", models.CASCADE, related_name="marks", db_index=False, db_constraint=False
    )
    measure = models.CharField(max_length=20, choices=Measure)
    day = models.DateField()
    key = models.CharField(max_length=20, blank=True)
    bucket = models.PositiveSmallIntegerField(null=True)
    category = models.ForeignKey("workorders.Category", models.PROTECT, null=True, related_name="+", db_index=False)
    area = models.ForeignKey("workorders.Area", models.PROTECT, null=True, related_name="+", db_index=False)
    unit = models.ForeignKey("workorders.Unit", models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        verbose_name = _("mark of an order")
        verbose_name_plural = _("marks of orders")
        indexes = [models.Index(fields=["measure", "day", "key", "unit"], name="mark_by_day")]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "measure", "key", "unit"], nulls_distinct=False, name="order_counts_once"
            ),
            models.CheckConstraint(condition=Q(measure__in=Measure.values), name="mark_measure_known"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.measure} {self.day}"


class Tally(models.Model):
    """How many marks there are with these keys. `cut` says by what the day's orders are told apart."""

    class Cut(models.TextChoices):
        WHOLE = "whole"
        CATEGORY = "category"
        AREA = "area"

    measure = models.CharField(max_length=20, choices=Measure)
    cut = models.CharField(max_length=10, choices=Cut, default=Cut.WHOLE)
    day = models.DateField()
    key = models.CharField(max_length=20, blank=True)
    bucket = models.PositiveSmallIntegerField(null=True)
    category = models.ForeignKey("workorders.Category", models.PROTECT, null=True, related_name="+", db_index=False)
    area = models.ForeignKey("workorders.Area", models.PROTECT, null=True, related_name="+", db_index=False)
    unit = models.ForeignKey("workorders.Unit", models.PROTECT, null=True, related_name="+", db_index=False)
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        indexes = [
            models.Index(
                fields=["measure", "cut", "day"],
                include=["key", "bucket", "category", "area", "unit", "count"],
                condition=Q(count__gt=0),
                name="tally_that_counts",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["measure", "cut", "day", "key", "bucket", "category", "area", "unit"],
                nulls_distinct=False,
                name="one_tally_of_its_keys",
            ),
            models.CheckConstraint(condition=Q(measure__in=Measure.values), name="tally_measure_known"),
        ]

    def __str__(self) -> str:
        return f"{self.measure} {self.day}: {self.count}"


class TallyPlace(models.Model):
    """Behind which event of the feed the tallies have not looked yet; one row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    seen_transaction = models.BigIntegerField(default=0)
    seen_event = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("place of the tallies")
        verbose_name_plural = _("places of the tallies")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_tally_place")]

    def __str__(self) -> str:
        return str(self.position)

    @property
    def position(self) -> Position:
        return Position(self.seen_transaction, self.seen_event)
