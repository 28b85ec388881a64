"""Doing steps, one order or many: the same `perform()` as the console."""

import re
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from workorders import numbers
from workorders.api import parts
from workorders.api.asked import misfits, plain, schema_of
from workorders.api.base import ApiView, caller, found
from workorders.api.body import body
from workorders.api.errors import PreconditionFailed, invalid
from workorders.api.etags import version_wanted
from workorders.api.examples import DONE, answered
from workorders.api.idempotency import idempotent
from workorders.api.input import BoundedMultiPartParser, StrictJSONParser, refuse_unknown
from workorders.api.orders import attachments_of
from workorders.api.problems import body_of
from workorders.api.schema import FORM, JSON, page_of
from workorders.api.scopes import Scope
from workorders.api.serializers import AttachmentSerializer, EventSerializer, OrderSerializer, ProblemSerializer
from workorders.api.step_schema import VERSION, StepSchema
from workorders.forms import CodesField, FilesField
from workorders.models import Event, WorkOrder
from workorders.permissions import may_act
from workorders.reading import said_for
from workorders.refusals import Invalid, NotAllowed, NotVisible, Refused, StaleVersion
from workorders.transitions import STEPS, available, form_of, perform

HANDLE = {"POST": Scope.ORDERS_HANDLE}
MANY = 200
DIGITS = re.compile(r"[0-9]{1,9}")
NUMBERS = {
    "type": "object",
    "properties": {
        "numbers": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "maxItems": MANY,
            "description": "The orders' numbers",
        },
    },
    "required": ["numbers"],
    "additionalProperties": False,
}
ATTACHED = {
    "type": "object",
    "properties": {
        "files": {**schema_of(FilesField()), "minItems": 1, "description": "Of up to 20 MB each"},
        "text": {"type": "string", "maxLength": 4000, "description": "What they are; else the note names the files"},
        "version": VERSION,
    },
    "required": ["files"],
    "additionalProperties": False,
}


class AttachedSerializer(serializers.Serializer[Any]):
    event = EventSerializer()
    results = AttachmentSerializer(many=True)


class SignedSerializer(serializers.Serializer[Any]):
    """One order of a bulk call: `order` where it was signed, `problem` where it was refused."""

    number = serializers.CharField()
    signed = serializers.BooleanField()
    order = OrderSerializer(required=False)
    problem = ProblemSerializer(required=False)


class BulkSerializer(serializers.Serializer[Any]):
    results = SignedSerializer(many=True)


class OrderStep(ApiView):
    """`step` is set by the address: every step has one of its own."""

    tag, schema = "steps", StepSchema()
    scopes = HANDLE
    parser_classes = [StrictJSONParser, BoundedMultiPartParser]
    step = ""

    @idempotent
    def post(self, request: Request, number: str, step: str = "") -> Response:
        name = self._name(step)
        order = found(request, number)
        event = done(request, order, name)
        said = said_for(event.order, caller(request), now=timezone.now())
        shown = {"event": EventSerializer(event).data, "order": {**OrderSerializer(event.order).data, **said}}
        answer = parts.answer_of(name)
        if answer:
            shown[answer.name] = answer.shown(event.order, caller(request))
        return Response(shown)

    def again(self, request: Request, shown: Any, **where: Any) -> Any:
        """What is shown for a reason alone is for whoever may still give one, and to see it today."""
        order, name = found(request, where["number"]), self._name(where.get("step", ""))
        answer = parts.answer_of(name)
        if answer is None:
            return shown
        if not may_act(STEPS[name], order, caller(request)):
            raise NotAllowed
        said = said_for(order, caller(request), now=timezone.now())
        shown = {**shown, "order": {**shown["order"], **said}}
        return {**shown, answer.name: answer.shown(order, caller(request))}

    def _name(self, step: str) -> str:
        return (self.step or step).replace("-", "_")


def done(request: Request, order: WorkOrder, name: str) -> Event:
    actor, data = caller(request), body(request)
    wanted, version = version_wanted(request, order), _version(data)
    # Who may not do the step now hears that, not what is wrong with the input.
    given = _checked(request, order, name, data) if name in available(order, actor) else {}
    try:
        return perform(order.pk, name, actor=actor, version=version or wanted, files=_files(request), **given)
    except StaleVersion as refusal:
        raise (PreconditionFailed(order=refusal.order) if wanted else refusal) from None


def _version(data: dict[str, Any]) -> int | None:
    given = data.pop("version", None)
    if isinstance(given, list) and len(given) == 1 and DIGITS.fullmatch(given[0]):
        given = int(given[0])
    if given is not None and (type(given) is not int or given < 1):
        raise invalid({"version": [_("A whole number from 1 on.")]})
    return given


def _checked(request: Request, order: WorkOrder, name: str, data: dict[str, Any]) -> dict[str, Any]:
    fields = form_of(name)(order=order, step=STEPS[name], actor=caller(request)).fields
    refuse_unknown(data, set(fields) - {"files"} | {"version"})
    if isinstance(request.data, QueryDict):
        return {one: data[one] if isinstance(fields[one], CodesField) else data[one][-1] for one in data}
    wrong = misfits(fields, data)
    if wrong:
        raise Invalid(fields=wrong, order=order)
    return plain(data.items())


def _files(request: Request) -> list[UploadedFile]:
    refuse_unknown(request.FILES, {"files"})
    return request.FILES.getlist("files")


class OrderAttachments(ApiView):
    """The order's files. They come with steps; a file alone comes with a note."""

    operation, tag, summary = "workorder_attachments", "files", "An order's files"
    scopes = {"GET": Scope.ORDERS_READ, "POST": Scope.ORDERS_HANDLE}
    answers = {"GET": {200: page_of(AttachmentSerializer, paged=False)}, "POST": {201: AttachedSerializer}}
    asked = {FORM: ATTACHED}
    parser_classes = [BoundedMultiPartParser]

    def get(self, request: Request, number: str) -> Response:
        return Response({"results": attachments_of(request, found(request, number))})

    @idempotent
    def post(self, request: Request, number: str) -> Response:
        order, data, files = found(request, number), body(request), _files(request)
        refuse_unknown(data, {"text", "version"})
        if not files:
            raise invalid({"files": [_("At least one file is asked for.")]})
        text = data.get("text", [""])[-1] or "、".join(str(file.name) for file in files)[:500]
        wanted, version = version_wanted(request, order), _version(data)
        event = perform(order.pk, "note", actor=caller(request), version=version or wanted, files=files, text=text)
        new = [one for one in attachments_of(request, order) if one["event"] == event.number]
        return Response({"event": EventSerializer(event).data, "results": new}, status=201)


class BulkSign(ApiView):
    """Sign up to 200 orders in one call. Each is done or refused for itself, as if it had been sent alone."""

    operation, tag, summary = "bulk_sign", "steps", "Sign many orders"
    scopes = HANDLE
    answers = {"POST": {200: BulkSerializer}}
    asked = {JSON: NUMBERS}
    examples = {
        "POST": [
            OpenApiExample("two", {"numbers": ["2611220000427", "2611220000431"]}, request_only=True),
            answered({"results": [{"number": "2611220000427", "signed": True, "order": DONE["order"]}]}),
        ]
    }

    @idempotent
    def post(self, request: Request) -> Response:
        return Response({"results": [self._signed(request, number) for number in _numbers(request)]})

    def again(self, request: Request, shown: Any, **where: Any) -> Any:
        numbers = [one["number"] for one in shown["results"]]
        seen = set(
            WorkOrder.objects.visible_to(caller(request)).filter(number__in=numbers).values_list("number", flat=True)
        )
        return {
            "results": [
                one if one["number"] in seen else _unsigned(one["number"], NotVisible()) for one in shown["results"]
            ]
        }

    def _signed(self, request: Request, number: str) -> dict[str, Any]:
        try:
            event = perform(found(request, number).pk, "sign", actor=caller(request))
        except Refused as refusal:
            return _unsigned(number, refusal)
        return {"number": number, "signed": True, "order": OrderSerializer(event.order).data}


def _unsigned(number: str, refusal: Refused) -> dict[str, Any]:
    refused = body_of(refusal.status, refusal.code, str(refusal.message))
    return {"number": number, "signed": False, "problem": refused}


def _numbers(request: Request) -> list[str]:
    data = body(request)
    refuse_unknown(data, {"numbers"})
    given = data.get("numbers")
    if not isinstance(given, list) or not 1 <= len(given) <= MANY or not all(isinstance(one, str) for one in given):
        raise invalid({"numbers": [_("A list of 1 to %(many)s order numbers.") % {"many": MANY}]})
    # Sorted: two calls that lock the same orders never wait for each other in a circle.
    return sorted({_whole(one) for one in given})


def _whole(given: str) -> str:
    """However it was typed; what is no number is answered as it was sent."""
    number = numbers.typed(given)
    return number if numbers.is_valid(number) else given


class NoSuchAddress(ApiView):
    """What is not an address of the API is answered in its shape too."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotVisible(_("There is no such address. Every address ends with a slash."))
