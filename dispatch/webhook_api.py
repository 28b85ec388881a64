"""Subscriptions to events over HTTP, for a unit's own systems and its supervisors."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from dispatch import deliveries, targets, webhooks
from dispatch.models import Delivery, Webhook
from dispatch.models.webhook import ALL_EVENTS
from workorders.api.base import ApiView, caller
from workorders.api.body import cleaned
from workorders.api.etags import refuse_changed
from workorders.api.examples import DELIVERY, HOOK, answered, page
from workorders.api.idempotency import idempotent
from workorders.api.paging import CursorPager, Ordering, listed
from workorders.api.schema import JSON, page_of
from workorders.api.scopes import Scope, scopes_of
from workorders.lifecycle import Role
from workorders.models import Unit, WorkOrder
from workorders.refusals import Invalid, NotAllowed, NotVisible, WrongState
from workorders.transitions import STEPS

MOST = 20
NOTHING = {JSON: forms.Form}  # what a POST without a body takes
STATUS = OpenApiParameter("status", str, enum=Delivery.State.values)
WRITE = Scope.WEBHOOKS_WRITE
SUBSCRIBE = OpenApiExample("all", {"url": HOOK["url"], "event_types": [ALL_EVENTS]}, request_only=True)
SWITCH_ON = OpenApiExample("on again", {"is_active": True}, request_only=True)
EVENT_TYPES = [
    (ALL_EVENTS, gettext_lazy("All events")),
    ("register", pgettext_lazy("step", "Register")),
    *((name, step.label) for name, step in STEPS.items()),
]


class WebhookForm(forms.Form):
    url = forms.CharField(label=gettext_lazy("Address"), max_length=500, help_text=gettext_lazy("https://…"))
    event_types = forms.MultipleChoiceField(label=gettext_lazy("Steps it is told of"), choices=EVENT_TYPES)

    def clean_url(self) -> str:
        try:
            targets.check(self.cleaned_data["url"])
        except targets.BadTarget as problem:
            raise ValidationError(problem.message) from None
        return self.cleaned_data["url"]

    def clean_event_types(self) -> list[str]:
        return list(dict.fromkeys(self.cleaned_data["event_types"]))


class ChangeForm(WebhookForm):
    is_active = forms.BooleanField(label=gettext_lazy("Switched on"))

    def __init__(self, data: dict[str, Any], **options: Any) -> None:
        """Only what is given is asked for."""
        super().__init__(data, **options)
        for name in set(self.fields) - set(data):
            del self.fields[name]
        if "is_active" in data:
            self.fields["is_active"].required = False


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    is_active = serializers.BooleanField()
    notice = serializers.CharField(help_text=gettext_lazy("Why it is switched off: owner, failing, gone, revoked"))
    notice_text = serializers.CharField(source="get_notice_display", help_text=gettext_lazy("The same, for people"))

    class Meta:
        model = Webhook
        fields = (
            "id",
            "url",
            "event_types",
            "is_active",
            "notice",
            "notice_text",
            "switched_off_at",
            "failing_since",
            "previous_secret_until",
            "created_at",
        )
        read_only_fields = fields


class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(help_text=gettext_lazy("Shown this once. It checks the signatures"))

    class Meta:
        model = Webhook
        fields = (*WebhookSerializer.Meta.fields, "secret")
        read_only_fields = fields


class AttemptSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    code = serializers.IntegerField(allow_null=True, help_text=gettext_lazy("The HTTP status of the answer"))
    error = serializers.CharField(help_text=gettext_lazy("What was wrong, in a word; empty when it was delivered"))
    ms = serializers.IntegerField(help_text=gettext_lazy("How long it took"))


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    message_id = serializers.CharField(help_text=gettext_lazy("The header webhook-id, the same at every attempt"))
    event = serializers.SerializerMethodField(help_text=gettext_lazy("The event's place in the feed; null for a test"))
    step = serializers.CharField(source="event.step", default="test")
    order = serializers.CharField(source="event.order.number", default=None, allow_null=True)
    status = serializers.ChoiceField(Delivery.State.choices, source="state")
    log = AttemptSerializer(many=True)

    class Meta:
        model = Delivery
        fields = (
            "id",
            "message_id",
            "event",
            "step",
            "order",
            "status",
            "attempts",
            "next_attempt_at",
            "last_code",
            "last_error",
            "log",
            "created_at",
            "delivered_at",
        )
        read_only_fields = fields

    def get_event(self, delivery: Delivery) -> str | None:
        return delivery.message_id.removeprefix("evt_") if delivery.event else None


class WebhookView(ApiView):
    def again(self, request: Request, shown: Any, **where: Any) -> Any:
        one(request, where["pk"]) if "pk" in where else unit_of(request)
        return shown


class Webhooks(WebhookView):
    """The unit's webhooks. Creating one answers with its secret, once."""

    operation, tag, summary = "webhooks", "webhooks", "Webhooks"
    scopes = {"GET": WRITE, "POST": WRITE}
    asked = {JSON: WebhookForm}
    answers = {"GET": {200: page_of(WebhookSerializer, paged=False)}, "POST": {201: NewWebhookSerializer}}
    examples = {
        "POST": [SUBSCRIBE, answered({**HOOK, "secret": "whsec_…"}, 201)],
        "GET": [answered({"results": [HOOK]})],
    }

    def get(self, request: Request) -> Response:
        return Response({"results": WebhookSerializer(mine(request), many=True).data})

    @idempotent
    def post(self, request: Request) -> Response:
        if mine(request).count() >= MOST:
            raise WrongState(_("A unit keeps at most %(most)s webhooks.") % {"most": MOST})
        given = cleaned(request, WebhookForm)
        webhook = webhooks.subscribe(unit_of(request), actor=caller(request), now=timezone.now(), **given)
        address = reverse("api_webhook", kwargs={"pk": webhook.pk}, request=request)
        return Response(NewWebhookSerializer(webhook).data, status=201, headers={"Location": address})


class WebhookDetail(WebhookView):
    """One webhook. `is_active` switches it off, and on again: it goes on where it stopped."""

    operation, tag, summary = "webhook", "webhooks", "One webhook"
    scopes = dict.fromkeys(("GET", "PATCH", "DELETE"), WRITE)
    asked = {JSON: ChangeForm}
    answers = {"GET": {200: WebhookSerializer}, "PATCH": {200: WebhookSerializer}, "DELETE": {204: None}}
    examples = {"GET": [answered(HOOK)], "PATCH": [SWITCH_ON, answered(HOOK)]}

    def get(self, request: Request, pk: int) -> Response:
        return Response(WebhookSerializer(one(request, pk)).data)

    def patch(self, request: Request, pk: int) -> Response:
        refuse_changed(request, self.get(request, pk).data)
        webhook, given = one(request, pk), cleaned(request, ChangeForm)
        switch = given.pop("is_active", None)
        Webhook.objects.filter(pk=webhook.pk).update(**given) if given else None
        if switch is True:
            webhooks.switch_on(webhook)
        if switch is False:
            webhooks.switch_off(webhook, Webhook.Notice.OWNER, now=timezone.now())
        return self.get(request, pk)

    def delete(self, request: Request, pk: int) -> Response:
        refuse_changed(request, self.get(request, pk).data)
        one(request, pk).delete()
        return Response(status=204)


class WebhookSecret(WebhookView):
    """A new secret. For 24 hours deliveries carry two signatures, one by the secret of before."""

    operation, tag, summary = "webhook_secret", "webhooks", "A new secret"
    scopes = {"POST": WRITE}
    asked = NOTHING
    answers = {"POST": {200: NewWebhookSerializer}}

    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        webhook = one(request, pk)
        webhooks.rotate(webhook, now=timezone.now())
        return Response(NewWebhookSerializer(webhook).data)


class WebhookTest(WebhookView):
    """Sends a message of the form of an event whose step is `test`."""

    operation, tag, summary = "webhook_test", "webhooks", "Send a test"
    scopes = {"POST": WRITE}
    asked = NOTHING
    answers = {"POST": {202: DeliverySerializer}}

    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        return Response(DeliverySerializer(deliveries.try_out(one(request, pk), now=timezone.now())).data, status=202)


class Deliveries(ApiView):
    """What was sent, is to be sent, and could not be sent, the newest first, with the log of attempts."""

    operation, tag, summary = "deliveries", "webhooks", "What was sent"
    scopes = {"GET": WRITE}
    query = ("status",)
    pager = CursorPager({"id": Ordering("pk")}, default="-id")
    answers = {"GET": {200: page_of(DeliverySerializer)}}
    examples = {"GET": [answered(page(DELIVERY))]}

    @extend_schema(parameters=[STATUS])
    def get(self, request: Request, pk: int) -> Response:
        rows = _deliveries(one(request, pk))
        state = request.query_params.get("status")
        if state is not None and state not in Delivery.State:
            raise Invalid(
                fields={"status": [_("Possible are: %(names)s.") % {"names": ", ".join(Delivery.State.values)}]}
            )
        page, following = self.pager.page(rows.filter(state=state) if state else rows, request)
        return listed(DeliverySerializer(page, many=True).data, following)


class Replay(WebhookView):
    """Sends a delivery again, at once, under the same message id."""

    operation, tag, summary = "replay", "webhooks", "Send it again"
    scopes = {"POST": WRITE}
    asked = NOTHING
    answers = {"POST": {202: DeliverySerializer}}

    @idempotent
    def post(self, request: Request, pk: int, delivery: int) -> Response:
        found = _deliveries(one(request, pk)).filter(pk=delivery).first()
        if found is None:
            raise NotVisible(_("There is no such delivery."))
        deliveries.replay(found, now=timezone.now())
        return Response(DeliverySerializer(found).data, status=202)


def unit_of(request: Request) -> Unit:
    """Whoever sends a unit's events elsewhere sees them: a machine with the scope, or the unit's supervisor."""
    user = caller(request)
    entitled = scopes_of(request) is not None or user.has_role(Role.SUPERVISOR)
    if user.unit is None or not entitled or WorkOrder.objects.visible_to(user).query.is_empty():
        raise NotAllowed(_("A unit's supervisor, or its system with the scope, keeps its webhooks."))
    return user.unit


def mine(request: Request) -> QuerySet[Webhook]:
    return Webhook.objects.filter(unit=unit_of(request))


def one(request: Request, pk: int) -> Webhook:
    webhook = mine(request).select_related("unit").filter(pk=pk).first()
    if webhook is None:
        raise NotVisible(_("There is no such webhook."))
    return webhook


def _deliveries(webhook: Webhook) -> QuerySet[Delivery]:
    return webhook.deliveries.select_related("webhook", "event__order").defer(
        "event__order__matter", "event__order__tokens", "event__order__comparable"
    )


WEBHOOK = "webhooks/<int:pk>/"

urlpatterns = [
    path("webhooks/", Webhooks.as_view(), name="api_webhooks"),
    path(WEBHOOK, WebhookDetail.as_view(), name="api_webhook"),
    path(f"{WEBHOOK}secret/", WebhookSecret.as_view(), name="api_webhook_secret"),
    path(f"{WEBHOOK}test/", WebhookTest.as_view(), name="api_webhook_test"),
    path(f"{WEBHOOK}deliveries/", Deliveries.as_view(), name="api_deliveries"),
    path(f"{WEBHOOK}deliveries/<int:delivery>/replay/", Replay.as_view(), name="api_replay"),
]
