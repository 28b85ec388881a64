"""The dispatch desk 派单台: one order at a time, alike ones together, and the units' requests to decide."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from dispatch import bulk, queue, request_desk
from dispatch.forms import DispatchForm
from dispatch.models import Assignment, Request
from workorders import leases, numbers, selectors, undo
from workorders.lifecycle import Role, Status
from workorders.models import WorkOrder
from workorders.transitions import STEPS
from workorders.views.access import for_hotline
from workorders.views.orders import found, page_of, watch_of
from workorders.views.request import StaffRequest

COUNT_UP_TO = 999
# What is opened beside the order by itself.
OPENS = {Status.ACCEPTED: "dispatch", Status.CONSULTING: "designate"}


@for_hotline(Role.DISPATCHER)
@require_GET
@never_cache
def desk(request: StaffRequest) -> HttpResponse:
    """Give the next order, at an address that names it."""
    order = queue.next_one(request.user, now=timezone.now())
    return redirect("dispatch_one", number=order.number) if order else redirect("dispatch_empty")


@for_hotline(Role.DISPATCHER)
@require_GET
@never_cache
def empty(request: StaffRequest) -> HttpResponse:
    """Show the desk without an order, and give none: a reload shows it as it was left."""
    return _desk(request, None)


@for_hotline(Role.DISPATCHER)
@require_GET
@never_cache
def one(request: StaffRequest, number: str) -> HttpResponse:
    """A chosen one is theirs as well, unless somebody was quicker."""
    chosen = queue.waiting(request.user).filter(number=numbers.typed(number)).first()
    if chosen:
        queue.take(chosen, request.user, now=timezone.now())
    return _desk(request, found(request, number))


@for_hotline(Role.DISPATCHER)
@require_GET
def queue_rows(request: StaffRequest) -> HttpResponse:
    context = {**_queues(request), "chosen": request.GET.get("chosen", "")}
    return render(request, "dispatch/_renewed.html", {**context, "queue": "dispatch/_queue.html"})


def _desk(request: StaffRequest, order: WorkOrder | None) -> HttpResponse:
    context: dict[str, Any] = {**_queues(request), "next": reverse("dispatch_desk")}
    if order:
        context |= {**page_of(request, order), **watch_of(request, order), **_beside(request, order)}
    return render(request, "dispatch/desk.html", {**context, "chosen": order.number if order else ""})


def _queues(request: StaffRequest) -> dict[str, Any]:
    return {"rows": queue.rows(request.user), **_counts(request)}


def _counts(request: StaffRequest) -> dict[str, Any]:
    waiting, asked = queue.waiting(request.user), request_desk.waiting(request.user)
    return {
        "waiting": selectors.counted(waiting, COUNT_UP_TO),
        "asked": selectors.counted(asked, COUNT_UP_TO),
        "now": timezone.now(),
    }


def _beside(request: StaffRequest, order: Any) -> dict[str, Any]:
    others = queue.alike(request.user, order).exclude(pk=order.pk) if order.status == Status.ACCEPTED else None
    wrong = [one for one in order.assignments.all() if one.part == Assignment.Part.LEAD and one.lost]
    lease = leases.of(order, now=timezone.now())
    is_others = lease is not None and lease.user_id != request.user.pk
    opened = "" if is_others else OPENS.get(order.status, "")
    alike = others.count() if others is not None else 0
    return {"alike": alike, "opened": opened, "wrong": wrong, "is_others": is_others}


# Alike ones together


@for_hotline(Role.DISPATCHER)
@require_http_methods(["GET", "POST"])
def alike(request: StaffRequest, number: str) -> HttpResponse:
    order = found(request, number)
    posted = request.POST if request.method == "POST" else None
    form = DispatchForm(posted, order=order, step=STEPS["dispatch"], actor=request.user)
    versions = bulk.typed(request.POST.getlist("order"))
    if posted is None or not versions or not form.is_valid():
        return _alike(request, order, form, tried=posted is not None)
    data = {field: form[field].data for field in form.fields}
    outcomes = bulk.dispatch(versions, data, actor=request.user, now=timezone.now())
    sent = [outcome.event for outcome in outcomes if outcome.event]
    context = {
        "order": order,
        "outcomes": outcomes,
        "sent": len(sent),
        "lead": sent[0].order.lead_unit if sent else None,
        # They are all of one kind: what holds for one of them holds for all.
        "way_back": bool(sent) and undo.way_back(sent[0], now=timezone.now()),
        "seconds": int(undo.OFFERED_FOR.total_seconds()),
    }
    return render(request, "dispatch/alike_done.html", context)


def _alike(request: StaffRequest, order: WorkOrder, form: DispatchForm, *, tried: bool) -> HttpResponse:
    ticked = {one.partition("-")[0] for one in request.POST.getlist("order")}
    rows = queue.alike_rows(request.user, order)
    context = {"order": order, "form": form, "rows": rows, "ticked": ticked, "now": timezone.now()}
    none = tried and not ticked
    return render(
        request, "dispatch/alike.html", {**context, "tried": tried, "none": none}, status=400 if tried else 200
    )


# What units ask for


@for_hotline(Role.DISPATCHER)
@require_GET
@never_cache
def requests(request: StaffRequest) -> HttpResponse:
    """Give the next request, at an address that names it."""
    waiting = request_desk.next_one(request.user, now=timezone.now())
    return redirect("request_to_decide", pk=waiting.pk) if waiting else redirect("requests_empty")


@for_hotline(Role.DISPATCHER)
@require_GET
@never_cache
def no_request(request: StaffRequest) -> HttpResponse:
    return _requests(request, None)


@for_hotline(Role.DISPATCHER)
@require_GET
@never_cache
def one_request(request: StaffRequest, pk: int) -> HttpResponse:
    """A decided one is shown as well, with its order: a page that is opened again shows the same."""
    wish = request_desk.request_of(request.user, pk)
    if wish and wish.is_open:
        leases.take(wish.order, request.user, now=timezone.now())
    return _requests(request, wish, gone=wish is None or not wish.is_open)


@for_hotline(Role.DISPATCHER)
@require_GET
def request_rows(request: StaffRequest) -> HttpResponse:
    context = {**_asked(request), "chosen": request.GET.get("chosen", "")}
    return render(request, "dispatch/_renewed.html", {**context, "queue": "dispatch/_request_queue.html"})


def _asked(request: StaffRequest) -> dict[str, Any]:
    return {"rows": request_desk.rows(request.user), **_counts(request)}


def _requests(request: StaffRequest, asked: Request | None, *, gone: bool = False) -> HttpResponse:
    context = {**_asked(request), "chosen": str(asked.pk) if asked else ""}
    if asked:
        order = found(request, asked.order.number)
        beside = {"dispute": request_desk.dispute(order, asked.pk), "verbs": request_desk.verbs(asked)}
        context |= {**page_of(request, order), **watch_of(request, order), **beside}
    return render(request, "dispatch/requests.html", {**context, "gone": gone, "next": reverse("request_desk")})
