"""One order as its unit works on it: the next step big, the others in a menu, and why not where one cannot be done."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dispatch import unit_desk
from dispatch.models import Assignment
from dispatch.reply_forms import last_result, sent_back
from dispatch.slips import open_of
from intake import confidence
from intake.panels import appeals_under
from workorders import reading, stages
from workorders.lifecycle import ClockKind, Step
from workorders.models import Attachment, Clock, Event
from workorders.models.work_order import first_contact_recorded
from workorders.transitions import STEPS, available
from workorders.views.orders import bare

if TYPE_CHECKING:
    from workorders.models import User

ASKED = ("request_return", "request_extension", "request_suspension", "assign_down")
# The unit's steps in the order of its day; what the page itself offers elsewhere stands not in the menu.
MENU = ("contact", "arrive", "progress", "co_report", "report", "send_back", *ASKED, "note")


@dataclass(frozen=True)
class Choice:
    name: str
    step: Step
    bare: bool = False
    why_not: Any = None


@dataclass(frozen=True)
class CoReport:
    assignment: Assignment
    clock: Clock | None
    event: Event | None
    pictures: list[Attachment]


def context(order: Any, user: "User", *, now: datetime) -> dict[str, Any]:
    order.own_clocks = [clock for clock in order.clocks.all() if clock.unit_id == user.unit_id and not clock.stopped_at]
    unit_desk.tell(order, user)
    steps = available(order, user, now)
    slip = open_of(order)
    return {
        "order": order,
        "next": _next(order, steps),
        "choices": _choices(order, steps, user, now),
        "slip": slip if slip and "answer_slip" in steps else None,
        "leading": _leading(order, user),
        "co_reports": co_reports(order),
        "letter": last_result(order),
        "sent_back": sent_back(order),
        "events": list(order.events.all())[::-1],
        **people(order, user, now=now),
        "may_call": "reveal" in steps,
        "may_contact": "contact" in steps,
    }


def _next(order: Any, steps: dict[str, Step]) -> Choice | None:
    name = order.next_step
    return Choice(name, steps[name], bare(name)) if name in steps else None


def _choices(order: Any, steps: dict[str, Step], user: "User", now: datetime) -> list[Choice]:
    """What else can be done, and of what can be asked for also why not. A contact is recorded after a call, or without one."""
    names = [name for name in MENU if name == "contact" or name != order.next_step]
    found = [Choice(name, steps[name], why_not=_not_yet(name, order)) for name in names if name in steps]
    asks = not order.co_handled and user.has_role(*STEPS["request_return"].roles)
    missing = [name for name in ASKED if name not in steps] if asks else []
    refused = ((name, stages.refusal_of(name, order, now=now)) for name in missing if order.lead_unit_id)
    return found + [Choice(name, STEPS[name], why_not=why) for name, why in refused if why]


def _not_yet(name: str, order: Any) -> Any:
    owed = {clock.kind for clock in order.own_clocks} & {ClockKind.CONTACT, ClockKind.ARRIVAL}
    return first_contact_recorded.refusal if name == "report" and owed else None  # type: ignore[attr-defined]


def _leading(order: Any, user: "User") -> Assignment | None:
    """This unit's own assignment: what it was told, and until when it may be returned."""
    in_force = (one for one in order.assignments.all() if one.unit_id == user.unit_id and not one.ended_at)
    return next(in_force, None)


def co_reports(order: Any) -> list[CoReport]:
    """Each co-handling unit with what it last reported, for the lead's own result."""
    helping = [one for one in order.assignments.all() if one.part == Assignment.Part.CO_HANDLING and not one.ended_at]
    return [_co_report(order, one) for one in helping]


def _co_report(order: Any, assignment: Assignment) -> CoReport:
    told = [event for event in order.events.all() if event.step == "co_report" and event.unit_id == assignment.unit_id]
    event = max(told, key=lambda one: one.number, default=None)
    clocks = (clock for clock in order.clocks.all() if clock.unit_id == assignment.unit_id and not clock.stopped_at)
    owed = next((clock for clock in clocks if clock.kind == ClockKind.UNIT_RESOLUTION), None)
    files = [file for file in order.attachments.all() if event and file.event_id == event.pk]
    return CoReport(assignment, owed, event, files)


def people(order: Any, user: "User", *, now: datetime) -> dict[str, Any]:
    """Masked, until this user has said why they look."""
    looked = reading.has_looked(order, user, now=now)
    hidden = confidence.is_hidden(order, user)
    known = confidence.people_of(appeals_under(order), hidden=hidden, looked=looked)
    return {
        "looked": looked,
        "masked": bool(known) and not looked,
        "people": known,
        "relay": confidence.relay_note() if hidden else "",
    }
