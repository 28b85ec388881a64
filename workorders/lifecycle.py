"""The vocabulary of an order's life: statuses, roles, clocks, and what a step carries.

The steps themselves are the `@transition` methods of `WorkOrder`; read there, they are the table of the life cycle.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from django.db.models import IntegerChoices, TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import transition


class Status(TextChoices):
    """The label names what an order waits for: lists, queues, filters and exports show it. `milestone` is for the road."""

    REGISTERED = "registered", pgettext_lazy("status", "To be accepted")
    INCOMPLETE = "incomplete", pgettext_lazy("status", "Awaiting correction")
    ACCEPTED = "accepted", pgettext_lazy("status", "To be dispatched")
    CONSULTING = "consulting", pgettext_lazy("status", "In joint meeting")
    DISPATCHED = "dispatched", pgettext_lazy("status", "To be signed")
    HANDLING = "handling", pgettext_lazy("status", "In handling")
    SUSPENDED = "suspended", pgettext_lazy("status", "Suspended")
    REPORTED = "reported", pgettext_lazy("status", "To be reviewed")
    CALLBACK = "callback", pgettext_lazy("status", "Awaiting callback")
    CLOSED = "closed", pgettext_lazy("status", "Closed")
    REVIEWING = "reviewing", pgettext_lazy("status", "Objection under review")
    ANSWERED = "answered", pgettext_lazy("status", "Answered at once")
    DECLINED = "declined", pgettext_lazy("status", "Declined with advice")
    MERGED = "merged", pgettext_lazy("status", "Merged")
    WITHDRAWN = "withdrawn", pgettext_lazy("status", "Withdrawn")
    ARCHIVED = "archived", pgettext_lazy("status", "Archived")

    @property
    def milestone(self) -> "Promise | str":
        """What is done when an order comes here, for the line of its progress."""
        return MILESTONES.get(self, self.label)


MILESTONES = {
    Status.REGISTERED: pgettext_lazy("milestone", "Registered"),
    Status.ACCEPTED: pgettext_lazy("milestone", "Accepted"),
    Status.DISPATCHED: pgettext_lazy("milestone", "Dispatched"),
    Status.HANDLING: pgettext_lazy("milestone", "Signed"),
    Status.REPORTED: pgettext_lazy("milestone", "Handled"),
    Status.CALLBACK: pgettext_lazy("milestone", "Answered"),
}

MAIN_ROAD = (
    Status.REGISTERED,
    Status.ACCEPTED,
    Status.DISPATCHED,
    Status.HANDLING,
    Status.REPORTED,
    Status.CALLBACK,
    Status.CLOSED,
    Status.ARCHIVED,
)
ENDED = (Status.CLOSED, Status.ANSWERED, Status.DECLINED, Status.MERGED, Status.WITHDRAWN)
# Those a unit has in hand.
HELD = (Status.DISPATCHED, Status.HANDLING, Status.SUSPENDED, Status.REPORTED)
OPEN = tuple(status for status in Status if status not in (*ENDED, Status.ARCHIVED))


class Role(TextChoices):
    OPERATOR = "operator", _("Hotline operator")
    DISPATCHER = "dispatcher", _("Dispatcher")
    HANDLER = "handler", _("Handler of the unit")
    REVIEWER = "reviewer", _("Reviewer of the unit")
    CALLBACK_AGENT = "callback_agent", _("Callback agent")
    SUPERVISOR = "supervisor", _("Supervisor")
    ARCHIVIST = "archivist", _("Archivist")
    AUDITOR = "auditor", _("Auditor")
    ADMINISTRATOR = "administrator", _("Administrator")


class Kind(TextChoices):
    CONSULTATION = "consultation", _("Consultation")
    HELP = "help", _("Request for help")
    COMPLAINT = "complaint", _("Complaint")
    REPORT = "report", _("Report of a wrong")
    SUGGESTION = "suggestion", _("Suggestion")


class Grade(TextChoices):
    EMERGENCY = "emergency", _("Emergency")
    UTILITY = "utility", _("Utility")
    ORDINARY = "ordinary", _("Ordinary")
    COMPLEX = "complex", _("Complex")


class ClockKind(TextChoices):
    ACCEPTANCE = "acceptance", _("Acceptance")
    DISPATCH = "dispatch", _("Dispatch")
    RESOLUTION = "resolution", _("Resolution")
    CALLBACK = "callback", _("Callback")
    SIGNING = "signing", _("Signing")
    CONTACT = "contact", _("First contact")
    ARRIVAL = "arrival", _("Arrival on site")
    UNIT_RESOLUTION = "unit_resolution", _("Unit's resolution")
    SLIP = "slip", _("Supervision slip")


UNIT_CLOCKS = (ClockKind.SIGNING, ClockKind.CONTACT, ClockKind.ARRIVAL, ClockKind.UNIT_RESOLUTION)
CO_HANDLING_CLOCKS = (ClockKind.SIGNING, ClockKind.UNIT_RESOLUTION)
BY_GRADE = tuple(kind for kind in ClockKind if kind != ClockKind.SLIP)  # a slip's limit goes by its colour
RESOLUTION_CLOCKS = (ClockKind.RESOLUTION, ClockKind.UNIT_RESOLUTION)


class Level(IntegerChoices):
    """预警级别: the rungs of a clock's ladder; `Clock.alerts_at` holds the instant of each, in this order."""

    REMINDER = 1, _("Reminder")
    WARNING = 2, _("Warning")
    OVERDUE = 3, _("Overdue")
    HIGHER = 4, _("Higher authority")
    SUPERVISION = 5, _("Supervision")


class ActsFor(TextChoices):
    """In whose name a step is done: the hotline's, or a unit's that handles the order."""

    HOTLINE = "hotline"
    LEAD = "lead"
    CO_HANDLING = "co_handling"
    CONSULTED = "consulted"  # a unit that takes part in the joint meeting
    HANDLING = "handling"  # the hotline, or a unit that has the order in hand: not one that is only asked about it
    HIGHER = "higher"  # a body above the lead unit: nobody decides on an objection to their own result


@dataclass(frozen=True)
class Step:
    """What the `custom=` of a transition carries. Clock kinds of UNIT_CLOCKS mean the acting (or lead) unit's own clock.

    `continues` starts a clock of the order anew where the last one of its kind began, with the deadline that one had.
    `recounts` computes the deadlines of all that runs anew, under the grade and the calendar as they are now.
    """

    label: Promise | str
    roles: tuple[Role, ...]
    acts_for: ActsFor = ActsFor.HOTLINE
    reason: bool = False
    files: bool = False
    by_system: bool = False
    new_round: bool = False
    starts: tuple[ClockKind, ...] = ()
    continues: tuple[ClockKind, ...] = ()
    stops: tuple[ClockKind, ...] = ()
    pauses: tuple[ClockKind, ...] = ()
    resumes: tuple[ClockKind, ...] = ()
    voids: tuple[ClockKind, ...] = ()
    recounts: bool = False


def moves(source: Status | tuple[Status, ...], target: Status, step: Step, **options: Any) -> Callable[[Any], Any]:
    """The step leads from any of the sources to the target."""
    sources = list(source) if isinstance(source, tuple) else source
    return transition("status", source=sources, target=target, custom={"step": step}, **options)


def stays(sources: tuple[Status, ...], step: Step) -> Callable[[Any], Any]:
    """The step is recorded on the order and leaves its status as it is (one loop a status, so that the drawing shows it)."""
    loops = [transition("status", source=source, target=source, custom={"step": step}) for source in sources]
    return lambda method: reduce(lambda wrapped, loop: loop(wrapped), loops, method)


def steps_of(model: Any) -> Iterator[tuple[str, Step, dict[str, str]]]:
    """(name, step, {source: target}) of every step the model and its mixins declare, in the order they stand there."""
    for name, method in (entry for table in model.__mro__ for entry in vars(table).items()):
        meta = getattr(method, "_django_fsm", None)
        if meta:
            targets = {str(source): str(one.target) for source, one in meta.transitions.items()}
            yield name, next(iter(meta.transitions.values())).custom["step"], targets
