"""受理台: the desk that operators work at with a telephone in one ear."""

from dataclasses import fields
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from intake import callers, calls, services
from intake.danger import danger_in
from intake.forms import DeskForm, RegistrationForm
from intake.models import Appeal, Call
from intake.services import Voice, add_to, take, take_and_accept
from intake.triage_views import FROM_A_CALL
from workorders import advice, numbers
from workorders.lifecycle import ClockKind, Role, Status
from workorders.models import WorkOrder
from workorders.refusals import NotVisible, Refused
from workorders.templatetags.console import moment
from workorders.transitions import STEPS, available
from workorders.views.access import for_hotline
from workorders.views.request import StaffRequest, go_to
from workorders.views.strip import follows

CHIPS = 4  # running orders of who calls, in the strip
# What may be done with a call besides accepting it, each with its key. All of it is registered first, so nothing is lost.
ACTS = {"register": "R", "answer": "S", "ask_correction": "C", "decline": "X", "merge": "M", "transfer": "T"}


@never_cache
@for_hotline(Role.OPERATOR)
def desk(request: StaffRequest) -> HttpResponse:
    if request.method == "POST":
        return _file(request)
    asked = request.GET.get("call", "")
    call = calls.opened(asked, request.user, now=timezone.now()) if asked.isprintable() else None
    form = DeskForm(initial={"phone": call.number, "call_key": call.pk} if call else {})
    form.fields["matter" if call else "phone"].widget.attrs["data-begin"] = ""  # where the focus is to stand
    return _shown(request, form, call)


def _file(request: StaffRequest) -> HttpResponse:
    form = DeskForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            return go_to(request, _done(request, form))
        except Refused as refusal:
            form.add_error(None, ValidationError(str(refusal.message)))
        except ValidationError as problem:
            form.add_error(None, problem)
    return _shown(request, form, None, status=400)


def _done(request: StaffRequest, form: DeskForm) -> str:
    """Where the desk goes on."""
    act, voice = form.cleaned_data["act"], _voice(form, request)
    if act.isdigit():
        return _added(request, _order(request, act), voice)
    if act not in (DeskForm.ACCEPT, *ACTS):
        raise ValidationError(_("There is no such button on this desk."))
    filed = take_and_accept if act == DeskForm.ACCEPT else take
    appeal, is_new = filed(voice, actor=request.user)
    if not is_new and appeal.words != voice.matter:
        raise ValidationError(_known_already(appeal))
    if act == DeskForm.ACCEPT:
        messages.success(request, _accepted(appeal.order))
    else:
        registered = _("Registered. The number is %(number)s.") % {"number": appeal.order.spoken_number}
        messages.success(request, f"{registered} {follows(appeal.order)}")
    return reverse("reception") if act in (DeskForm.ACCEPT, DeskForm.REGISTER) else _triage(appeal.order, act)


def _voice(form: DeskForm, request: StaffRequest) -> Voice:
    known = {field.name for field in fields(Voice)}
    given = {name: value for name, value in form.cleaned_data.items() if name in known and value not in (None, "")}
    token, call_key = form.cleaned_data["token"], form.cleaned_data["call_key"]
    call = calls.held(call_key, request.user, now=timezone.now())
    return Voice(source=request.user.username[:60], source_id=str(token or ""), call=call, **given)


def _known_already(appeal: Appeal) -> str:
    """The answer was lost on its way, and the operator went on writing."""
    return format_html(
        _("This was registered before, as {}. Add what is new to that order; the form still holds all of it."),
        appeal.order.spoken_number,
    )


def _added(request: StaffRequest, order: WorkOrder, voice: Voice) -> str:
    order = add_to(order, voice, actor=request.user).order
    if order.status == Status.INCOMPLETE:
        told = _("The correction of %(number)s is recorded. Decide on the order now.")
        messages.success(request, told % {"number": order.spoken_number})
        return f"{reverse('triage', args=[order.number])}?{FROM_A_CALL}"
    if danger_in(voice.matter) and "transfer" in available(order, request.user):
        messages.warning(request, _("The new words speak of danger. Transfer the order, or go back to the desk."))
        return f"{reverse('step', args=[order.number, 'transfer'])}?next={reverse('reception')}"
    added = _("Added to %(number)s.") % {"number": order.spoken_number}
    messages.success(request, f"{added} {follows(order)}")
    return reverse("reception")


def _accepted(order: WorkOrder) -> str:
    due = order.clocks.filter(kind=ClockKind.RESOLUTION).order_by("-started_at").first()
    advised = advice.advise(order.category, order.area) if order.category else []
    told = {
        "number": order.spoken_number,
        "due": moment(due.due_at) if due else "",
        "unit": advised and advised[0].unit,
    }
    if advised:
        return _("Accepted. The number is %(number)s. Due: %(due)s. By the catalogue it goes to: %(unit)s.") % told
    return _("Accepted. The number is %(number)s. Due: %(due)s.") % told


def _triage(order: WorkOrder, step: str) -> str:
    """Return the address where the step's form stands open, and from which the desk is empty again."""
    return f"{reverse('triage', args=[order.number])}?step={step}&{FROM_A_CALL}"


def _acts() -> list[tuple[str, Any, str]]:
    labels = {name: STEPS[name].label for name in ACTS if name != DeskForm.REGISTER}
    return [(name, labels.get(name, _("Register only")), f"Alt+{key}") for name, key in ACTS.items()]


def _order(request: StaffRequest, number: str) -> WorkOrder:
    order = WorkOrder.objects.visible_to(request.user).filter(number=numbers.typed(number)).first()
    if order is None:
        raise NotVisible
    return order


def _shown(request: StaffRequest, form: DeskForm, call: Call | None, status: int = 200) -> HttpResponse:
    around = {} if request.htmx else _around(request, form, call)
    template = "intake/_filing.html" if request.htmx else "intake/reception.html"
    return render(request, template, {"form": form, "acts": _acts(), **around}, status=status)


def _around(request: StaffRequest, form: DeskForm, call: Call | None) -> dict[str, Any]:
    phone = str(form["phone"].value() or "")
    known = callers.of_phone(phone, request.user) if phone and "phone" not in form.errors else None
    became = calls.orders_of(call, request.user) if call else ()
    is_elsewhere = call is None and bool(request.GET.get("call"))
    return {"caller": known, "call": call, "became": became, "is_elsewhere": is_elsewhere}


@for_hotline(Role.OPERATOR)
@require_POST
def caller(request: StaffRequest) -> HttpResponse:
    return _caller(request)


def _caller(request: StaffRequest, **said: Any) -> HttpResponse:
    """The telephone comes in the body: an address is kept in logs."""
    try:
        phone = RegistrationForm.base_fields["phone"].clean(request.POST.get("phone", ""))
    except ValidationError as problem:
        return render(request, "intake/_caller.html", {"problem": problem.messages[0]})
    known = callers.of_phone(phone, request.user) if phone else None
    return render(request, "intake/_caller.html", {"caller": known, **said})


@for_hotline(Role.OPERATOR)
@require_POST
def urge(request: StaffRequest, number: str) -> HttpResponse:
    """催办 by one key. New words are added to the order instead."""
    order = _order(request, number)
    try:
        services.urge(order, actor=request.user, now=timezone.now())
    except Refused as refusal:
        return _caller(request, problem=refusal.message)
    said = _("Urged: %(number)s.") % {"number": order.spoken_number}
    if request.htmx:
        return _caller(request, said=said)
    messages.success(request, said)
    return redirect("reception")


@never_cache
@for_hotline(Role.OPERATOR)
def ringing(request: StaffRequest) -> HttpResponse:
    """Tell an open browser which call rings, with the strip that says so. Nothing new is 204, and costs one query."""
    call = calls.ringing_for(request.user, now=timezone.now())
    if request.GET.get("said", "") == (str(call.pk) if call else ""):
        return HttpResponse(status=204)
    if call is None:
        return JsonResponse({"user": request.user.pk, "call": None})
    caller = callers.of_phone(call.phone, request.user) if call.phone else None
    running = [order for order in caller.orders if order.is_open][:CHIPS] if caller else []  # type: ignore[attr-defined]
    context = {"call": call, "phone": call.masked_phone, "caller": caller, "running": running}
    strip = render_to_string("intake/_ringing.html", context, request)
    words = _("%(phone)s calls") % {"phone": call.masked_phone}
    return JsonResponse({"user": request.user.pk, "call": call.pk, "strip": strip, "words": words})
