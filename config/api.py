"""The REST API put together, and the one shape of its errors: RFC 9457 problem details with a stable `code`."""

from typing import Any

from django.urls import include, path
from rest_framework.response import Response
from rest_framework.views import exception_handler

from workorders.api import shown
from workorders.refusals import Refused

router_urls = [path("", include("workorders.api"))]


def problem(exception: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(exception, Refused):
        return _answer(exception.status, exception.code, str(exception.message), _details(exception))
    response = exception_handler(exception, context)
    if response is None:
        return None
    code = getattr(exception, "default_code", "error")
    detail = response.data.get("detail", "") if isinstance(response.data, dict) else ""
    return _answer(response.status_code, code, str(detail), {"fields": response.data} if not detail else {})


def _details(refused: Refused) -> dict[str, Any]:
    fields = {"fields": refused.fields} if refused.fields else {}
    order = {"order": shown(refused.order)} if refused.order and refused.status == 409 else {}
    return {**fields, **order}


def _answer(status: int, code: str, title: str, details: dict[str, Any]) -> Response:
    body = {"type": "about:blank", "status": status, "code": code, "title": title, **details}
    return Response(body, status=status, content_type="application/problem+json")
