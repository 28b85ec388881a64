"""Triage 研判: what stands beside a new order, the queue of those that wait, and the page on which one is decided."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from intake import candidates, panels, triage_queue
from intake.danger import danger_in, named
from intake.merging import asked_of
from workorders import advice, leases, selectors
from workorders.forms import CodeField
from workorders.lifecycle import Grade, Role, Status, Step
from workorders.models import Category, WorkOrder
from workorders.transitions import available
from workorders.views.access import for_hotline
from workorders.views.orders import bare, found, watch_of
from workorders.views.request import StaffRequest

# The steps of triage, the usual one first, each with its key.
KEYS = {
    "accept": "a",
    "correct": "s",
    "answer": "r",
    "ask_correction": "c",
    "remind_correction": "e",
    "decline": "d",
    "merge": "m",
    "transfer": "t",
    "withdraw": "w",
}
COUNT_UP_TO = 999
FIRST_OF_ALIKE = 4  # Alt+1 to Alt+3 are the categories
FROM_A_CALL = "desk=reception"  # an order decided while its caller is on the line: after it comes no other citizen's


class BesideForm(forms.Form):
    """What is typed so far; what cannot be read yet counts as not there."""

    matter = forms.CharField(required=False, max_length=20_000)
    title = forms.CharField(required=False, max_length=120)
    category = CodeField("Category", required=False)
    area = CodeField("Area", required=False)
    address = forms.CharField(required=False, max_length=200)
    phone = forms.CharField(required=False, max_length=24)
    grade = forms.ChoiceField(choices=Grade, required=False)


@for_hotline(Role.OPERATOR)
@require_POST
def beside(request: StaffRequest) -> HttpResponse:
    form = BesideForm(request.POST)
    form.is_valid()
    given = form.cleaned_data
    asked = candidates.Asked(
        text=f"{given.get('title', '')} / {given.get('matter', '')}",
        phones=[given["phone"]] if given.get("phone") else [],
        area=given.get("area"),
        address=given.get("address", ""),
    )
    is_typed = bool(asked.text.strip(" /") or asked.address)
    context = {**_beside(request, asked, given.get("category"), given.get("grade", "")), "is_early": not is_typed}
    return render(request, "intake/_beside.html", context)


def _beside(request: StaffRequest, asked: candidates.Asked, category: Category | None, grade: str) -> dict[str, Any]:
    now = timezone.now()
    found = candidates.beside(asked, request.user, now=now)
    likely = category or (found.categories[0][0] if found.categories else None)
    return {
        "alike": list(enumerate(found.alike, FIRST_OF_ALIKE)),
        "categories": found.categories,
        "likely": likely,
        "place": found.area,
        "units": advice.advise(likely, asked.area or found.area) if likely else [],
        "due": advice.resolution_due(grade or likely.grade, now=now) if likely else None,
    }


@for_hotline(Role.OPERATOR)
def queue(request: StaffRequest) -> HttpResponse:
    decide, correct = triage_queue.to_decide(request.user), triage_queue.to_be_corrected(request.user)
    context = {
        "orders": triage_queue.rows(decide),
        "total": selectors.counted(decide, COUNT_UP_TO),
        "waiting": triage_queue.rows(correct),
        "waiting_total": selectors.counted(correct, COUNT_UP_TO),
        "most": triage_queue.SHOWN,
        "now": timezone.now(),
    }
    return render(request, "intake/queue.html", context)


@for_hotline(Role.OPERATOR)
@require_POST
def next_one(request: StaffRequest) -> HttpResponse:
    order = triage_queue.next_one(request.user, now=timezone.now())
    if order is None:
        messages.info(request, _("Nothing waits for you that nobody else has taken."))
        return redirect("triage_queue")
    return redirect("triage", number=order.number)


@for_hotline(Role.OPERATOR)
@never_cache
def triage(request: StaffRequest, number: str) -> HttpResponse:
    order = found(request, number)
    _begin(order, request)
    return render(request, "intake/triage.html", {**_page(order, request), **watch_of(request, order)})


def _begin(order: WorkOrder, request: StaffRequest) -> None:
    """Whoever opens it begins the work, unless somebody else has."""
    now = timezone.now()
    if order.status == Status.REGISTERED and leases.of(order, now=now) is None:
        leases.take(order, request.user, now=now)


def _page(order: WorkOrder, request: StaffRequest) -> dict[str, Any]:
    steps, appeals = _steps(order, request), panels.appeals(order, request.user) or {}
    forms_of = [name for name, _step, _key, is_bare in steps if not is_bare]
    wanted = request.GET.get("step", "")
    return {
        "order": order,
        "pressing": selectors.pressing(clock for clock in order.clocks.all() if clock.stopped_at is None),
        "events": list(order.events.all())[::-1],
        "panel": appeals,
        "dangers": named(danger_in(f"{order.title}。{order.matter}")),
        "steps": steps,
        "allowed": [name for name, *_rest in steps],
        "wanted": wanted if wanted in forms_of else "",
        "next": _next(order, request),
        **_beside(
            request,
            asked_of(order, [appeal for appeal, _speaker in appeals.get("voices", [])]),
            order.category,
            order.grade if order.category or order.grade == Grade.EMERGENCY else "",
        ),
    }


def _steps(order: WorkOrder, request: StaffRequest) -> list[tuple[str, Step, str, bool]]:
    """(name, step, key, needs no form)."""
    may = available(order, request.user)
    return [(name, may[name], key, bare(name)) for name, key in KEYS.items() if name in may]


def _next(order: WorkOrder, request: StaffRequest) -> str:
    if request.GET.get("desk") == "reception":
        return reverse("reception")
    following = triage_queue.next_after(order, request.user, now=timezone.now())
    return reverse("triage", args=[following.number]) if following else reverse("triage_queue")
