"""Where an order stands, in words for the person who asked: nothing of the house's own business."""

from collections.abc import Sequence

from django.utils.functional import Promise
from django.utils.translation import pgettext, pgettext_lazy

from workorders.lifecycle import Status
from workorders.models import Event, WorkOrder

WORDS: dict[str, Promise] = {
    Status.REGISTERED: pgettext_lazy("to the complainant", "Registered, being accepted"),
    Status.INCOMPLETE: pgettext_lazy("to the complainant", "Waiting for what you add"),
    Status.ACCEPTED: pgettext_lazy("to the complainant", "Accepted"),
    Status.CONSULTING: pgettext_lazy("to the complainant", "Accepted; the unit in charge is being settled"),
    Status.DISPATCHED: pgettext_lazy("to the complainant", "Sent to a unit"),
    Status.HANDLING: pgettext_lazy("to the complainant", "Being handled"),
    Status.SUSPENDED: pgettext_lazy("to the complainant", "Cannot be solved yet; followed up"),
    Status.REPORTED: pgettext_lazy("to the complainant", "Being handled"),
    Status.CALLBACK: pgettext_lazy("to the complainant", "Answered"),
    Status.CLOSED: pgettext_lazy("to the complainant", "Concluded"),
    Status.REVIEWING: pgettext_lazy("to the complainant", "Objection under review"),
    Status.ANSWERED: pgettext_lazy("to the complainant", "Answered"),
    Status.DECLINED: pgettext_lazy("to the complainant", "Advised"),
    Status.MERGED: pgettext_lazy("to the complainant", "Handled together with another order"),
    Status.WITHDRAWN: pgettext_lazy("to the complainant", "Taken back"),
    Status.ARCHIVED: pgettext_lazy("to the complainant", "Concluded"),
}


def status_for_complainant(order: WorkOrder, events: Sequence[Event]) -> str:
    if order.status == Status.DISPATCHED and order.lead_unit:
        return pgettext("to the complainant", "Sent to %(unit)s") % {"unit": order.lead_unit}
    if order.status == Status.WITHDRAWN and any(event.step == "lapse_correction" for event in events):
        return pgettext("to the complainant", "Not accepted: something was not added")
    return str(WORDS[order.status])
