import logging
import re
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.template.loader import render_to_string

from workorders.refusals import Refused
from workorders.views.request import StaffRequest

logger = logging.getLogger(__name__)
# What a proxy before us may have called the request.
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class RefusalMiddleware:
    """A refused act outside a form becomes a page, or a fragment for htmx, that says why and where to go on."""

    def __init__(self, get_response: Callable[[StaffRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: StaffRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 302 and response["Location"].startswith(f"{resolve_url('login')}?next="):
            return _logged_out(request, response)
        return response

    def process_exception(self, request: StaffRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        template = "workorders/_refused.html" if request.htmx else "workorders/refused.html"
        return render(request, template, {"refusal": exception}, status=exception.status)


def _logged_out(request: StaffRequest, response: HttpResponse) -> HttpResponse:
    """The session is over. A page with something half done in it stays; a form that was sent comes back to its own page."""
    back = _path(request.headers.get("HX-Current-URL" if request.htmx else "Referer", ""))
    login = f"{resolve_url('login')}?{urlencode({'next': back})}"
    if not request.htmx:
        return (
            response if request.method == "GET" else HttpResponse(status=303, headers={"Location": f"{login}&kept=1"})
        )
    if back.startswith("/admin/"):  # a frame that is not ours, with no place for the message
        return HttpResponse(headers={"HX-Redirect": login})
    answer = render(request, "_logged_out.html", {"login": login}, status=401)
    return _in_the_frame(answer)


def _in_the_frame(answer: HttpResponse) -> HttpResponse:
    """htmx shows it at its place around the page, and whatever asked stays as it is."""
    answer["HX-Retarget"], answer["HX-Reswap"] = "#logged-out", "innerHTML"
    return answer


def _path(address: str) -> str:
    """Of a page of ours, whatever else the address says."""
    parts = urlsplit(address)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return path if path.startswith("/") and not path.startswith("//") else resolve_url(settings.LOGIN_REDIRECT_URL)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: mostly a page that was open while somebody logged in again in another window."""
    logger.warning("CSRF: %s (%s)", reason, request.path)
    htmx = request.headers.get("HX-Request") == "true"
    template = "_stale_page.html" if htmx else "403_csrf.html"
    answer = render(request, template, {"back": _path(request.headers.get("Referer", ""))}, status=403)
    return _in_the_frame(answer) if htmx else answer


def server_error(request: HttpRequest) -> HttpResponse:
    """Asks nothing of what may just have failed: no database, no session. The number leads to the line in the log."""
    given = request.headers.get("X-Request-Id", "")
    number = given if REQUEST_ID.fullmatch(given) else uuid4().hex[:12]
    logger.error("request %s failed: %s %s", number, request.method, request.path)
    page = render_to_string("500.html", {"number": number})
    return HttpResponse(page, status=500, headers={"X-Request-Id": number})
