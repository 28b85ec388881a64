"""What the API shows of appeals, complainants and calls. Names and numbers are masked wherever nobody gave a reason."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from intake import callers, calls, confidence, corrections, merged_orders, panels
from intake.models import Appeal, Call, Complainant, Correction
from intake.status_words import status_for_complainant
from workorders.api.serializers import CodeOf, MaskedText
from workorders.fields import mask_telephone
from workorders.lifecycle import OPEN, ClockKind, Status
from workorders.masking import masked
from workorders.models import Event, User, WorkOrder

RECENT = timedelta(days=90)
SHOWN = 20
TOLD_BY = ("answer", "decline", "report")  # the steps whose text is meant for the complainant
TOLD_AT = (Status.ANSWERED, Status.DECLINED, Status.CALLBACK, Status.CLOSED, Status.REVIEWING, Status.ARCHIVED)


class StageSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(Status.choices)
    at = serializers.DateTimeField()


class ProgressSerializer(serializers.Serializer[Any]):
    """What a channel may tell whoever asks how far it has come."""

    number = serializers.CharField()
    spoken_number = serializers.CharField(help_text=_("In groups, for reading aloud"))
    source_id = serializers.CharField(allow_blank=True)
    title = serializers.CharField()
    status = serializers.ChoiceField(Status.choices)
    status_label = serializers.CharField()
    lead_unit = serializers.CharField(allow_null=True, help_text=_("Code of the unit that handles it"))
    received_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True, help_text=_("Until when it is to be resolved"))
    ended_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(allow_null=True, help_text=_("What the complainant is told, once it is out"))
    stages = StageSerializer(many=True)


class CallerSerializer(serializers.Serializer[Any]):
    known = serializers.BooleanField()
    name = serializers.CharField(allow_blank=True, help_text=_("Masked"))
    phone = serializers.CharField(allow_blank=True, help_text=_("Masked"))


class HistorySerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    open = serializers.IntegerField()
    recent = serializers.IntegerField(help_text=_("Registered in the last 90 days"))


class OpenOrderSerializer(serializers.ModelSerializer[WorkOrder]):
    title = MaskedText()
    lead_unit = CodeOf(allow_null=True)
    status = serializers.ChoiceField(Status.choices)

    class Meta:
        model = WorkOrder
        fields = ("number", "title", "status", "lead_unit", "registered_at")
        read_only_fields = fields


class CallSerializer(serializers.Serializer[Any]):
    call_id = serializers.CharField()
    caller = CallerSerializer()
    history = HistorySerializer()
    open_orders = OpenOrderSerializer(many=True, help_text=_("The newest 20"))
    became = serializers.ListField(
        child=serializers.CharField(), help_text=_("Numbers of the orders that this call became or was added to")
    )


class ComplainantSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(allow_blank=True, help_text=_("Masked"))
    phone = serializers.CharField(allow_blank=True, help_text=_("Masked"))
    anonymous = serializers.BooleanField(help_text=_("To the caller; then `relay` says how to reach them"))
    relay = serializers.CharField(allow_blank=True)
    doubts = serializers.ListField(
        child=serializers.CharField(), help_text=_("What is to be asked again of the telephone or the identity number")
    )


class RevealedSerializer(ComplainantSerializer):
    name = serializers.CharField(allow_blank=True)
    phone = serializers.CharField(allow_blank=True)
    phone_written = serializers.CharField(allow_blank=True)
    identity = serializers.CharField(allow_blank=True)
    address = serializers.CharField(allow_blank=True)


class AppealSerializer(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(Appeal.Channel.choices)
    received_at = serializers.DateTimeField()
    complainant = ComplainantSerializer()
    call_back_at = serializers.DateTimeField(allow_null=True)
    green_channel = serializers.CharField(allow_blank=True, help_text=_("elderly, disabled or other; empty for none"))
    home_visit = serializers.BooleanField()


def progress(appeal: Appeal) -> dict[str, Any]:
    """How far it has come: under the number and the title of its own, where it was merged by the order it goes on in."""
    order = merged_orders.last_of(appeal.order)
    events = list(order.events.order_by("number"))
    due = order.clocks.filter(kind=ClockKind.RESOLUTION).order_by("-started_at").values_list("due_at", flat=True)
    shown = {
        "number": appeal.order.number,
        "spoken_number": appeal.order.spoken_number,
        "source_id": appeal.source_id,
        "title": masked(appeal.order.title),
        "status": order.status,
        "status_label": status_for_complainant(order, events),
        "lead_unit": order.lead_unit.code if order.lead_unit else None,
        "received_at": appeal.received_at,
        "due_at": due.first(),
        "ended_at": order.ended_at,
        "answer": _answer(order, events, appeal.order),
        "stages": [{"status": event.target, "at": event.at} for event in _stages(appeal.order, order, events)],
    }
    return dict(ProgressSerializer(shown).data)


def _stages(own: WorkOrder, order: WorkOrder, events: list[Event]) -> list[Event]:
    """Its own way, and from the merge on that of the order it goes on in."""
    moves = [event for event in events if event.source != event.target]
    if own == order:
        return moves
    before = [event for event in own.events.order_by("number") if event.source != event.target]
    merged = max((event.at for event in before if event.target == Status.MERGED), default=own.registered_at)
    return [event for event in before if event.at <= merged] + [event for event in moves if event.at > merged]


def _answer(order: WorkOrder, events: list[Event], own: WorkOrder) -> str | None:
    if order.status == Status.INCOMPLETE:
        correction = Correction.objects.filter(order=order, ended_at=None).first()
        return corrections.words_of(correction, own) if correction else None
    if order.status == Status.WITHDRAWN:
        return next((event.reason for event in events[::-1] if event.step == "lapse_correction"), None)
    told = [event.data.get("text") for event in events if event.step in TOLD_BY]
    return told[-1] if told and order.status in TOLD_AT else None


def screen_pop(call: Call, actor: User) -> dict[str, Any]:
    people = list(Complainant.by_phone(call.phone).order_by("-pk"))
    theirs = callers.orders_of(people, actor)
    counts = theirs.aggregate(
        total=Count("pk"),
        open=Count("pk", filter=Q(status__in=OPEN)),
        recent=Count("pk", filter=Q(registered_at__gte=call.announced_at - RECENT)),
    )
    name = people[0].masked["name"] if people else ""
    shown = {
        "call_id": call.call_id,
        "caller": {"known": bool(people), "name": name, "phone": mask_telephone(call.phone)},
        "history": counts,
        "open_orders": theirs.filter(status__in=OPEN).select_related("lead_unit").defer("tokens")[:SHOWN],
        "became": list(calls.orders_of(call, actor).values_list("number", flat=True)),
    }
    return dict(CallSerializer(shown).data)


def appeals_of(order: WorkOrder, user: Any) -> list[dict[str, Any]]:
    """The part of an order that says who asked."""
    hidden = confidence.is_hidden(order, user)
    return [
        {
            "channel": appeal.channel,
            "received_at": appeal.received_at,
            "complainant": _person(appeal, hidden, confidence.masked),
            "call_back_at": appeal.call_back_at,
            "green_channel": appeal.green_channel,
            "home_visit": appeal.home_visit,
        }
        for appeal in _appeals(order)
    ]


def revealed_of(order: WorkOrder, user: Any) -> list[dict[str, Any]]:
    hidden = confidence.is_hidden(order, user)
    return [_person(appeal, hidden, confidence.revealed) for appeal in _appeals(order)]


def _appeals(order: WorkOrder) -> Any:
    return panels.appeals_under(order)


def _person(appeal: Appeal, hidden: bool, seen: Any) -> dict[str, Any]:
    note = confidence.relay_note() if hidden else ""
    return {
        "phone_written": "",
        "doubts": [],
        **seen(appeal, hidden=hidden),
        "anonymous": hidden or appeal.complainant is None,
        "relay": note,
    }
