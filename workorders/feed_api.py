"""The feed over HTTP: a client keeps `next`, and asks again with it in `after`."""

from typing import Any

from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from workorders import feed
from workorders.api.base import ApiView, caller
from workorders.api.examples import FEED, answered
from workorders.api.paging import limit_of
from workorders.api.scopes import Scope
from workorders.refusals import Invalid

PAGE, LARGEST_PAGE = 100, 500
LIMIT = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}


class FeedEventSerializer(serializers.Serializer[Any]):
    """Describes `feed.shown()`, which is also what a webhook carries."""

    cursor = serializers.CharField(help_text=gettext_lazy("Where it stands in the feed; as `after`, goes on behind it"))
    order = serializers.CharField(help_text=gettext_lazy("The order's number"))
    version = serializers.IntegerField(help_text=gettext_lazy("The order's version after it; grows by one each time"))
    step = serializers.CharField(help_text=gettext_lazy("What was done"))
    source = serializers.CharField(help_text=gettext_lazy("The order's status before; empty for a registration"))  # type: ignore[assignment]
    target = serializers.CharField(help_text=gettext_lazy("The order's status after it"))
    status = serializers.CharField(help_text=gettext_lazy("The same as `target`"))
    round = serializers.IntegerField(help_text=gettext_lazy("The round of handling; a rework begins a new one"))
    at = serializers.DateTimeField(help_text=gettext_lazy("When it was done"))
    unit = serializers.CharField(allow_null=True, help_text=gettext_lazy("Who acted; null for the system itself"))
    data = serializers.DictField(help_text=gettext_lazy("Codes, choices, dates, numbers; nobody's words or data"))  # type: ignore[assignment]


class FeedSerializer(serializers.Serializer[Any]):
    results = FeedEventSerializer(many=True)
    next = serializers.CharField(help_text=gettext_lazy("Keep it and give it as `after` next time; it never expires"))
    more = serializers.BooleanField(help_text=gettext_lazy("More is there already: ask again at once"))


class Events(ApiView):
    """Every change of the caller's orders, in order, never skipping; from the beginning without `after`."""

    operation, tag, summary = "feed", "events", "Follow what happens"
    scopes = {"GET": Scope.EVENTS_READ}
    query = ("after", "limit")
    answers = {"GET": {200: FeedSerializer}}
    examples = {"GET": [answered(FEED)]}

    @extend_schema(
        parameters=[
            OpenApiParameter("after", str, description=gettext_lazy("`next` of the page before")),
            OpenApiParameter("limit", LIMIT, description=gettext_lazy("Events a page")),
        ]
    )
    def get(self, request: Request) -> Response:
        page = feed.read(caller(request), _after(request), limit_of(request, PAGE, LARGEST_PAGE))
        results = [feed.shown(event) for event in page.events]
        return Response({"results": results, "next": str(page.next), "more": page.more})


def _after(request: Request) -> feed.Position:
    cursor = request.query_params.get("after")
    try:
        return feed.START if cursor is None else feed.Position.typed(cursor)
    except ValueError:
        raise Invalid(fields={"after": [_("This is not a cursor of the feed: take it from `next`.")]}) from None


urlpatterns = [path("events/", Events.as_view(), name="api_feed")]
