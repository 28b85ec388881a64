"""The unit desk 办理台: cards, one order, its letter. Steps are done by the one view of steps."""

from pathlib import Path
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.forms import modelform_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dispatch import replies, reply_words, unit_desk, unit_page
from dispatch.reply_forms import last_result
from workorders.models import Event, User
from workorders.refusals import NotAllowed, NotVisible
from workorders.views.orders import found
from workorders.views.request import StaffRequest

LAST_PAGE = 100
TelephoneForm = modelform_factory(User, fields=["office_phone"])


@login_required
def desk(request: StaffRequest) -> HttpResponse:
    return _for_offline(request, render(request, "dispatch/unit.html", _desk(request, request.GET.get("tab", ""))))


@login_required
@require_POST
def sign(request: StaffRequest) -> HttpResponse:
    if "sign" not in [tab.name for tab in unit_desk.tabs(request.user)]:
        raise NotAllowed
    numbers = None if "all" in request.POST else request.POST.getlist("number")
    outcomes = unit_desk.sign(request.user, numbers, now=timezone.now())
    return render(request, "dispatch/unit.html", {**_desk(request, ""), "outcomes": outcomes})


@login_required
@require_POST
def telephone(request: StaffRequest) -> HttpResponse:
    """One's own, as it stands in letters and first responses."""
    form = TelephoneForm(request.POST, instance=User.objects.get(pk=request.user.pk))
    if not form.is_valid():
        return render(request, "dispatch/unit.html", {**_desk(request, ""), "telephone": form}, status=400)
    form.save()
    messages.success(request, _("Your telephone is kept. It stands in the next letter."))
    return redirect("unit_desk")


@login_required
def order(request: StaffRequest, number: str) -> HttpResponse:
    context = unit_page.context(found(request, number), request.user, now=timezone.now())
    page = render(request, "dispatch/unit_order.html", {**context, "calling": "call" in request.GET})
    return page if context["looked"] else _for_offline(request, page)


@login_required
def letter(request: StaffRequest, number: str) -> HttpResponse:
    """Of the latest round that has one."""
    order = found(request, number)
    results = [event for event in order.events.all() if event.step == "report"]
    event: Event | None = last_result(order) or (results[-1] if results else None)
    if event is None:
        raise NotVisible
    signed = bool(replies.apart(event.data["text"], reply_words.headings()).get("signature"))
    return render(request, "dispatch/unit_letter.html", {"order": order, "event": event, "signed": signed})


def worker(request: HttpRequest) -> HttpResponse:
    """Under the desk's own address: a service worker answers for the pages below it."""
    script = Path(str(finders.find("jiesu/unit_worker.js"))).read_bytes()
    return HttpResponse(script, "text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})


def _for_offline(request: StaffRequest, page: HttpResponse) -> HttpResponse:
    """What the phone may keep for where there is no network, and for whom; never what was shown for a reason."""
    page["Keep-Offline"] = request.user.pk
    return page


def _desk(request: StaffRequest, name: str) -> dict[str, Any]:
    shelves = unit_desk.shelves(request.user)
    if not shelves:
        return {"shelves": [], "page": None, "tab": ""}
    wanted = name if name in [shelf.name for shelf in shelves] else _first(shelves)
    page = unit_desk.page(request.user, unit_desk.tab_of(request.user, wanted), _page(request))
    return {"shelves": shelves, "tab": wanted, "page": page}


def _first(shelves: list[unit_desk.Shelf]) -> str:
    return next((shelf for shelf in shelves if shelf.count), shelves[0]).name


def _page(request: StaffRequest) -> int:
    page = request.GET.get("page", "1")
    return min(max(int(page), 1), LAST_PAGE) if page.isascii() and page.isdigit() else 1
