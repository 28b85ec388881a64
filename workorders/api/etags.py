"""ETag on reads, If-Match on writes.

An order's tag begins with its version, `"7-3f2a…"`: so If-Match compares what `version` in a body would compare, however
the representation was narrowed, packed or translated.
"""

import hashlib
import re
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from workorders.api.errors import PreconditionFailed
from workorders.models import WorkOrder

TAG = re.compile(r'(?:W/)?"([^"]*)"')
KEPT = ("Cache-Control", "Content-Language", "ETag", "Vary", "RateLimit", "RateLimit-Policy")


def conditional(request: Request, response: HttpResponse, version: int | None = None) -> HttpResponse:
    """Called when the answer is rendered: tag it, and send 304 where the caller has it already."""
    if request.method not in ("GET", "HEAD") or response.status_code != 200 or response.streaming:
        return response
    found = digest(response.content)
    tag = f"{version}-{found}" if version else found
    response["ETag"] = f'"{tag}"'
    response.headers.setdefault("Cache-Control", "private, no-cache")
    patch_vary_headers(response, ["Authorization", "Cookie", "Accept-Language"])
    known = request.headers.get("If-None-Match", "")
    if known.strip() != "*" and tag not in TAG.findall(known):
        return response
    headers = {name: response[name] for name in KEPT if name in response}
    return HttpResponseNotModified(headers=headers)


def version_wanted(request: Request, order: WorkOrder) -> int | None:
    """The version that If-Match asks for, none where it does not; raises PreconditionFailed where it is not this one."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    if str(order.version) not in [tag.partition("-")[0] for tag in TAG.findall(header)]:
        raise PreconditionFailed(order=order)
    return order.version


def refuse_changed(request: Request, shown: Any) -> None:
    """If-Match on what has no version of its own: `shown` is what a GET answers now."""
    header = request.headers.get("If-Match", "*")
    if header.strip() != "*" and digest(JSONRenderer().render(shown)) not in TAG.findall(header):
        raise PreconditionFailed(_("It is no longer as If-Match says. Read it again, then decide again."))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def tagged(response: Response, order: WorkOrder) -> Response:
    response.version = order.version  # type: ignore[attr-defined]
    return response
