"""The callback desk 回访台: one order a screen. What is done there are the ordinary steps; here they are only laid out."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from evaluation import callback_page, callback_queue
from workorders import leases
from workorders.lifecycle import Role, Status
from workorders.views.access import for_hotline
from workorders.views.orders import found, watch_of
from workorders.views.request import StaffRequest


@for_hotline(Role.CALLBACK_AGENT)
@require_GET
@never_cache
def desk(request: StaffRequest) -> HttpResponse:
    """Opens on the next call; the order is theirs as long as the page is open and a little longer."""
    now = timezone.now()
    order = callback_queue.in_hand(request.user, now) or callback_queue.take_next(request.user, now)
    return _page(request, order.number) if order else _nothing(request)


@for_hotline(Role.CALLBACK_AGENT)
@require_GET
@never_cache
def call(request: StaffRequest, number: str) -> HttpResponse:
    """One that was chosen: before its time, or back from a look at personal data."""
    return _page(request, number)


@for_hotline(Role.CALLBACK_AGENT)
@require_POST
def another(request: StaffRequest) -> HttpResponse:
    if callback_queue.take_next(request.user, timezone.now()) is None:
        messages.info(request, _("Nobody else is to be called now."))
    return redirect("callback_desk")


def _page(request: StaffRequest, number: str) -> HttpResponse:
    order, now = found(request, number), timezone.now()
    if order.status != Status.CALLBACK:
        return redirect("order", number=order.number)
    leases.take(order, request.user, now=now)
    context = {**callback_page.of(order, request.user, now), **_queue(request), **watch_of(request, order)}
    return render(request, "evaluation/callback_desk.html", context)


def _nothing(request: StaffRequest) -> HttpResponse:
    return render(request, "evaluation/callback_desk.html", _queue(request))


def _queue(request: StaffRequest) -> dict[str, Any]:
    now = timezone.now()
    return {
        "waiting": callback_queue.waiting(request.user, now).order_by().count(),
        "later": callback_queue.later(request.user, now),
    }
