"""The orders' REST API: read, and do a step through the same door as the console."""

from typing import Any

from django.urls import path
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workorders import numbers
from workorders.models import Clock, User, WorkOrder
from workorders.refusals import NotVisible
from workorders.transitions import available, perform

PAGE_SIZE = 50


def shown(order: WorkOrder) -> dict[str, Any]:
    """The order as it stands; times in ISO 8601 with zone."""
    return {
        "number": order.number,
        "status": order.status,
        "version": order.version,
        "round": order.round,
        "kind": order.kind,
        "grade": order.grade,
        "title": order.title,
        "matter": order.matter,
        "category": order.category.code if order.category else None,
        "area": order.area.code if order.area else None,
        "address": order.address,
        "lead_unit": order.lead_unit.code if order.lead_unit else None,
        "registered_at": order.registered_at,
        "ended_at": order.ended_at,
    }


def _clock(clock: Clock) -> dict[str, Any]:
    columns = ("kind", "round", "started_at", "due_at", "paused_at", "stopped_at", "outcome", "provisional")
    return {"unit": clock.unit.code if clock.unit else None, **{name: getattr(clock, name) for name in columns}}


def _user(request: Request) -> User:
    assert isinstance(request.user, User), "the permission classes let nobody else in"
    return request.user


def _found(request: Request, number: str) -> WorkOrder:
    orders = WorkOrder.objects.visible_to(request.user).select_related("category", "area", "lead_unit")
    order = orders.filter(number=numbers.typed(number)).first()
    if order is None:
        raise NotVisible
    return order


class WorkOrders(APIView):
    def get(self, request: Request) -> Response:
        """The newest first; `before` continues below the last `number` of the page before."""
        orders = WorkOrder.objects.visible_to(request.user).select_related("category", "area", "lead_unit")
        if request.query_params.get("status"):
            orders = orders.filter(status=request.query_params["status"])
        if request.query_params.get("before"):
            orders = orders.filter(pk__lt=_found(request, request.query_params["before"]).pk)
        found = list(orders.order_by("-id")[: PAGE_SIZE + 1])
        following = found[PAGE_SIZE - 1].number if len(found) > PAGE_SIZE else None
        return Response({"results": [shown(order) for order in found[:PAGE_SIZE]], "next_before": following})


class WorkOrderDetail(APIView):
    def get(self, request: Request, number: str) -> Response:
        order = _found(request, number)
        clocks = order.clocks.select_related("unit")
        return Response(
            {
                **shown(order),
                "clocks": [_clock(clock) for clock in clocks],
                "actions": [
                    {"step": name, "label": str(step.label)} for name, step in available(order, _user(request)).items()
                ],
            }
        )


class WorkOrderStep(APIView):
    def post(self, request: Request, number: str, step: str) -> Response:
        """The body holds the step's fields, `reason`, and `version` where the caller wants to be refused when stale."""
        if not isinstance(request.data, dict):
            raise ParseError
        data = dict(request.data)
        version, reason = data.pop("version", None), data.pop("reason", "")
        reserved = {"order_id", "step", "actor", "now", "files"} & set(data)
        if reserved or not (version is None or type(version) is int) or not isinstance(reason, str):
            raise ParseError
        event = perform(_found(request, number).pk, step, actor=_user(request), version=version, reason=reason, **data)
        return Response({"event": {"number": event.number, "hash": event.hash}, "order": shown(event.order)})


urlpatterns = [
    path("workorders/", WorkOrders.as_view(), name="api_orders"),
    path("workorders/<str:number>/", WorkOrderDetail.as_view(), name="api_order"),
    path("workorders/<str:number>/<slug:step>/", WorkOrderStep.as_view(), name="api_step"),
]
