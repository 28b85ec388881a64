"""Taking back what one has just done: the step that leads back is an event of its own, and the ledger keeps both."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from workorders.models import Event, WorkOrder
from workorders.refusals import NotAllowed, NotVisible, WrongState
from workorders.transitions import STEPS, available, perform

if TYPE_CHECKING:
    from workorders.models import User

# The step that leads back to where the order was. What has no way back in the life cycle cannot be taken back.
WAYS_BACK = {"dispatch": "recall", "designate": "recall", "consult": "end_meeting", "suspend": "resume"}
OFFERED_FOR = timedelta(seconds=10)
# A press in the last second may be a while on its way.
TAKEN_UNTIL = timedelta(seconds=20)


def way_back(event: Event, *, now: datetime) -> str:
    """Return the step by which this event's actor may take it back now, or nothing."""
    name = WAYS_BACK.get(event.step, "")
    if not name or event.actor is None or event.order.version != event.number or now > event.at + TAKEN_UNTIL:
        return ""
    return name if name in available(event.order, event.actor, now) else ""


def take_back(order: WorkOrder, number: int, *, actor: "User", now: datetime) -> Event:
    """Undo the actor's own event of this number, while its time lasts and nothing has happened since."""
    event = order.events.filter(number=number, actor=actor).first()
    if event is None:
        raise NotVisible(_("There is nothing of yours to take back here."))
    name = WAYS_BACK.get(event.step)
    if name is None:
        raise NotAllowed(_("This step cannot be taken back."), order=order)
    if now > event.at + TAKEN_UNTIL:
        message = _("The time to take it back is over. Where it is still possible, use “%(step)s” on the order's page.")
        raise WrongState(message % {"step": STEPS[name].label}, order=order)
    reason = _("Taken back at the desk right after it was done.") if STEPS[name].reason else ""
    return perform(order.pk, name, actor=actor, version=event.number, now=now, reason=reason)
