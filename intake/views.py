from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from intake.forms import RegistrationForm
from intake.services import Voice, register
from workorders.lifecycle import Role
from workorders.refusals import NotAllowed
from workorders.views.request import StaffRequest


@login_required
def registration(request: StaffRequest) -> HttpResponse:
    """登记: one form for every channel."""
    if not request.user.has_role(Role.OPERATOR):
        raise NotAllowed
    form = RegistrationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        order = register(Voice(**_words(form.cleaned_data)), actor=request.user)
        messages.success(request, _("Registered. The number is %(number)s.") % {"number": order.spoken_number})
        return redirect("order", number=order.number)
    return render(request, "intake/registration.html", {"form": form}, status=400 if form.errors else 200)


def _words(cleaned: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cleaned.items() if value not in (None, "")}
