from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.http import HttpResponse
from django.shortcuts import render, resolve_url

from workorders.refusals import Refused
from workorders.views.request import StaffRequest


class RefusalMiddleware:
    """A refused act outside a form becomes a page, or a fragment for htmx, that says why and where to go on."""

    def __init__(self, get_response: Callable[[StaffRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: StaffRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.htmx and response.status_code == 302 and response["Location"].startswith(resolve_url("login")):
            # The session is over: the whole page goes to the log-in, not a fragment of it; then comes back.
            back = urlencode({"next": urlsplit(request.headers.get("HX-Current-URL", "/")).path})
            return HttpResponse(headers={"HX-Redirect": f"{resolve_url('login')}?{back}"})
        return response

    def process_exception(self, request: StaffRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        template = "workorders/_refused.html" if request.htmx else "workorders/refused.html"
        return render(request, template, {"refusal": exception}, status=exception.status)
