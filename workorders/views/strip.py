"""The strip after an act: which order, whose it is now, what follows, and for some seconds the way back."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from workorders import numbers, undo
from workorders.lifecycle import Status
from workorders.models import Clock, Event, WorkOrder
from workorders.refusals import NotVisible
from workorders.templatetags.console import moment
from workorders.transitions import STEPS
from workorders.views.request import StaffRequest, go_to, local_address, page_of_ours

FOLLOWS = {
    Status.REGISTERED: gettext_lazy("It waits to be accepted."),
    Status.INCOMPLETE: gettext_lazy("It waits for the complainant's correction."),
    Status.ACCEPTED: gettext_lazy("It waits to be dispatched."),
    Status.CONSULTING: gettext_lazy("It waits for the opinions of the meeting."),
    Status.DISPATCHED: gettext_lazy("It waits for the unit to sign."),
    Status.HANDLING: gettext_lazy("The unit is handling it."),
    Status.SUSPENDED: gettext_lazy("It rests until it is looked at again."),
    Status.REPORTED: gettext_lazy("It waits for the unit's review."),
    Status.CALLBACK: gettext_lazy("It waits for the callback."),
    Status.REVIEWING: gettext_lazy("The objection waits for its decision."),
    Status.MERGED: gettext_lazy("It goes on in the order it was merged into."),
}
ENDED = gettext_lazy("Nothing more is to be done on it.")


def announce_step(request: StaffRequest, event: Event) -> None:
    """Say on the page that follows what was done to which order, and offer the way back."""
    now = timezone.now()
    context = {
        "order": event.order,
        "step": STEPS[event.step].label,
        "follows": follows(event.order),
        "event": event,
        "way_back": undo.way_back(event, now=now),
        "seconds": int(undo.OFFERED_FOR.total_seconds()),
        "back": page_of_ours(request),
    }
    messages.success(request, render_to_string("workorders/_strip.html", context, request))


def follows(order: WorkOrder) -> str:
    """What is waited for now, and until when."""
    parent = f" {order.parent.spoken_number}" if order.status == Status.MERGED and order.parent else ""
    sentence = f"{FOLLOWS.get(Status(order.status), ENDED)}{parent}"
    clock: Any = Clock.objects.running().filter(order=order, paused_at=None).order_by("due_at").first()
    if clock is None:
        return sentence
    return f"{sentence} " + _("%(clock)s: until %(due)s.") % {
        "clock": clock.get_kind_display(),
        "due": moment(clock.due_at),
    }


@login_required
@require_POST
def take_back(request: StaffRequest, number: str) -> HttpResponse:
    order = WorkOrder.objects.visible_to(request.user).filter(number=numbers.typed(number)).first()
    event = request.POST.get("event", "")
    if order is None or not (event.isascii() and event.isdigit() and len(event) < 9):
        raise NotVisible
    announce_step(request, undo.take_back(order, int(event), actor=request.user, now=timezone.now()))
    return go_to(request, local_address(request.POST.get("back", "")) or reverse("order", args=[order.number]))
