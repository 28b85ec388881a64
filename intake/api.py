"""Other channels register and follow appeals; the telephone system announces calls."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from intake import calls
from intake.forms import RegistrationForm
from intake.models import Appeal, Call
from intake.services import Voice, take
from intake.shown import CallSerializer, ProgressSerializer, progress, screen_pop
from workorders import numbers, telephones
from workorders.api.base import ApiView, caller
from workorders.api.body import cleaned
from workorders.api.errors import invalid
from workorders.api.examples import POP, PROGRESS, answered
from workorders.api.idempotency import idempotent
from workorders.api.schema import JSON
from workorders.api.scopes import Scope
from workorders.lifecycle import Role
from workorders.models import User
from workorders.permissions import is_of_hotline
from workorders.refusals import NotAllowed, NotVisible

APPEAL = OpenApiExample(
    "noise",
    {
        "matter": "小区楼下夜间施工，噪音扰民，连续三天。",
        "kind": "complaint",
        "channel": "app",
        "area": "110105009",
        "name": "王小明",
        "phone": "13800001234",
        "source_id": "app-20261122-0001",
    },
    request_only=True,
)
CALL = OpenApiExample("call", {"call_id": "pbx-7731", "phone": "13800001234", "line": "12345"}, request_only=True)


class AppealForm(RegistrationForm):
    source_id = forms.CharField(
        label=_("Id in the channel"),
        max_length=100,
        required=False,
        help_text=_("Sent again, it is the same appeal and is answered with the same order."),
    )
    call_id = forms.CharField(
        label=_("Id of the call it came by"),
        max_length=100,
        required=False,
        help_text=_("As this system announced it by POST /calls/."),
    )


class CallForm(forms.Form):
    call_id = forms.CharField(label=_("Id in the telephone system"), max_length=100)
    phone = RegistrationForm.base_fields["phone"]
    line = forms.CharField(label=_("Line that was called"), max_length=40, required=False)
    agent = forms.CharField(
        label=_("User name of the operator it goes to"),
        max_length=150,
        required=False,
        help_text=_("Announced again for another one, it rings there."),
    )
    started_at = forms.DateTimeField(label=_("Started at"), required=False, help_text=_("Now, where it is not given"))

    def clean_agent(self) -> str:
        """Else it would ring nowhere, and nobody would know."""
        agent: str = self.cleaned_data["agent"]
        operators = User.objects.filter(is_active=True, roles__contains=[Role.OPERATOR])
        if agent and not operators.filter(username=agent).exists():
            raise forms.ValidationError(_("There is no operator of this name."))
        return agent

    def clean_started_at(self) -> datetime | None:
        started_at, now = self.cleaned_data["started_at"], timezone.now()
        if started_at and abs(started_at - now) > timedelta(days=7):
            raise forms.ValidationError(_("A call is announced when it comes in."))
        return started_at


class ChannelView(ApiView):
    def again(self, request: Request, shown: Any, **where: Any) -> Any:
        operator(request)
        return shown


class Appeals(ChannelView):
    """A channel (app, mini-program, city portal, telephone system) registers what somebody asked."""

    operation, tag, summary = "appeals", "intake", "Register an appeal"
    scopes = {"POST": Scope.APPEALS_WRITE}
    asked = {JSON: AppealForm}
    answers = {"POST": {201: ProgressSerializer, 200: ProgressSerializer}}
    examples = {"POST": [APPEAL, answered(PROGRESS, 201)]}

    @idempotent
    def post(self, request: Request) -> Response:
        actor = operator(request)
        given, source = _given(request, AppealForm), source_of(actor)
        call = _announced(source, given.pop("call_id", ""))
        appeal, is_new = take(Voice(source=source, call=call, **given), actor=actor)
        address = reverse("api_appeal", kwargs={"number": appeal.order.number}, request=request)
        return Response(progress(appeal), status=201 if is_new else 200, headers={"Location": address})


class AppealProgress(ApiView):
    """How far an appeal has come, for the channel that brought it."""

    operation, tag, summary = "appeal", "intake", "Follow an appeal"
    scopes = {"GET": Scope.APPEALS_WRITE}
    answers = {"GET": {200: ProgressSerializer}}
    examples = {"GET": [answered(PROGRESS)]}

    def get(self, request: Request, number: str) -> Response:
        mine = Appeal.objects.filter(source=source_of(operator(request)), order__number=numbers.typed(number))
        appeal = mine.select_related("order__lead_unit").first()
        if appeal is None:
            raise NotVisible
        return Response(progress(appeal))


class Calls(ChannelView):
    """The telephone system announces a call, and hears what is known of the caller."""

    operation, tag, summary = "calls", "intake", "Announce a call"
    scopes = {"POST": Scope.APPEALS_WRITE}
    asked = {JSON: CallForm}
    answers = {"POST": {201: CallSerializer, 200: CallSerializer}}
    examples = {"POST": [CALL, answered(POP, 201)]}

    @idempotent
    def post(self, request: Request) -> Response:
        actor, now = operator(request), timezone.now()
        given = _given(request, CallForm)
        kept = {
            "started_at": now,
            "announced_at": now,
            **given,
            "phone": telephones.read(given.get("phone", "")).written,
        }
        call, is_new = Call.objects.get_or_create(source=source_of(actor), call_id=kept.pop("call_id"), defaults=kept)
        if not is_new:
            calls.put_through(call, kept.get("agent", ""), now=now)
        return Response(screen_pop(call, actor), status=201 if is_new else 200)


def operator(request: Request) -> User:
    actor = caller(request)
    if not is_of_hotline(actor, Role.OPERATOR):
        raise NotAllowed
    return actor


def source_of(actor: User) -> str:
    """Nobody can bring an appeal in another's name, or read it."""
    return actor.username[:60]


def _announced(source: str, call_id: str) -> Call | None:
    if not call_id:
        return None
    call = Call.objects.filter(source=source, call_id=call_id).first()
    if call is None:
        raise invalid({"call_id": [str(_("This system has announced no call with this id."))]})
    return call


def _given(request: Request, form: type[forms.Form]) -> dict[str, Any]:
    """What is left empty keeps its default."""
    return {name: value for name, value in cleaned(request, form).items() if value not in (None, "")}


urlpatterns = [
    path("appeals/", Appeals.as_view(), name="api_appeals"),
    path("appeals/<str:number>/", AppealProgress.as_view(), name="api_appeal"),
    path("calls/", Calls.as_view(), name="api_calls"),
]
