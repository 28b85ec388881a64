"""ONE view for all steps: the form is built from what the step needs, and `perform()` decides."""

from functools import partial
from typing import Any, Protocol

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.choices import flatten_choices
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from workorders import facts, numbers, selectors
from workorders.forms import StepForm
from workorders.models import Event, WorkOrder
from workorders.refusals import Invalid, NotVisible, Refused
from workorders.transitions import STEPS, check, form_of, perform
from workorders.views.once import once
from workorders.views.orders import buttons, found
from workorders.views.request import StaffRequest, go_to, local_address
from workorders.views.strip import announce_step

# What a form carries beside what was typed.
CARRIED = ("csrfmiddlewaretoken", "version", "seen", "next", "token")


class Again(Protocol):
    """Shows what was typed again, with why it was refused: the step's own form, or the desk that it stood in."""

    def __call__(self, request: StaffRequest, order: WorkOrder, name: str, refusal: Refused) -> HttpResponse: ...


@login_required
@require_http_methods(["GET", "POST"])
def step(request: StaffRequest, number: str, name: str) -> HttpResponse:
    if name not in STEPS:
        raise NotVisible
    if request.method == "GET":
        return _get(request, found(request, number), name)
    return send(request, number, name, _again)


def send(request: StaffRequest, number: str, name: str, again: Again) -> HttpResponse:
    number = numbers.typed(number)
    do = partial(_post, request, number, name, again)
    return once(request, f"{number}/{name}", do, partial(_done, request, number, name))


def _get(request: StaffRequest, order: WorkOrder, name: str) -> HttpResponse:
    check(order, name, actor=request.user)
    given = {field: value for field, value in request.GET.items() if field in form_of(name).base_fields}
    form = form_of(name)(order=order, step=STEPS[name], actor=request.user, initial=given)
    return _form(request, order, name, form, since=_since(order, _version(request.GET)))


def _post(request: StaffRequest, number: str, name: str, again: Again) -> HttpResponse:
    order = selectors.order_page(request.user, number)
    if order is None:
        return _not_possible(request, name, NotVisible(), None)
    form = _filled(request, order, name)
    try:
        event = perform(
            order.pk,
            name,
            actor=request.user,
            version=_version(request.POST),
            files=request.FILES.getlist("files"),
            **{field: form[field].data for field in form.fields if field != "files"},
        )
    except Refused as refusal:
        return _refused(request, number, name, again, refusal)
    announce_step(request, event)
    return _go_on(request, number)


def _done(request: StaffRequest, number: str, name: str) -> HttpResponse:
    """Answer a form that came a second time as its first time was answered."""
    events = Event.objects.filter(order__in=WorkOrder.objects.visible_to(request.user).filter(number=number))
    event = events.select_related("order").filter(step=name, actor=request.user).order_by("-number").first()
    if event:
        announce_step(request, event)
    return _go_on(request, number)


def _go_on(request: StaffRequest, number: str) -> HttpResponse:
    answer = go_to(request, _next(request) or reverse("order", args=[number]))
    if "token" in request.POST:  # forms that wait for the network: those behind this one go on from here
        version = WorkOrder.objects.visible_to(request.user).filter(number=number).values_list("version", flat=True)
        answer["Order-Version"] = version.first() or ""
    return answer


def _filled(request: StaffRequest, order: WorkOrder, name: str) -> StepForm:
    return form_of(name)(request.POST, request.FILES, order=order, step=STEPS[name], actor=request.user)


def _next(request: StaffRequest) -> str:
    """A desk says by it where its work goes on; never a page of somebody else's."""
    return local_address(request.POST.get("next") or request.GET.get("next", ""))


def _version(given: Any) -> int | None:
    version = given.get("version", "")
    return int(version) if version.isascii() and version.isdigit() else None


def _since(order: WorkOrder, version: int | None) -> list[Any]:
    """What happened after the version that the user saw."""
    return [event for event in order.events.all() if version and event.number > version]


def _refused(request: StaffRequest, number: str, name: str, again: Again, refusal: Refused) -> HttpResponse:
    """What was typed stays; beside it stands the order as it was seen and as it is now, read after the refusal."""
    order = selectors.order_page(request.user, number)
    if order is None:
        return _not_possible(request, name, refusal, None)
    impossible = _impossible(request, order, name)
    if impossible and not isinstance(refusal, Invalid):
        return _not_possible(request, name, impossible, order)
    return again(request, order, name, refusal)


def _again(request: StaffRequest, order: WorkOrder, name: str, refusal: Refused) -> HttpResponse:
    form = _filled(request, order, name)
    form.is_valid()
    return _form(request, order, name, form, refusal=refusal, **seen(request, order), status=refusal.status)


def _impossible(request: StaffRequest, order: WorkOrder, name: str) -> Refused | None:
    try:
        check(order, name, actor=request.user)
    except Refused as refusal:
        return refusal
    return None


def seen(request: StaffRequest, order: WorkOrder) -> dict[str, Any]:
    """What has changed and happened since the form was opened."""
    before = facts.opened(order, request.POST.get("seen", ""))
    return {"since": _since(order, _version(request.POST)), "changes": facts.changes(before, order)}


def _not_possible(request: StaffRequest, name: str, refusal: Refused, order: WorkOrder | None) -> HttpResponse:
    """Nothing can be sent any more: what was typed is handed back to be copied, beside what can be done instead."""
    template = "workorders/_not_possible.html" if request.htmx else "workorders/not_possible.html"
    context: dict[str, Any] = {"refusal": refusal, "order": order, "step": STEPS[name], "typed": _typed(request, name)}
    if order:
        context |= {"next": _next(request), **seen(request, order), "steps": buttons(order, request.user)}
    return render(request, template, context, status=refusal.status)


def _typed(request: StaffRequest, name: str) -> list[tuple[str, str]]:
    """(label, words) of what was filled in. What is ticked or chosen is told as its label on the page, not as its code."""
    fields = form_of(name).base_fields
    typed = []
    for key, values in request.POST.lists():
        # A letter comes in parts, each under the field's name and its own.
        field = fields.get(key) or next((part for of, part in fields.items() if key.startswith(f"{of}_")), None)
        words = "\n".join(_in_words(field, value) for value in values if value)
        if words and key not in CARRIED:
            typed.append((str(field.label if field else _("Reason") if key == "reason" else key), words))
    return typed


def _in_words(field: forms.Field | None, value: str) -> str:
    if isinstance(field, forms.BooleanField):
        return _("Yes")
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        return str(dict(flatten_choices(choices)).get(value, value))
    return value


def _form(
    request: StaffRequest,
    order: WorkOrder,
    name: str,
    form: StepForm,
    *,
    refusal: Refused | None = None,
    since: object = (),
    changes: object = (),
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
        "changes": changes,
        "next": _next(request),
    }
    return render(request, template, context, status=status)
