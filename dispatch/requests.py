"""Requests beside the order (rules.md D): asked by the lead unit, decided by the dispatcher, lapsed when the order moves on.

The order does not change its state because somebody asked. Only this module writes a Request.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Prefetch, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dispatch.models import Assignment, Request
from workorders import clocks
from workorders.lifecycle import ClockKind, Grade, Role, steps_of
from workorders.models import WorkOrder
from workorders.moments import spelled, stamped

if TYPE_CHECKING:
    from workorders.models import Clock, Event, User
    from workorders.policy import Limit, Rules

Kind = Request.Kind
# Where a request makes sense is where it can be granted: the table of the life cycle says it.
STANDS_IN = {
    kind: set(targets) for kind in Kind for name, _step, targets in steps_of(WorkOrder) if name == f"grant_{kind}"
}
NOT_EXTENDED = (Grade.EMERGENCY, Grade.UTILITY)


# Reading


def beside() -> Prefetch:
    """The requests of an order, oldest first, as its page needs them."""
    return Prefetch("requests", Request.objects.select_related("unit", "asked_by", "decided_by").order_by("id"))


def open_of(order: Any, kind: str) -> Request | None:
    return next((request for request in order.requests.all() if request.kind == kind and request.is_open), None)


def leading(order: Any) -> Assignment:
    """The lead unit's assignment; an order with a lead unit has one."""
    in_force = (one for one in order.assignments.all() if one.part == Assignment.Part.LEAD and not one.ended_at)
    return next(in_force)


def deadline_of(order: WorkOrder) -> "Clock | None":
    """The clock of the lead unit's own deadline, while it runs."""
    ours = (clock for clock in order.clocks.all() if clock.unit_id is not None and clock.unit_id == order.lead_unit_id)
    return next((clock for clock in ours if clock.kind == ClockKind.UNIT_RESOLUTION and not clock.stopped_at), None)


def waits_for(user: "User") -> Q:
    """Few are open at a time: their orders by number let the list keep to its index."""
    if not user.has_role(Role.DISPATCHER):
        return Q(pk__in=[])
    return Q(pk__in=list(Request.objects.filter(status=Request.Status.OPEN).values_list("order_id", flat=True)))


# Writing


def ask(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    asked = {name: cleaned[name] for name in ("code", "reason", "basis", "length", "review_date") if name in cleaned}
    order, unit, actor = event.order, event.order.lead_unit, event.actor
    assert unit and actor, "somebody asks for the lead unit"
    kind = event.step.removeprefix("request_")
    Request.objects.create(order=order, kind=kind, unit=unit, round=order.round, asked_by=actor, asked_at=now, **asked)


def decide(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    verb, kind = event.step.split("_")
    request = Request.objects.get(order=event.order, kind=kind, status=Request.Status.OPEN)
    getattr(request, verb)(by=event.actor, at=now, words=cleaned["reason"])
    request.save()


def lapse(event: "Event", *, now: datetime) -> None:
    """What was asked of an order that has moved on, or by a unit that leads it no more, is asked no longer."""
    if event.source == event.target and event.step != "hand_over":
        return
    order = event.order
    for request in Request.objects.filter(order=order, status=Request.Status.OPEN):
        if order.status not in STANDS_IN[Kind(request.kind)] or request.unit_id != order.lead_unit_id:
            request.lapse(by=event.actor, at=now)
            request.save()


# The rules: why not, in a sentence; none where it may be done


def why_not_ask(kind: str, order: WorkOrder, *, now: datetime) -> str | None:
    if open_of(order, kind):
        return _("There is a request of this kind that waits for its decision.")
    rule = RULES.get(kind)
    return rule(order, now) if rule else None


def why_not_decide(kind: str, order: WorkOrder, *, now: datetime) -> str | None:
    return None if open_of(order, kind) else _("No such request waits for a decision.")


def why_not_extend(order: WorkOrder, *, now: datetime) -> str | None:
    deadline = deadline_of(order)
    if deadline is None or deadline.due_at < now:
        return _("The unit's deadline has passed: an extension cannot undo that.")
    return why_not_decide(Kind.EXTENSION, order, now=now)


def why_not_hand_down(order: WorkOrder, *, now: datetime) -> str | None:
    """Nobody is handed a breach of somebody else's making."""
    deadline = deadline_of(order)
    if deadline and deadline.due_at < now:
        return _("The unit's deadline has passed: the order can no longer be handed down.")
    return None


def _why_not_return(order: WorkOrder, now: datetime) -> str | None:
    rules, decided = order.policy.rules, _decided(order, Kind.RETURN)
    if len(decided) >= rules.returns_per_order:
        return _("No further return: at most %(most)s may be asked for on one order.") % {
            "most": rules.returns_per_order
        }
    if sum(request.unit_id == order.lead_unit_id for request in decided) >= rules.returns_per_unit:
        return _("No further return: a unit may ask at most %(most)s times on one order.") % {
            "most": rules.returns_per_unit
        }
    return _why_kept(leading(order), rules, now)


def _why_kept(assignment: Assignment, rules: "Rules", now: datetime) -> str | None:
    if assignment.designated:
        return _("The unit was designated after a joint meeting: the order may not be returned.")
    end = assignment.returnable_until
    if end is None or now > end:
        return _("A return is asked for within %(window)s of the dispatch; that ended at %(end)s.") % {
            "window": words_of(rules.return_window),
            "end": spelled(end) if end else "",
        }
    return None


def _why_not_ask_extension(order: WorkOrder, now: datetime) -> str | None:
    rules, deadline = order.policy.rules, deadline_of(order)
    if order.grade in NOT_EXTENDED:
        return _("Emergency and utility orders are not extended.")
    asked = [request for request in _decided(order, Kind.EXTENSION) if request.round == order.round]
    if len(asked) >= rules.extensions_per_round:
        return _("No further extension: at most %(most)s may be asked for in one round of handling.") % {
            "most": rules.extensions_per_round
        }
    notice = rules.extension_notice
    calendar = clocks.load_calendar(rules, now, notice.reach + clocks.HORIZON)
    if deadline is None or notice.after(now, calendar) > deadline.due_at:
        return _("An extension is asked for at least %(notice)s before the unit's deadline.") % {
            "notice": words_of(notice)
        }
    return None


RULES: dict[str, Callable[[WorkOrder, datetime], str | None]] = {
    Kind.RETURN: _why_not_return,
    Kind.EXTENSION: _why_not_ask_extension,
}


def _decided(order: Any, kind: str) -> list[Request]:
    return [request for request in order.requests.all() if request.kind == kind and request.is_decided]


# In words


def facts_of_extension(order: WorkOrder, *, now: datetime) -> dict[str, Any]:
    """Return for the ledger the deadline before and after, and the notice meant for the complainant (Art. 15)."""
    request = open_of(order, Kind.EXTENSION)
    assert request is not None and request.length is not None, "checked before"
    moved = clocks.extended(order, request.length, now=now)
    (unit_clock, due), (_clock, expected) = moved[0], moved[-1]
    told = _notice_of_extension(order, request, expected)
    return {"length": request.length, "old_due": stamped(unit_clock.due_at), "new_due": stamped(due), "told": told}


def _notice_of_extension(order: WorkOrder, request: Request, expected: datetime) -> str:
    """Write the notice with its reason (Art. 15), in the city's language. Nothing sends it yet: the ledger says so."""
    with translation.override(settings.LANGUAGE_CODE):
        return _(
            "Hello. The limit of your matter (work order %(number)s) was extended by %(days)s working days after "
            "review, for this reason: %(reason)s. The unit will answer you by %(date)s. We are sorry for the "
            "inconvenience. If you have questions, please call 12345."
        ) % {
            "number": order.spoken_number,
            "reason": request.reason.strip().rstrip("。.；;！!，,"),
            "days": request.length,
            "date": spelled(timezone.localdate(expected)),
        }


def words_of(limit: "Limit") -> str:
    texts = {
        "minute": ngettext("%(value)s minute", "%(value)s minutes", int(limit.value)),
        "hour": ngettext("%(value)s hour", "%(value)s hours", int(limit.value)),
        "natural_day": ngettext("%(value)s day", "%(value)s days", int(limit.value)),
        "working_day": ngettext("%(value)s working day", "%(value)s working days", int(limit.value)),
    }
    return texts[limit.unit] % {"value": f"{limit.value:g}"}


def rule_of(kind: str, order: WorkOrder) -> str:
    """The rule that a request of this kind stands under, for those who decide."""
    rules = order.policy.rules
    if kind == Kind.RETURN:
        return _("Within %(window)s of the dispatch, at most %(most)s an order and %(own)s a unit.") % {
            "window": words_of(rules.return_window),
            "most": rules.returns_per_order,
            "own": rules.returns_per_unit,
        }
    if kind == Kind.EXTENSION:
        return _("At least %(notice)s before the deadline, at most %(most)s a round and %(days)s working days.") % {
            "notice": words_of(rules.extension_notice),
            "most": rules.extensions_per_round,
            "days": rules.longest_extension(order.grade, order.round),
        }
    return _("Only what cannot be solved now for objective reasons, with a date on which it is looked at again.")
