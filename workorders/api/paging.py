"""Cursor paging by key set: a page begins where the one before ended, whatever was added or changed in between."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core import signing
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from workorders.api.errors import invalid

DEFAULT, LARGEST = 50, 200
SALT = "workorders.api.paging"


@dataclass(frozen=True)
class Ordering:
    """Sorted by `column`, and by `tie` where that is the same. `load` reads the column's value out of a cursor."""

    column: str
    tie: str = "pk"
    load: Callable[[Any], Any] = lambda value: value
    dump: Callable[[Any], Any] = lambda value: value

    def after(self, rows: QuerySet[Any], falling: bool, place: list[Any]) -> QuerySet[Any]:
        way = "lt" if falling else "gt"
        value, tie = self.load(place[0]), place[1]
        if self.column == self.tie:
            return rows.filter(**{f"{self.tie}__{way}": tie})
        beyond = Q(**{f"{self.column}__{way}": value})
        return rows.filter(beyond | Q(**{self.column: value, f"{self.tie}__{way}": tie}))

    def sort(self, rows: QuerySet[Any], falling: bool) -> QuerySet[Any]:
        columns = dict.fromkeys([self.column, self.tie])
        return rows.order_by(*[F(name).desc() if falling else F(name).asc() for name in columns])

    def place_of(self, row: Any) -> list[Any]:
        return [self.dump(getattr(row, self.column)), getattr(row, self.tie)]


def by_time(column: str) -> Ordering:
    return Ordering(column, load=datetime.fromisoformat, dump=lambda value: value.astimezone(UTC).isoformat())


class CursorPager:
    """`limit`, `cursor` and `ordering` of a list. `orderings` is the whitelist, its first one the default."""

    def __init__(self, orderings: dict[str, Ordering], default: str) -> None:
        self.orderings, self.default = orderings, default

    @property
    def names(self) -> list[str]:
        return [sign + name for name in self.orderings for sign in ("", "-")]

    def page(self, rows: QuerySet[Any], request: Request) -> tuple[list[Any], str | None]:
        """The page's rows, and the address of the next one."""
        chosen, limit = self._chosen(request), limit_of(request)
        ordering, falling = self.orderings[chosen.lstrip("-")], chosen.startswith("-")
        rows, salt = ordering.sort(rows, falling), f"{SALT} {request.path}"
        if cursor := request.query_params.get("cursor"):
            rows = ordering.after(rows, falling, _read(cursor, chosen, salt))
        found = list(rows[: limit + 1])
        if len(found) <= limit:
            return found, None
        cursor = signing.dumps([chosen, *ordering.place_of(found[limit - 1])], salt=salt)
        return found[:limit], replace_query_param(request.build_absolute_uri(), "cursor", cursor)

    def _chosen(self, request: Request) -> str:
        chosen = request.query_params.get("ordering", self.default)
        if chosen not in self.names:
            raise invalid({"ordering": [_("Possible are: %(names)s.") % {"names": ", ".join(self.names)}]})
        return chosen


def limit_of(request: Request, default: int = DEFAULT, largest: int = LARGEST) -> int:
    given = request.query_params.get("limit", str(default))
    if not (given.isascii() and given.isdigit() and len(given) < 7 and 1 <= int(given) <= largest):
        raise invalid({"limit": [_("A whole number from 1 to %(largest)s.") % {"largest": largest}]})
    return int(given)


def _read(cursor: str, chosen: str, salt: str) -> list[Any]:
    try:
        ordering, *place = signing.loads(cursor, salt=salt)
    except (signing.BadSignature, UnicodeError):
        ordering = None
    if ordering != chosen:
        raise invalid({"cursor": [_("This is not a cursor of this list: take it from `next`.")]})
    return place


def listed(results: Any, following: str | None) -> Response:
    headers = {"Link": f'<{following}>; rel="next"'} if following else None
    return Response({"results": results, "next": following}, headers=headers)


def names_of(pager: CursorPager | None) -> Iterator[str]:
    yield from ("limit", "cursor", "ordering") if pager else ()
