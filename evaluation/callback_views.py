"""The callback desk 回访台: one order a screen. What is done there are the ordinary steps; here they are only laid out.

What is refused comes back in the desk, beside the script.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from evaluation import callback_page, callback_queue
from evaluation.callback_page import Sent
from workorders import leases
from workorders.lifecycle import Role, Status
from workorders.models import WorkOrder
from workorders.refusals import NotVisible, Refused
from workorders.views import steps
from workorders.views.access import for_hotline
from workorders.views.orders import found, watch_of
from workorders.views.request import StaffRequest

POSTED = require_http_methods(["GET", "POST"])  # with GET comes back who had to log in again meanwhile


@for_hotline(Role.CALLBACK_AGENT)
@require_GET
@never_cache
def desk(request: StaffRequest) -> HttpResponse:
    """Give the next call, at an address that names it; it is theirs as long as its page is open and a little longer."""
    now = timezone.now()
    order = callback_queue.in_hand(request.user, now) or callback_queue.take_next(request.user, now)
    return redirect("callback", number=order.number) if order else redirect("callback_empty")


@for_hotline(Role.CALLBACK_AGENT)
@require_GET
@never_cache
def empty(request: StaffRequest) -> HttpResponse:
    return render(request, "evaluation/callback_desk.html", _queue(request))


@for_hotline(Role.CALLBACK_AGENT)
@require_GET
@never_cache
def call(request: StaffRequest, number: str) -> HttpResponse:
    """One that was chosen: before its time, or back from a look at personal data."""
    return _page(request, number)


@for_hotline(Role.CALLBACK_AGENT)
@POSTED
def another(request: StaffRequest) -> HttpResponse:
    if request.method == "POST":
        order = callback_queue.take_next(request.user, timezone.now())
        if order:
            return redirect("callback", number=order.number)
        messages.info(request, _("Nobody else is to be called now."))
    return redirect("callback_desk")


@for_hotline(Role.CALLBACK_AGENT)
@POSTED
@never_cache
def send(request: StaffRequest, number: str, name: str) -> HttpResponse:
    if name not in callback_page.SENT:
        raise NotVisible
    if request.method == "GET":
        return redirect("callback", number=number)
    return steps.send(request, number, name, _again)


def _again(request: StaffRequest, order: WorkOrder, name: str, refusal: Refused) -> HttpResponse:
    return _show(request, order, Sent(name, request.POST, refusal, **steps.seen(request, order)))


def _page(request: StaffRequest, number: str) -> HttpResponse:
    order = found(request, number)
    if order.status != Status.CALLBACK:
        return redirect("order", number=order.number)
    leases.take(order, request.user, now=timezone.now())
    return _show(request, order)


def _show(request: StaffRequest, order: WorkOrder, sent: Sent | None = None) -> HttpResponse:
    page = callback_page.of(order, request.user, timezone.now(), sent)
    context = {**page, **_queue(request), **watch_of(request, order)}
    return render(request, "evaluation/callback_desk.html", context, status=sent.refusal.status if sent else 200)


def _queue(request: StaffRequest) -> dict[str, Any]:
    now = timezone.now()
    return {
        "waiting": callback_queue.waiting(request.user, now).order_by().count(),
        "later": callback_queue.later(request.user, now),
    }
