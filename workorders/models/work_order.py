"""The order and the table of its life: every method below is one step, read top to bottom along the road.

The steps of what stands beside the order are in `reception_steps.py`, `request_steps.py`, `slip_steps.py` and
`meeting_steps.py`, read after these.
The methods hold no logic of their own: `transitions.perform()` checks, calls them and writes what their `Step` declares.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import FSMField, FSMModelMixin

from workorders import numbers
from workorders.lifecycle import (
    ENDED,
    HELD,
    OPEN,
    RESOLUTION_CLOCKS,
    UNIT_CLOCKS,
    ActsFor,
    ClockKind,
    Grade,
    Kind,
    Role,
    Status,
    Step,
    moves,
    stays,
)
from workorders.models.meeting_steps import MeetingSteps
from workorders.models.reception_steps import ReceptionSteps
from workorders.models.request_steps import RequestSteps
from workorders.models.slip_steps import SlipSteps
from workorders.permissions import WorkOrderQuerySet

S = Status
NEW_ROUND = (ClockKind.CONTACT, ClockKind.UNIT_RESOLUTION, ClockKind.RESOLUTION)


def first_contact_recorded(order: "WorkOrder") -> bool:
    """M01: no result leaves a unit that has not contacted the complainant (and, in an emergency, arrived) this round."""
    owed = order.clocks.running().filter(kind__in=[ClockKind.CONTACT, ClockKind.ARRIVAL], unit=order.lead_unit)
    return not owed.exists()


first_contact_recorded.refusal = _("First record the contact with the complainant and, in an emergency, the arrival.")  # type: ignore[attr-defined]


class WorkOrderManager(models.Manager.from_queryset(WorkOrderQuerySet)):  # type: ignore[misc]
    """The folded text is as long as the order's own, and only searched: no page reads it."""

    def get_queryset(self) -> WorkOrderQuerySet:
        orders: WorkOrderQuerySet = super().get_queryset().defer("comparable")
        return orders


class WorkOrder(ReceptionSteps, RequestSteps, SlipSteps, MeetingSteps, FSMModelMixin, models.Model):
    number = models.CharField(_("number"), max_length=16, unique=True, editable=False)
    status = FSMField(_("status"), choices=S, default=S.REGISTERED, protected=True, max_length=20)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    grade = models.CharField(_("grade"), max_length=20, choices=Grade)
    category = models.ForeignKey("Category", models.PROTECT, null=True, blank=True, verbose_name=_("category"))
    area = models.ForeignKey("Area", models.PROTECT, null=True, blank=True, verbose_name=_("area"))
    address = models.CharField(_("place"), max_length=200, blank=True)
    title = models.CharField(_("title"), max_length=120)
    matter = models.TextField(_("matter"), max_length=20_000)
    policy = models.ForeignKey("Policy", models.PROTECT, related_name="orders", verbose_name=_("policy version"))
    lead_unit = models.ForeignKey(
        "Unit", models.PROTECT, null=True, blank=True, related_name="led_orders", verbose_name=_("lead unit")
    )
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged_orders", verbose_name=_("merged into")
    )
    round = models.PositiveSmallIntegerField(_("round"), default=1)
    version = models.PositiveIntegerField(_("version"), default=1)
    registered_at = models.DateTimeField(_("Registered at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    # 历史工单: handled elsewhere and taken over to be searched; closed, and nobody waits for it.
    is_history = models.BooleanField(
        _("history"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("Handled elsewhere and taken over to be searched; nobody works on it here."),
    )
    # What is searched, folded (`search.comparable`); empty where `reindex` has not been yet.
    comparable = models.TextField(default="", db_default="", editable=False)
    tokens = ArrayField(models.CharField(max_length=8), default=list, editable=False)

    objects = WorkOrderManager()

    class Meta:
        verbose_name = _("work order")
        verbose_name_plural = _("work orders")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["status", "-id"], name="order_by_status"),
            models.Index(fields=["lead_unit", "-id"], name="order_by_lead_unit"),
            models.Index(fields=["category", "-id"], name="order_by_category"),
            models.Index(fields=["area", "-id"], name="order_by_area"),
            models.Index(fields=["registered_at"], name="order_by_registration"),
            models.Index(fields=["lead_unit"], condition=models.Q(status__in=HELD), name="order_in_hand"),
            GinIndex(fields=["tokens"], name="order_by_words"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=S.values), name="order_status_known"),
            models.CheckConstraint(
                condition=~models.Q(status__in=[S.DISPATCHED, S.HANDLING, S.SUSPENDED, S.REPORTED, S.CALLBACK])
                | models.Q(lead_unit__isnull=False),
                name="order_in_handling_has_lead_unit",
            ),
            models.CheckConstraint(
                condition=models.Q(is_history=False) | models.Q(status=S.CLOSED), name="history_stays_closed"
            ),
            # A trigger refuses chains: see the migration that adds it.
            models.CheckConstraint(condition=~models.Q(parent=models.F("id")), name="order_merged_into_another"),
        ]

    def __str__(self) -> str:
        return f"{self.spoken_number} {self.title}"

    @property
    def spoken_number(self) -> str:
        return numbers.spoken(self.number)

    @property
    def state(self) -> str:
        """The status in words, and that the order is history."""
        words = [self.get_status_display(), *([_("History order")] if self.is_history else [])]
        return " · ".join(map(str, words))

    # Reception 受理

    @moves(
        S.REGISTERED,
        S.INCOMPLETE,
        Step(_("Ask for correction"), (Role.OPERATOR,), reason=True, pauses=(ClockKind.ACCEPTANCE,)),
    )
    def ask_correction(self) -> None:
        """补正: what is missing is asked for; the acceptance clock waits."""

    @moves(
        S.INCOMPLETE,
        S.REGISTERED,
        Step(_("Record the correction"), (Role.OPERATOR,), files=True, resumes=(ClockKind.ACCEPTANCE,)),
    )
    def correct(self) -> None:
        """The complainant supplied what was missing."""

    @moves(S.REGISTERED, S.ANSWERED, Step(_("Answer at once"), (Role.OPERATOR,), stops=(ClockKind.ACCEPTANCE,)))
    def answer(self) -> None:
        """即时答复: Art. 11, a consultation that can be answered is answered."""

    @moves(
        S.REGISTERED,
        S.ACCEPTED,
        Step(
            _("Accept"),
            (Role.OPERATOR,),
            stops=(ClockKind.ACCEPTANCE,),
            starts=(ClockKind.DISPATCH, ClockKind.RESOLUTION),
        ),
    )
    def accept(self, category: Any, area: Any, grade: str) -> None:
        """受理: the citizen's own clock runs from here."""
        self.category, self.area, self.grade = category, area, grade

    @moves(
        (S.REGISTERED, S.INCOMPLETE),
        S.DECLINED,
        Step(_("Decline with advice"), (Role.OPERATOR,), stops=(ClockKind.ACCEPTANCE,)),
    )
    def decline(self) -> None:
        """分类告知: one of the six branches of Art. 11 with its mandatory reply; nothing is refused in silence."""

    @moves(
        (S.REGISTERED, S.INCOMPLETE, S.ACCEPTED),
        S.MERGED,
        Step(_("Merge into another order"), (Role.OPERATOR, Role.DISPATCHER), voids=tuple(ClockKind)),
    )
    def merge(self, parent: "WorkOrder") -> None:
        """并单: the same matter is handled once, under its parent, which is never one that was itself merged."""
        self.parent = parent

    @moves(
        (S.REGISTERED, S.INCOMPLETE, S.ACCEPTED, S.CONSULTING, S.DISPATCHED, S.HANDLING, S.SUSPENDED, S.REPORTED),
        S.WITHDRAWN,
        Step(_("Withdraw"), (Role.OPERATOR,), reason=True, voids=tuple(ClockKind)),
    )
    def withdraw(self) -> None:
        """撤单: the complainant took it back."""

    # Dispatch 分派

    @moves(S.ACCEPTED, S.CONSULTING, Step(_("Call a joint meeting"), (Role.DISPATCHER,), reason=True))
    def consult(self) -> None:
        """会商: Art. 12, a difficult order may be discussed before dispatch; the dispatch clock goes on."""

    @moves(
        S.ACCEPTED,
        S.DISPATCHED,
        Step(_("Dispatch"), (Role.DISPATCHER,), stops=(ClockKind.DISPATCH,), starts=UNIT_CLOCKS),
    )
    def dispatch(self, lead: Any) -> None:
        """派单: to the lead unit 主办 and co-handling units 协办."""
        self.lead_unit = lead

    @moves(
        S.CONSULTING,
        S.DISPATCHED,
        Step(_("Designate a unit"), (Role.DISPATCHER,), reason=True, stops=(ClockKind.DISPATCH,), starts=UNIT_CLOCKS),
    )
    def designate(self, lead: Any) -> None:
        """指定承办: the conclusion of a joint meeting; the designated unit may not return the order."""
        self.lead_unit = lead

    @moves(
        (S.DISPATCHED, S.HANDLING),
        S.ACCEPTED,
        Step(_("Recall"), (Role.DISPATCHER,), reason=True, voids=UNIT_CLOCKS, continues=(ClockKind.DISPATCH,)),
    )
    def recall(self) -> None:
        """改派: a wrong dispatch comes back; the citizen's clock goes on, and so does the dispatcher's, as if never stopped."""
        self.lead_unit = None

    @stays(
        (S.ACCEPTED, S.CONSULTING, S.DISPATCHED, S.HANDLING, S.REPORTED),
        Step(_("Change the grade"), (Role.DISPATCHER,), reason=True, recounts=True),
    )
    def regrade(self, grade: str) -> None:
        """改级: what runs is counted from its beginning under the limits of the new grade; what was reached stays."""
        self.grade = grade

    # Handling 处置

    @moves(
        S.DISPATCHED,
        S.HANDLING,
        Step(_("Sign"), (Role.HANDLER,), acts_for=ActsFor.LEAD, stops=(ClockKind.SIGNING,)),
    )
    def sign(self) -> None:
        """签收"""

    @stays(
        (S.HANDLING, S.SUSPENDED),
        Step(
            _("Record the contact"),
            (Role.HANDLER,),
            acts_for=ActsFor.LEAD,
            files=True,
            stops=(ClockKind.CONTACT,),
        ),
    )
    def contact(self) -> None:
        """联系诉求人: Art. 15 (1), within 24 hours."""

    @stays(
        (S.HANDLING,),
        Step(
            _("Record the arrival on site"),
            (Role.HANDLER,),
            acts_for=ActsFor.LEAD,
            files=True,
            stops=(ClockKind.ARRIVAL,),
        ),
    )
    def arrive(self) -> None:
        """到场"""

    @stays((S.HANDLING,), Step(_("Stage report"), (Role.HANDLER,), acts_for=ActsFor.LEAD, files=True))
    def progress(self) -> None:
        """阶段反馈: done, reached, next."""

    @stays(
        (S.DISPATCHED, S.HANDLING),
        Step(_("Sign as co-handling unit"), (Role.HANDLER,), acts_for=ActsFor.CO_HANDLING, stops=(ClockKind.SIGNING,)),
    )
    def co_sign(self) -> None:
        """协办签收"""

    @stays(
        (S.HANDLING,),
        Step(
            _("Report to the lead unit"),
            (Role.HANDLER,),
            acts_for=ActsFor.CO_HANDLING,
            files=True,
            stops=(ClockKind.SIGNING, ClockKind.UNIT_RESOLUTION),
        ),
    )
    def co_report(self) -> None:
        """协办反馈: Art. 14, co-handling units send their result to the first unit within the limit."""

    @moves(
        S.HANDLING,
        S.REPORTED,
        Step(_("Submit the result"), (Role.HANDLER,), acts_for=ActsFor.LEAD, files=True),
        conditions=[first_contact_recorded],
    )
    def report(self) -> None:
        """提交办理结果"""

    @moves(S.REPORTED, S.HANDLING, Step(_("Send back"), (Role.REVIEWER,), acts_for=ActsFor.LEAD, reason=True))
    def send_back(self) -> None:
        """审核退回: the unit's clocks never stopped."""

    @moves(
        S.REPORTED,
        S.CALLBACK,
        Step(
            _("Approve the result"),
            (Role.REVIEWER,),
            acts_for=ActsFor.LEAD,
            stops=RESOLUTION_CLOCKS,
            voids=UNIT_CLOCKS,
            starts=(ClockKind.CALLBACK,),
        ),
    )
    def approve(self) -> None:
        """单位审核: the unit's leader lets the result out; what co-handling units still owe is owed no longer."""

    @moves(S.HANDLING, S.DISPATCHED, Step(_("Hand down"), (Role.HANDLER,), acts_for=ActsFor.LEAD))
    def assign_down(self, lead: Any) -> None:
        """下派: to a unit below, whose clocks start with the record; the one above goes on to see the order."""
        self.lead_unit = lead

    @moves(
        (S.DISPATCHED, S.HANDLING, S.SUSPENDED, S.REPORTED),
        S.DISPATCHED,
        Step(
            _("Hand over to another unit"),
            (Role.DISPATCHER, Role.SUPERVISOR),
            acts_for=ActsFor.HIGHER,
            reason=True,
            by_system=True,
            resumes=RESOLUTION_CLOCKS,
        ),
    )
    def hand_over(self, lead: Any) -> None:
        """转交: the unit is closed, or nobody there can act; a body above lets another one go on. No wrong dispatch."""
        self.lead_unit = lead

    @stays(
        (S.DISPATCHED, S.HANDLING, S.SUSPENDED, S.REPORTED),
        Step(
            _("Release or replace a co-handling unit"),
            (Role.DISPATCHER, Role.SUPERVISOR),
            acts_for=ActsFor.HIGHER,
            reason=True,
            by_system=True,
        ),
    )
    def replace_co_handling(self) -> None:
        """更换协办: what the co-handling unit owes is owed by the other one, or by nobody."""

    @moves(S.HANDLING, S.SUSPENDED, Step(_("Suspend"), (Role.DISPATCHER,), reason=True, pauses=RESOLUTION_CLOCKS))
    def suspend(self) -> None:
        """挂账: cannot be solved now; has a date on which it is looked at again."""

    @moves(S.SUSPENDED, S.HANDLING, Step(_("Resume"), (Role.DISPATCHER,), resumes=RESOLUTION_CLOCKS))
    def resume(self) -> None:
        """恢复办理"""

    # Evaluation 评价

    @stays((S.CALLBACK,), Step(_("Record an attempt"), (Role.CALLBACK_AGENT,)))
    def attempt(self) -> None:
        """未接通: not reached; after the attempts of the policy the order may be closed as unreachable."""

    @moves(
        S.CALLBACK, S.CLOSED, Step(pgettext_lazy("step", "Close"), (Role.CALLBACK_AGENT,), stops=(ClockKind.CALLBACK,))
    )
    def close(self) -> None:
        """办结: with the complainant's three answers."""

    @moves(
        S.CALLBACK,
        S.HANDLING,
        Step(
            _("Order a rework"),
            (Role.CALLBACK_AGENT,),
            reason=True,
            new_round=True,
            stops=(ClockKind.CALLBACK,),
            starts=NEW_ROUND,
        ),
    )
    def rework(self) -> None:
        """重办: a new round of handling for the same lead unit."""
        self.round += 1

    @moves(S.CLOSED, S.REVIEWING, Step(_("Record an objection"), (Role.OPERATOR, Role.CALLBACK_AGENT), reason=True))
    def object(self) -> None:
        """异议: the complainant contests the result; the next higher body decides."""

    @moves(
        S.REVIEWING,
        S.HANDLING,
        Step(
            _("Uphold the objection"), (Role.SUPERVISOR,), ActsFor.HIGHER, reason=True, new_round=True, starts=NEW_ROUND
        ),
    )
    def uphold(self) -> None:
        """支持异议: the unit handles it again."""
        self.round += 1

    @moves(S.REVIEWING, S.CLOSED, Step(_("Dismiss the objection"), (Role.SUPERVISOR,), ActsFor.HIGHER, reason=True))
    def dismiss(self) -> None:
        """维持原结果"""

    # Archive 归档

    @moves(ENDED, S.ARCHIVED, Step(_("Archive"), (Role.ARCHIVIST,), by_system=True))
    def archive(self) -> None:
        """归档: one case, one file."""

    # At any time

    @stays(OPEN, Step(_("Deadlines recomputed"), (Role.ADMINISTRATOR,), by_system=True, recounts=True))
    def reckon(self) -> None:
        """期限重算: the calendar was changed. By the system alone: an administrator sees no order."""

    @stays(
        (*OPEN, *ENDED),
        Step(
            _("Add a note"),
            (Role.OPERATOR, Role.DISPATCHER, Role.HANDLER, Role.REVIEWER, Role.CALLBACK_AGENT, Role.SUPERVISOR),
            files=True,
        ),
    )
    def note(self) -> None:
        """备注"""

    @stays(OPEN, Step(_("Urge"), (Role.OPERATOR, Role.SUPERVISOR)))
    def urge(self) -> None:
        """催办: the complainant or the hotline presses."""

    @stays(
        tuple(S),
        Step(
            _("Show personal data"),
            (Role.OPERATOR, Role.HANDLER, Role.CALLBACK_AGENT, Role.SUPERVISOR, Role.ARCHIVIST),
            acts_for=ActsFor.HANDLING,
            reason=True,
        ),
    )
    def reveal(self) -> None:
        """查看个人信息: PIPL Art. 51; who looked, when and why stays in the ledger."""
