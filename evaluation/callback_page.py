"""What a callback agent has before them: the script, what the unit said, the questions, and how often it was tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from evaluation import rounds
from intake.panels import appeals
from workorders.lifecycle import ClockKind
from workorders.standard_texts import offered, texts_for
from workorders.transitions import STEPS, form_of

if TYPE_CHECKING:
    from workorders.facts import Change
    from workorders.forms import StepForm
    from workorders.models import Event, User, WorkOrder
    from workorders.refusals import Refused

QUESTIONS = ("contacted", "solved", "satisfied")
SENT = ("close", "rework", "attempt")


@dataclass(frozen=True)
class Sent:
    """What was sent from here and refused, and what has happened to the order since it was seen."""

    name: str
    data: Any
    refusal: "Refused"
    changes: "Sequence[Change]"
    since: "Sequence[Event]"

    @property
    def by_answers(self) -> bool:
        return self.name != "attempt" and self.data.get("reached") != "no"


def of(order: "WorkOrder", user: "User", now: datetime, sent: Sent | None = None) -> dict[str, Any]:
    scripts = texts_for(order, "close", user, now=now)
    close, rework, attempt = (_form(order, step, user, sent) for step in SENT)
    asked = rework if sent and sent.name == "rework" else close
    history = rounds.of(order)
    complainant = appeals(order, user) or {}
    no_telephone = not any(person.get("phone") for person in complainant["people"])
    tried = history[-1].attempts if history and history[-1].callback.round == order.round else []
    return {
        "order": order,
        "clock": next(
            (one for one in order.clocks.all() if one.kind == ClockKind.CALLBACK and not one.stopped_at), None
        ),
        "scripts": scripts,
        "letter": _last(order, "report"),
        "contacts": [event for event in _of_this_round(order) if event.step == "contact"],
        "complainant": complainant,
        "no_telephone": no_telephone,
        "sent": sent,
        "unsaid": close.errors.get("reached", []),
        "questions": [asked[name] for name in QUESTIONS],
        "words": asked["words"],
        "field": rework["reason"],
        "offered": offered(rework, order, "rework", user, now=now),
        "attempt": attempt,
        "history": {"rounds": history},
        "tried": tried,
        "unreachable": no_telephone or len(tried) >= order.policy.rules.callback_attempts,
        "needed": order.policy.rules.callback_attempts,
        "looking": _("Callback of the complainant"),
    }


def _form(order: "WorkOrder", step: str, user: "User", sent: Sent | None) -> "StepForm":
    """Of the two steps of one page, what was typed for the one that was sent stands in the other as well."""
    typed = sent.data if sent else None
    given = {"data": typed} if sent and sent.name == step else {"initial": typed and typed.dict()}
    form = form_of(step)(order=order, step=STEPS[step], actor=user, **given)
    form.use_required_attribute = False  # one page sends two steps, and each needs other fields
    return form


def _of_this_round(order: "WorkOrder") -> "list[Event]":
    return [event for event in order.events.all() if event.round == order.round]


def _last(order: "WorkOrder", step: str) -> "Event | None":
    return next((event for event in reversed(_of_this_round(order)) if event.step == step), None)
