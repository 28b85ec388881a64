"""What all views of the API share. Every POST is `@idempotent`; a test looks for it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from workorders import numbers
from workorders.api.errors import invalid
from workorders.api.etags import conditional
from workorders.api.input import readable, refuse_unknown
from workorders.api.paging import CursorPager, names_of
from workorders.api.throttles import Allowance
from workorders.models import User, WorkOrder
from workorders.refusals import NotVisible

RELATED = ("category", "area", "lead_unit")
_gzip = GZipMiddleware(lambda request: HttpResponse())


class ApiView(APIView):
    """`scopes` names the scope a machine needs, by method; `query` the parameters of the address besides those of lists."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    scopes: Mapping[str, str] = {}
    query: tuple[str, ...] = ()
    pager: CursorPager | None = None
    sparse: type[BaseSerializer[Any]] | None = None
    allowance: Allowance | None = None
    operation = tag = summary = ""
    answers: Mapping[str, Mapping[Any, Any]] = {}  # what each method answers, by HTTP status: for the schema
    asked: Mapping[str, Any] = {}  # JSON Schema of what a POST takes, by media type

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = str(request.method).lower()
        if method not in self.http_method_names or not hasattr(self, method):
            return  # 405
        readable(request._request)
        refuse_unknown(request.query_params, self.known_parameters())
        for name, values in request.query_params.lists():
            if "" in values or any("\0" in value for value in values):
                raise invalid({name: [_("It is empty, or a character in it cannot be stored.")]})

    def again(self, request: Request, shown: Any, **where: Any) -> Any:
        """A stored answer, as far as the caller may still see what it is about; raises where they may not."""
        if "number" in where:
            found(request, where["number"])
        return shown

    def known_parameters(self) -> set[str]:
        return {*self.query, *names_of(self.pager), *(["fields"] if self.sparse else [])}

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.allowance:
            for name, value in self.allowance.headers.items():
                response[name] = value
        if isinstance(response, Response):
            response.headers.setdefault("Cache-Control", "private, no-cache" if request.method == "GET" else "no-store")
            response.add_post_render_callback(lambda done: self._packed(request, done))
        return response

    def _packed(self, request: Request, response: Any) -> Any:
        answer = conditional(request, response, getattr(response, "version", None))
        return _gzip.process_response(request._request, answer)


def caller(request: Request) -> User:
    assert isinstance(request.user, User), "the permission classes let nobody else in"
    return request.user


def found(request: Request, number: str, with_more: Callable[[Any], Any] = lambda orders: orders) -> WorkOrder:
    """404 for what the caller may not see."""
    orders = WorkOrder.objects.visible_to(caller(request)).select_related(*RELATED).defer("tokens")
    order = with_more(orders).filter(number=numbers.typed(number)).first()
    if order is None:
        raise NotVisible
    return order


def chosen_fields(request: Request, known: Any) -> list[str]:
    """`fields=number,status`: only these; everything where it is not given."""
    given = request.query_params.get("fields")
    if given is None:
        return list(known)
    chosen = [name.strip() for name in given.split(",")]
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise invalid({"fields": [_("There is no field “%(name)s”.") % {"name": name} for name in unknown]})
    return chosen


def narrowed(shown: dict[str, Any], chosen: list[str]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name in chosen}
