"""The REST API put together. Its errors have one shape: `workorders/api/problems.py`."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView
from drf_spectacular.views import SpectacularSwaggerSplitView as Docs

from config import away
from workorders.api import problems
from workorders.api.steps import NoSuchAddress
from workorders.views.refusals import server_error as page_of_error

router_urls: list[Any] = [
    path("schema/", SpectacularAPIView.as_view(), name="api_schema"),
    # Script and style stand in files of their own, so that the page needs no exception from the policy.
    path("docs/", Docs.as_view(url_name="api_schema", template_name="api/docs.html"), name="api_docs"),
    path("", include("intake.api")),
    path("", include("workorders.api.urls")),
    path("", include("workorders.feed_api")),
    path("", include("dispatch.webhook_api")),
    re_path("", NoSuchAddress.as_view()),
]


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    if answer := away.answer_in_place_of(request):
        return answer
    return problems.server_error(request) if request.path.startswith("/api/") else page_of_error(request)
