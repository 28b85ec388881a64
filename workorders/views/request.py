from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
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


def local_address(address: str) -> str:
    """Return the address where it is a page of this site, otherwise nothing."""
    return address if url_has_allowed_host_and_scheme(address, allowed_hosts=None) else ""


def page_of_ours(request: StaffRequest) -> str:
    """Return the path of the page that a form was sent from."""
    parts = urlsplit(request.headers.get("HX-Current-URL" if request.htmx else "Referer", ""))
    return local_address(parts.path)
