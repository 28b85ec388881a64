from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from workorders.models import User


class StaffRequest(HttpRequest):
    """What the middleware and `login_required` make of a request, for the type checker."""

    user: User
    htmx: HtmxDetails
