"""The pages on which a unit reads and reports what it has to rectify, and supervisors decide."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dispatch import rectifications as service
from dispatch.models import Accountability, Rectification
from workorders.refusals import Invalid
from workorders.views.request import StaffRequest

PAGE_SIZE = 25
SHOWN = 20  # of what the unit has to account for; the desk has them all


@login_required
def rectifications(request: StaffRequest) -> HttpResponse:
    rows = service.listed(request.user)
    waiting = {row.pk for row in service.waiting(request.user).only("pk")}
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    held = Accountability.objects.visible_to(request.user).select_related("unit", "slip__order", "rectification")
    context = {"page": page, "waiting": waiting, "held": held[:SHOWN]}
    return render(request, "dispatch/rectifications.html", context)


@login_required
def rectification(request: StaffRequest, pk: int) -> HttpResponse:
    return _page(request, service.page(request.user, pk))


@login_required
@require_POST
def act(request: StaffRequest, pk: int, name: str) -> HttpResponse:
    try:
        service.perform(pk, name, actor=request.user, now=timezone.now(), data=request.POST)
    except Invalid as refusal:
        return _page(request, service.page(request.user, pk), name, refusal)
    messages.success(request, _("Done: %(step)s") % {"step": service.ACTS[name].label})
    return redirect("rectification", pk=pk)


def _page(request: StaffRequest, found: Rectification, tried: str = "", refusal: Invalid | None = None) -> HttpResponse:
    """What was typed stays in the form that was refused."""
    acts = [
        {"name": name, "label": act.label, "form": _form(request, found, name, tried, refusal)}
        for name, act in service.available(found, request.user)
    ]
    told = list(found.entries.all())[::-1]
    report = next((entry for entry in told if entry.act == "report"), None)
    orders = found.orders.visible_to(request.user).defer("tokens").order_by("-id")[:100]
    entries = [(service.LABELS[entry.act], entry) for entry in told]
    context = {"rectification": found, "report": report, "acts": acts, "orders": orders, "entries": entries}
    return render(request, "dispatch/rectification.html", context, status=refusal.status if refusal else 200)


def _form(request: StaffRequest, found: Rectification, name: str, tried: str, refusal: Invalid | None) -> forms.Form:
    """Each form of the page has identifiers of its own."""
    kind = service.ACTS[name].form
    if name != tried or refusal is None:
        return kind(initial={"date": found.complete_by}, auto_id=f"{name}_%s")
    form = kind(request.POST, auto_id=f"{name}_%s")
    form.full_clean()
    for field, errors in refusal.fields.items():
        if field not in form.errors:
            form.add_error(field, errors)
    return form
