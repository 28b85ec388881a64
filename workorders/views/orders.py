import re
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from workorders import columns, feed, leases, numbers, panels, presence, selectors
from workorders.columns import ListForm
from workorders.lifecycle import Step
from workorders.models import WorkOrder
from workorders.pages import Place, place_at
from workorders.refusals import NotVisible
from workorders.transitions import STEPS, available, form_of
from workorders.views import saved, sought
from workorders.views.request import StaffRequest, go_to


@login_required
@require_POST
def find(request: StaffRequest) -> HttpResponse:
    """What was typed into the bar: not in an address, for it may be a telephone."""
    typed = request.POST.get("q", "").strip()
    known = selectors.found_by_stages(request.user, typed)
    query = urlencode(known) if known else sought.sealed(request.POST).urlencode()
    return redirect(f"{reverse('orders')}?{query}")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def orders(request: StaffRequest) -> HttpResponse:
    """The filters are posted; the page's address is made of them here."""
    given = request.POST if request.method == "POST" else request.GET
    known = selectors.found_by_stages(request.user, given.get("q", ""))
    if known:
        return go_to(request, f"{reverse('orders')}?{urlencode({'view': 'all', **known})}")
    query = sought.sealed(given)
    address = f"{reverse('orders')}?{query.urlencode()}"
    if not request.htmx and (request.method == "POST" or "sought" in query.keys() - given.keys()):
        return redirect(address)
    request.GET = query  # type: ignore[assignment]
    response = _list(request)
    if request.htmx and request.htmx.current_url_abs_path != address:
        response["HX-Push-Url"] = address
    return response


def _list(request: StaffRequest) -> HttpResponse:
    form = filters(request)
    form.is_valid()
    read_until = feed.settled().transaction  # before the rows are read: what comes later is announced
    listing = selectors.listing(request.user, form.cleaned_data, now=timezone.now(), **_place(request))
    found = listing.orders
    if len(found) == 1 and numbers.typed(form.data.get("q", "")) == found[0].number and not request.htmx:
        return redirect("order", number=_goes_on_in(request, found[0]).number)
    template = "workorders/_rows.html" if request.htmx else "workorders/list.html"
    shown = columns.chosen(form.cleaned_data.get("columns", []))
    context = {"form": form, "listing": listing, "columns": shown, "shown": [column.name for column in shown]}
    # What stands around the rows is not sent again with them.
    around = {} if request.htmx else {"saved_views": saved.views_of(request.user), "since": read_until}
    return render(request, template, {**context, **around})


def _goes_on_in(request: StaffRequest, order: WorkOrder) -> WorkOrder:
    """Who looks for a merged order by its number is led to where it goes on."""
    last = WorkOrder.objects.visible_to(request.user).filter(merged_orders=order).first()
    if last is None:
        return order
    messages.info(request, _("%(number)s was merged into this order.") % {"number": order.spoken_number})
    return last


def filters(request: StaffRequest) -> ListForm:
    given = sought.opened(request.GET)
    for name, value in _defaults(request).items():
        given.setdefault(name, value)
    return ListForm(given)


def _defaults(request: StaffRequest) -> dict[str, str]:
    """Each opens the list on the next thing to do; who searches means all orders, and so does who has nothing to do."""
    searches = any(request.GET.get(name) for name in ("q", "sought", "caller"))
    todo = not searches and selectors.has_work(request.user)
    return {"view": "todo", "sort": "deadline"} if todo else {"view": "all", "sort": "newest"}


def _place(request: StaffRequest) -> dict[str, Any]:
    places: dict[str, Place | None] = {name: place_at(request.GET.get(name, "")) for name in ("after", "before")}
    number = request.GET.get("page", "")
    return {**places, "number": int(number) if re.fullmatch("[1-9][0-9]{0,5}", number) else 1}


@login_required
def order(request: StaffRequest, number: str) -> HttpResponse:
    order = found(request, number)
    return render(request, "workorders/order.html", {**page_of(request, order), **watch_of(request, order)})


@login_required
def changed(request: StaffRequest, number: str) -> HttpResponse:
    """Asked for again and again by an open page: nothing new is 204, otherwise who is here and whether to look again."""
    visible = WorkOrder.objects.visible_to(request.user).select_related("lease__user")
    order = visible.only("number", "version", "lease").filter(number=number).first()
    if order is None:
        return HttpResponse(status=204)
    leases.renew(order.pk, request.user, now=timezone.now())
    watch = watch_of(request, order)
    if watch["said"] == request.GET.get("said"):
        return HttpResponse(status=204)
    return render(request, "workorders/_watch.html", watch)


def watch_of(request: StaffRequest, order: WorkOrder) -> dict[str, Any]:
    """Who else has to do with the order now; `said` is all of it in one word, so that the same is not told twice."""
    now, seen = timezone.now(), request.GET.get("version", str(order.version))
    lease = leases.of(order, now=now)
    here = presence.others(order.pk, request.user, now=now)
    said = f"{order.version} {lease.user_id if lease else ''} {here}"
    return {
        "number": order.number,
        "version": seen,
        "changed": seen != str(order.version),
        "lease": lease,
        "others": here,
        "said": said,
        "every": presence.ASKS_EVERY,
    }


@login_required
@require_POST
def next_one(request: StaffRequest) -> HttpResponse:
    """Give me the next one."""
    order = leases.next_for(request.user, now=timezone.now())
    if order is None:
        messages.info(request, _("Nothing waits for you that nobody else has taken."))
        return redirect("orders")
    return redirect("order", number=order.number)


def found(request: StaffRequest, number: str) -> WorkOrder:
    order = selectors.order_page(request.user, numbers.typed(number))
    if order is None:
        raise NotVisible
    return order


def page_of(request: StaffRequest, order: WorkOrder) -> dict[str, Any]:
    running = [clock for clock in order.clocks.all() if clock.stopped_at is None]
    return {
        "order": order,
        "events": list(order.events.all())[::-1],
        "running": sorted(running, key=lambda clock: clock.due_at),
        "stopped": [clock for clock in order.clocks.all() if clock.stopped_at],
        "pressing": selectors.pressing(running),
        "urges": sum(event.step == "urge" for event in order.events.all()),
        "stops": selectors.stepper(order),
        "steps": buttons(order, request.user),
        "panels": panels.panels_of(order, request.user),
    }


def buttons(order: WorkOrder, user: Any) -> list[tuple[str, Step, bool, bool]]:
    """(name, step, needs no form, moves the order), what leads along the main road first, what only records last."""
    steps = available(order, user)
    ranks = {name: selectors.rank(order, name) for name in steps}
    first_to_last = sorted(steps, key=ranks.__getitem__)
    return [(name, steps[name], bare(name), ranks[name] < selectors.RECORDS) for name in first_to_last]


def bare(name: str) -> bool:
    """A step that asks for nothing is one press of its button."""
    step = STEPS[name]
    return not (step.reason or step.files or form_of(name).base_fields)
