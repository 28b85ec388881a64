from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, FSMModelMixin, transition

if TYPE_CHECKING:
    from workorders.models import User


class Request(FSMModelMixin, models.Model):
    """What the lead unit asks for beside the order 退单、延期、挂账申请. Only `requests.py` writes it.

    Decided, or lapsed when the order moved on before anybody had decided; then `decided_by` is who moved it, none where
    the system did.
    """

    class Kind(models.TextChoices):
        RETURN = "return", _("Return")
        EXTENSION = "extension", _("Extension")
        SUSPENSION = "suspension", _("Suspension")

    class Status(models.TextChoices):
        OPEN = "open", _("Waiting for the decision")
        GRANTED = "granted", _("Granted")
        REFUSED = "refused", _("Refused")
        LAPSED = "lapsed", _("Lapsed: the order moved on")

    class Code(models.TextChoices):
        NOT_OUR_DUTY = "not_our_duty", _("Not our duty")
        NOT_OUR_AREA = "not_our_area", _("Not our area")
        DUPLICATE = "duplicate", _("Duplicate of another order")
        INSUFFICIENT_INFORMATION = "insufficient_information", _("Insufficient information")
        OTHER = "other", _("Other reason")

    order = models.ForeignKey(
        "workorders.WorkOrder", models.PROTECT, related_name="requests", verbose_name=_("work order")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    status = FSMField(_("status"), choices=Status, default=Status.OPEN, protected=True, max_length=20)
    unit = models.ForeignKey("workorders.Unit", models.PROTECT, related_name="requests", verbose_name=_("unit"))
    round = models.PositiveSmallIntegerField(_("round"))
    asked_by = models.ForeignKey("workorders.User", models.PROTECT, related_name="+", verbose_name=_("asked by"))
    asked_at = models.DateTimeField(_("asked at"))
    code = models.CharField(_("ground"), max_length=30, choices=Code, blank=True)
    reason = models.TextField(_("reason"))
    basis = models.TextField(_("legal basis"), blank=True)
    length = models.PositiveSmallIntegerField(_("working days more"), null=True)
    review_date = models.DateField(_("review date"), null=True)
    decided_by = models.ForeignKey(
        "workorders.User", models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decision = models.TextField(_("words of the decision"), blank=True)

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "kind"], condition=Q(status="open"), name="one_open_request_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(status="open", decided_at=None, decided_by=None, decision="")
                | Q(status="lapsed", decided_at__isnull=False)
                | Q(status__in=["granted", "refused"], decided_at__isnull=False, decided_by__isnull=False),
                name="request_decided_iff_not_open",
            ),
            models.CheckConstraint(
                condition=(Q(kind="return", length=None, review_date=None, basis="") & ~Q(code=""))
                | (Q(kind="extension", length__isnull=False, length__gt=0, review_date=None, code="") & ~Q(basis=""))
                | Q(kind="suspension", length=None, review_date__isnull=False, code="", basis=""),
                name="request_says_what_its_kind_needs",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.order_id}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN

    @property
    def is_decided(self) -> bool:
        return self.status in (self.Status.GRANTED, self.Status.REFUSED)

    @transition(status, source=Status.OPEN, target=Status.GRANTED)
    def grant(self, *, by: "User | None", at: datetime, words: str) -> None:
        self._decide(by, at, words)

    @transition(status, source=Status.OPEN, target=Status.REFUSED)
    def refuse(self, *, by: "User | None", at: datetime, words: str) -> None:
        self._decide(by, at, words)

    @transition(status, source=Status.OPEN, target=Status.LAPSED)
    def lapse(self, *, by: "User | None", at: datetime) -> None:
        self._decide(by, at, "")

    def _decide(self, by: "User | None", at: datetime, words: str) -> None:
        self.decided_by, self.decided_at, self.decision = by, at, words
