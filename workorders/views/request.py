from django.http import HttpRequest, HttpResponse
from django_htmx.middleware import HtmxDetails

from workorders.models import User


class StaffRequest(HttpRequest):
    """What the middleware and `login_required` make of a request, for the type checker."""

    user: User
    htmx: HtmxDetails


def go_to(request: StaffRequest, address: str) -> HttpResponse:
    """The page goes there, whoever asked: htmx follows no redirect by itself."""
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponse(status=303, headers={"Location": address})
