from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url

from workorders.refusals import Refused


class RefusalMiddleware:
    """A refused act outside a form becomes a page, or a fragment for htmx, that says why and where to go on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.htmx and response.status_code == 302 and response["Location"].startswith(resolve_url("login")):
            # The session is over: the whole page goes to the log-in, not a fragment of it; then comes back.
            back = request.headers.get("HX-Current-URL", "/")
            return HttpResponse(headers={"HX-Redirect": f"{resolve_url('login')}?{urlencode({'next': urlsplit(back).path})}"})
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        template = "workorders/_refused.html" if request.htmx else "workorders/refused.html"
        return render(request, template, {"refusal": exception}, status=exception.status)
