"""`perform()`, the one door: lock, check, write, ledger, in one transaction. Only this module moves a status."""

import inspect
import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.dispatch import Signal
from django.forms.fields import BaseTemporalField
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from workorders import clocks, ledger, numbers, search, stages
from workorders.attachments import attach, digests_of, received_if_fit
from workorders.forms import CodesField, StepForm
from workorders.lifecycle import ENDED, ClockKind, Status, Step, steps_of
from workorders.models import Event, Policy, WorkOrder
from workorders.permissions import acting_unit, may_act
from workorders.refusals import Invalid, NotAllowed, NotVisible, StaleVersion, WrongState

if TYPE_CHECKING:
    from workorders.models import User

transitioned = Signal()  # sent with `event`, inside the transaction

STEPS: dict[str, Step] = {name: step for name, step, _targets in steps_of(WorkOrder)}
SURROGATE = re.compile("[\ud800-\udfff]")
MOVED = ["status", "version", "round", "lead_unit", "parent", "category", "area", "grade", "ended_at"]


@transaction.atomic
def perform(
    order_id: int,
    step: str,
    *,
    actor: "User | None",
    version: int | None = None,
    reason: str = "",
    now: datetime | None = None,
    files: Sequence[UploadedFile] = (),
    **data: Any,
) -> Event:
    """Do one step on one order, for console, API, tasks and tests alike. `actor` none is the system itself.

    `data` may hold raw input (codes, text) or objects. Raises a `Refused`: NotVisible 404, NotAllowed 403, WrongState
    or StaleVersion 409 with the order as it stands, Invalid 400 with the fields; then nothing has changed.
    """
    now = now or timezone.now()
    files = [received_if_fit(file) for file in files]
    order = _lock(order_id, actor)
    check(order, step, actor=actor, version=version, now=now)
    cleaned = _validate(order, step, actor, reason, files, data, now)
    return _write(order, step, actor, cleaned, now)


@transaction.atomic
def register(*, actor: "User | None", now: datetime, data: dict[str, Any] | None = None, **facts: Any) -> Event:
    """登记: create an order under the policy in force, with its number, its first event and its acceptance clock."""
    order = WorkOrder(
        number=numbers.issue(now),
        policy=Policy.objects.in_force(now),
        registered_at=now,
        **facts,
    )
    order.comparable, order.tokens = search.indexed(order)
    order.save(force_insert=True)
    event = ledger.append(order, "register", actor=actor, at=now, data=data)
    clocks.start(order, [ClockKind.ACCEPTANCE], now=now)
    transitioned.send(WorkOrder, event=event)
    return event


@transaction.atomic
def record_history(
    *,
    actor: "User",
    now: datetime,
    registered_at: datetime,
    ended_at: datetime | None,
    data: dict[str, Any] | None = None,
    **facts: Any,
) -> Event:
    """历史工单: keep what was handled elsewhere, to be searched. It is closed from the first, so that nobody owes it anything.

    The ledger says when it was taken over; when it ended is known, or stays open.
    """
    order = WorkOrder(
        number=numbers.issue(registered_at),
        policy=Policy.objects.in_force(registered_at),
        status=Status.CLOSED,
        is_history=True,
        registered_at=registered_at,
        ended_at=ended_at,
        **facts,
    )
    order.comparable, order.tokens = search.indexed(order)
    order.save(force_insert=True)
    event = ledger.append(order, "record_history", actor=actor, at=now, data=data)
    transitioned.send(WorkOrder, event=event)
    return event


def available(order: WorkOrder, actor: "User", now: datetime | None = None) -> dict[str, Step]:
    """The steps this user may do on this order now, in the order of the life cycle; a few queries at most."""
    now = now or timezone.now()
    steps = {name: step for name, step in STEPS.items() if _leads_on(order, name) and _is_for_history(order, name)}
    asked = {(step.roles, step.acts_for): step for step in steps.values()}  # many steps are for the same people
    may = {people for people, step in asked.items() if may_act(step, order, actor)}
    ours = {name: step for name, step in steps.items() if (step.roles, step.acts_for) in may}
    return {name: step for name, step in ours.items() if not stages.refusal_of(name, order, now=now)}


def _lock(order_id: int, actor: "User | None") -> WorkOrder:
    """Lock, then read: a query that waited for the lock sees the row anew, but not what it is joined with.

    No key changes, so that the scan, which refers to the order, waits for no step and no step for it in turn.
    """
    orders = WorkOrder.objects.visible_to(actor).filter(pk=order_id)
    locked = orders.order_by().select_for_update(of=("self",), no_key=True).values_list("pk", flat=True).first()
    related = orders.select_related("policy", "lead_unit", "category", "area")
    order = related.first() if locked else None
    if order is None:
        raise NotVisible
    return order


def check(
    order: WorkOrder, name: str, *, actor: "User | None", version: int | None = None, now: datetime | None = None
) -> None:
    """Raises the `Refused` that `perform()` would raise before it looks at what was typed."""
    step = STEPS.get(name)
    if step is None:
        raise NotVisible
    if not may_act(step, order, actor):
        raise NotAllowed(order=order)
    if not _leads_on(order, name):
        raise WrongState(order=order)
    if not _is_for_history(order, name):
        raise WrongState(
            _("This is a history order: it was handled elsewhere, and nobody works on it here."), order=order
        )
    if version is not None and version != order.version:
        raise StaleVersion(order=order)
    for condition in _transition(order, name).conditions:
        if not condition(order):
            raise WrongState(condition.refusal, order=order)
    refusal = stages.refusal_of(name, order, now=now or timezone.now())
    if refusal:
        raise WrongState(refusal, order=order)


def _validate(
    order: WorkOrder,
    name: str,
    actor: "User | None",
    reason: str,
    files: Sequence[UploadedFile],
    data: dict[str, Any],
    now: datetime,
) -> StepForm:
    step = STEPS[name]
    given = {**data, "reason": reason} if step.reason or reason else data
    form = form_of(name)(given, MultiValueDict({"files": list(files)}), order=order, step=step, actor=actor, now=now)
    fields = _input_problems(form, given, bool(files)) or form.errors
    if fields:
        raise Invalid(fields={field: [str(error) for error in errors] for field, errors in fields.items()}, order=order)
    return form


def _input_problems(form: StepForm, given: dict[str, Any], files: bool) -> dict[str, list[str]]:
    unknown = (set(given) | ({"files"} if files else set())) - set(form.fields)
    if unknown:
        return {field: ["unknown"] for field in sorted(unknown)}
    misshapen = [field for field in given if not _is_input(given[field], form.fields[field])]
    return {field: [_("This is not a value of the kind that is asked for.")] for field in misshapen}


def _is_input(value: Any, field: forms.Field) -> bool:
    """JSON brings kinds of values that an HTML form never does, and that its fields do not expect."""
    if value is None:
        return True
    if isinstance(field, CodesField | forms.MultipleChoiceField):
        return isinstance(value, list | tuple) and all(_is_single(one) for one in value)
    if isinstance(field, BaseTemporalField):
        return isinstance(value, str | date) and _is_single(value)
    return _is_single(value)


def _is_single(value: Any) -> bool:
    """Half a surrogate pair is text for Python, and for nobody else."""
    return not (isinstance(value, dict | list | tuple | bytes) or (isinstance(value, str) and SURROGATE.search(value)))


def form_of(name: str) -> type[StepForm]:
    return stages.of_step(name).form or StepForm


def _write(order: WorkOrder, name: str, actor: "User | None", form: StepForm, now: datetime) -> Event:
    step, source = STEPS[name], order.status
    cleaned = form.cleaned_data
    method = getattr(order, name)
    method(**{field: cleaned[field] for field in inspect.signature(method).parameters})
    order.version += 1
    order.ended_at = (order.ended_at or now) if order.status in (*ENDED, "archived") else None
    order.save(update_fields=MOVED)
    files = cleaned.get("files", [])
    data = {**form.for_ledger(), **stages.facts_of(name, order, now=now), **digests_of(files)}
    event = ledger.append(order, name, actor=actor, at=now, source=source, reason=cleaned.get("reason", ""), data=data)
    attach(event, files)
    _run_clocks(step, order, actor, now, stops=step.stops if stages.fulfils(event, cleaned) else ())
    record = stages.of_step(name).record
    if record:
        record(event, cleaned, now=now)
    stages.follow(event, now=now)
    transitioned.send(WorkOrder, event=event)
    return event


def _run_clocks(
    step: Step, order: WorkOrder, actor: "User | None", now: datetime, *, stops: tuple[ClockKind, ...]
) -> None:
    if stops:
        clocks.stop(order, stops, now=now, unit=acting_unit(step, order, actor))
    if step.voids:
        clocks.void(order, step.voids, now=now)
    if step.pauses:
        clocks.pause(order, step.pauses, now=now)
    if step.resumes:
        clocks.resume(order, step.resumes, now=now)
    if step.recounts:
        clocks.recount(order, now=now)
    if step.continues:
        clocks.go_on(order, step.continues, now=now)
    if step.starts:
        clocks.start(order, step.starts, now=now, unit=order.lead_unit)


def _leads_on(order: WorkOrder, name: str) -> bool:
    return getattr(WorkOrder, name)._django_fsm.has_transition(order.status)


def _is_for_history(order: WorkOrder, name: str) -> bool:
    """What is added to a history order, or objected to it, would wait for ever: nobody has it in hand."""
    return not order.is_history or name == "reveal"


def _transition(order: WorkOrder, name: str) -> Any:
    return getattr(WorkOrder, name)._django_fsm.get_transition(order.status)
