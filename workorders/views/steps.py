"""ONE view for all steps: the form is built from what the step needs, and `perform()` decides."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from workorders.forms import StepForm
from workorders.models import WorkOrder
from workorders.refusals import NotVisible, Refused
from workorders.transitions import STEPS, check, form_of, perform
from workorders.views.once import once
from workorders.views.orders import found
from workorders.views.request import StaffRequest


@login_required
@require_http_methods(["GET", "POST"])
def step(request: StaffRequest, number: str, name: str) -> HttpResponse:
    order = found(request, number)
    if name not in STEPS:
        raise NotVisible
    if request.method == "GET":
        return _get(request, order, name)
    return once(
        request, f"{order.pk}/{name}", partial(_post, request, order, name), partial(_done, request, order, name)
    )


def _get(request: StaffRequest, order: WorkOrder, name: str) -> HttpResponse:
    check(order, name, actor=request.user)
    return _form(request, order, name, form_of(name)(order=order, step=STEPS[name], actor=request.user))


def _post(request: StaffRequest, order: WorkOrder, name: str) -> HttpResponse:
    form = form_of(name)(request.POST, request.FILES, order=order, step=STEPS[name], actor=request.user)
    try:
        perform(
            order.pk,
            name,
            actor=request.user,
            version=_version(request),
            files=request.FILES.getlist("files"),
            **{field: form[field].data for field in form.fields if field != "files"},
        )
    except Refused as refusal:
        return _refused(request, order, name, form, refusal)
    return _done(request, order, name)


def _done(request: StaffRequest, order: WorkOrder, name: str) -> HttpResponse:
    messages.success(request, _("Done: %(step)s") % {"step": STEPS[name].label})
    return _to(request, _after(request, order))


def _after(request: StaffRequest, order: WorkOrder) -> str:
    return _next(request) or reverse("order", args=[order.number])


def _next(request: StaffRequest) -> str:
    """A desk says by it where its work goes on; never a page of somebody else's."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else ""


def _version(request: StaffRequest) -> int | None:
    version = request.POST.get("version", "")
    return int(version) if version.isascii() and version.isdigit() else None


def _refused(request: StaffRequest, order: WorkOrder, name: str, form: StepForm, refusal: Refused) -> HttpResponse:
    """What was typed stays in the form; what happened in the meantime stands beside it."""
    seen = _version(request) or order.version
    since = [event for event in order.events.all() if event.number > seen]
    form.is_valid()
    return _form(request, order, name, form, refusal=refusal, since=since, status=refusal.status)


def _form(
    request: StaffRequest,
    order: WorkOrder,
    name: str,
    form: StepForm,
    *,
    refusal: Refused | None = None,
    since: object = (),
    status: int = 200,
) -> HttpResponse:
    template = "workorders/_step_form.html" if request.htmx else "workorders/step.html"
    context = {
        "order": order,
        "name": name,
        "step": STEPS[name],
        "form": form,
        "refusal": refusal,
        "since": since,
        "next": _next(request),
    }
    return render(request, template, context, status=status)


def _to(request: StaffRequest, address: str) -> HttpResponse:
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponse(status=303, headers={"Location": address})
