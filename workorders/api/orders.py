"""Reading orders: the list, one order with what the caller may do on it, its ledger, its files."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import FileResponse
from django.utils import timezone
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample
from rest_framework.request import Request
from rest_framework.response import Response

from workorders.api import parts
from workorders.api.asked import asked_by
from workorders.api.base import RELATED, ApiView, caller, chosen_fields, found, narrowed
from workorders.api.etags import tagged
from workorders.api.examples import DETAIL, DUE, ORDER, SIGNED, answered, page
from workorders.api.filters import OrderFilter
from workorders.api.paging import CursorPager, Ordering, by_time, listed
from workorders.api.schema import page_of
from workorders.api.scopes import Scope, allows
from workorders.api.serializers import (
    AttachmentSerializer,
    ClockSerializer,
    EventSerializer,
    ListedOrderSerializer,
    OrderDetailSerializer,
)
from workorders.models import Attachment, Clock, Event, WorkOrder
from workorders.reading import reads_plain, said_for
from workorders.refusals import NotVisible
from workorders.transitions import STEPS, available, form_of

NARROW = OpenApiExample("In handling, the most pressing first", "handling", parameter_only=("status", "query"))
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
READ = {"GET": Scope.ORDERS_READ}


def with_times(orders: QuerySet[WorkOrder]) -> QuerySet[WorkOrder]:
    """`due_at`, the earliest deadline that runs, and `updated_at`, when the last step was done."""
    running = Clock.objects.running().filter(order=OuterRef("pk"), paused_at=None).order_by("due_at")
    last = Event.objects.filter(order=OuterRef("pk"), number=OuterRef("version"))
    return orders.annotate(
        due_at=Subquery(running.values("due_at")[:1]),
        updated_at=Coalesce(Subquery(last.values("at")[:1]), F("registered_at")),
    )


class WorkOrders(ApiView):
    """The orders that the caller's unit, or a unit below it, leads or co-handles; the newest first."""

    operation, tag, summary = "workorders", "orders", "List orders, or fetch many by `number`"
    scopes = READ
    answers = {"GET": {200: page_of(ListedOrderSerializer)}}
    examples = {"GET": [NARROW, answered(page({**ORDER, **DUE}))]}
    sparse = ListedOrderSerializer
    pager = CursorPager(
        {
            "number": Ordering("pk"),
            "registered_at": by_time("registered_at"),
            "updated_at": by_time("updated_at"),
            "due_at": by_time("due_key"),
        },
        default="-number",
    )
    filterset_class = OrderFilter

    def known_parameters(self) -> set[str]:
        return super().known_parameters() | set(OrderFilter.base_filters)

    def get(self, request: Request) -> Response:
        orders = with_times(WorkOrder.objects.visible_to(caller(request)).select_related(*RELATED).defer("tokens"))
        orders = orders.annotate(due_key=Coalesce("due_at", Value(NEVER)))
        orders = DjangoFilterBackend().filter_queryset(request, orders, self)
        names = chosen_fields(request, ListedOrderSerializer.Meta.fields)
        page, following = self.pager.page(orders, request)
        return listed([narrowed(shown, names) for shown in ListedOrderSerializer(page, many=True).data], following)


class WorkOrderDetail(ApiView):
    """One order with its clocks, what the caller may do on it now (`actions`), and who asked, masked."""

    operation, tag, summary = "workorder", "orders", "Read an order"
    scopes = READ
    sparse = OrderDetailSerializer
    answers = {"GET": {200: OrderDetailSerializer}}
    examples = {"GET": [answered(DETAIL)]}

    def get(self, request: Request, number: str) -> Response:
        order = found(request, number, with_times)
        said = said_for(order, caller(request), now=timezone.now())
        shown: dict[str, Any] = {**ListedOrderSerializer(order).data, **said}
        more = self._more(request, order)
        names = chosen_fields(request, [*shown, *more])
        shown |= {name: show() for name, show in more.items() if name in names}
        return tagged(Response(narrowed(shown, names)), order)

    def _more(self, request: Request, order: WorkOrder) -> dict[str, Callable[[], Any]]:
        user = caller(request)
        found: dict[str, Callable[[], Any]] = {
            "clocks": lambda: ClockSerializer(order.clocks.select_related("unit"), many=True).data,
            "actions": lambda: actions(request, order),
        }
        for part in parts.parts():
            found[part.name] = partial(part.shown, order, user)
        return found


def actions(request: Request, order: WorkOrder) -> list[dict[str, Any]]:
    """What the caller may do on the order now, and what each asks for."""
    if not allows(request, Scope.ORDERS_HANDLE):
        return []
    user = caller(request)
    return [
        {
            "step": dashed(name),
            "label": str(step.label),
            "url": request.build_absolute_uri(f"/api/v1/workorders/{order.number}/{dashed(name)}/"),
            "fields": asked_by(form_of(name)(order=order, step=STEPS[name], actor=user)),
        }
        for name, step in available(order, user).items()
    ]


def dashed(name: str) -> str:
    return name.replace("_", "-")


class OrderEvents(ApiView):
    """The order's ledger, oldest first; each event carries the hash of the one before."""

    operation, tag, summary = "workorder_events", "orders", "Read an order's ledger"
    scopes = READ
    answers = {"GET": {200: page_of(EventSerializer)}}
    examples = {"GET": [answered(page(SIGNED))]}
    pager = CursorPager({"number": Ordering("number", "number")}, default="number")

    def get(self, request: Request, number: str) -> Response:
        order = found(request, number)
        page, following = self.pager.page(order.events.select_related("actor", "unit"), request)
        context = {"plain": reads_plain(order, caller(request), now=timezone.now())}
        return listed(EventSerializer(page, many=True, context=context).data, following)


class AttachmentFile(ApiView):
    """The file itself, as it was attached."""

    operation, tag, summary = "workorder_attachment", "files", "Fetch a file"
    scopes = READ
    answers = {"GET": {(200, "application/octet-stream"): OpenApiTypes.BINARY}}

    def get(self, request: Request, number: str, pk: int) -> FileResponse:
        attachment = Attachment.objects.filter(pk=pk, order=found(request, number)).first()
        if attachment is None:
            raise NotVisible
        kind = attachment.content_type
        response = FileResponse(attachment.file.open(), content_type=kind, as_attachment=True, filename=attachment.name)
        response["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response


def attachments_of(request: Request, order: WorkOrder) -> list[dict[str, Any]]:
    rows = order.attachments.select_related("event", "order")
    return list(AttachmentSerializer(rows, many=True, context={"request": request}).data)
