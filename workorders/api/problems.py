"""The one shape of the API's errors: problem details of RFC 9457 with a stable `code`.

`fields` names what is wrong with the input; on 409 and 412 `order` is the order as it stands now.
"""

from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from workorders.api.errors import Malformed, TooLarge
from workorders.api.serializers import OrderSerializer
from workorders.refusals import Invalid, Refused

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:jiesu:problem:"
WITH_ORDER = (409, 412)

# Every code that the API answers with, by status. Clients build on them: a code is never renamed.
CODES = {
    400: ("invalid", "malformed"),
    401: ("not_authenticated", "invalid_token"),
    403: ("not_allowed", "insufficient_scope", "permission_denied", "password_change_required"),
    404: ("not_found",),
    405: ("method_not_allowed",),
    406: ("not_acceptable",),
    409: ("wrong_state", "stale_version", "idempotency_conflict", "in_progress"),
    412: ("precondition_failed",),
    413: ("too_large",),
    415: ("unsupported_media_type",),
    429: ("throttled",),
    500: ("error",),
    503: ("unavailable",),
}


def problem(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. None leaves what nobody expected to `server_error`."""
    if isinstance(exception, Refused):
        return _refusal(exception)
    if isinstance(exception, RequestDataTooBig):
        exception = TooLarge()
    elif isinstance(exception, SuspiciousOperation):
        exception = Malformed(_("it is not well formed."))
    response = exception_handler(exception, context)
    if response is None:
        return None
    headers = {name: response[name] for name in ("WWW-Authenticate", "Retry-After", "Allow") if name in response}
    return _answer(response.status_code, _code(exception), *_told(exception), headers=headers)


def _refusal(refused: Refused) -> Response:
    details: dict[str, Any] = {"fields": refused.fields} if refused.fields else {}
    if refused.order and refused.status in WITH_ORDER:
        details["order"] = OrderSerializer(refused.order).data
    return _answer(refused.status, refused.code, str(refused.message), details)


def _code(exception: Exception) -> str:
    if isinstance(exception, Http404):
        return "not_found"
    if isinstance(exception, DjangoPermissionDenied):
        return "permission_denied"
    code = getattr(exception, "default_code", "error")
    return "malformed" if code == "parse_error" else code


def _told(exception: Exception) -> tuple[str, dict[str, Any]]:
    if isinstance(exception, exceptions.ValidationError):
        fields = exception.detail if isinstance(exception.detail, dict) else {"": exception.detail}
        return str(Invalid.message), {"fields": {name: _lines(found) for name, found in fields.items()}}
    return str(getattr(exception, "detail", "") or _("There is no such address.")), {}


def _lines(found: Any) -> list[str]:
    return [str(one) for one in found] if isinstance(found, list) else [str(found)]


def _answer(
    status: int, code: str, detail: str, details: dict[str, Any], *, headers: dict[str, str] | None = None
) -> Response:
    return Response(body_of(status, code, detail, details), status=status, headers=headers, content_type=MEDIA_TYPE)


def body_of(status: int, code: str, detail: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    title = code.replace("_", " ").capitalize()
    return {"type": TYPE + code, "title": title, "status": status, "code": code, "detail": detail, **(details or {})}


def server_error(request: HttpRequest) -> HttpResponse:
    """500 under /api/, without a word about what went wrong inside."""
    body = body_of(500, "error", _("Something went wrong on our side. It was logged; try again later."))
    return JsonResponse(body, status=500, content_type=MEDIA_TYPE)
