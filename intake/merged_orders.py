"""并单: what was merged goes on in one order, however many merges led there.

`WorkOrder.parent` always names the order in which it goes on, never one that was itself merged: a merge moves what was merged
before along with it. So a chain of any length is read in one step, and the database refuses any other (decision 26).
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from psycopg2.errors import LockNotAvailable

from intake.forms import why_not_into
from intake.models import Appeal
from workorders.models import WorkOrder
from workorders.refusals import WrongState

if TYPE_CHECKING:
    from workorders.models import Event

# Shorter than the second after which PostgreSQL would end one of two that wait for each other.
WAIT_MS = 500
BUSY = gettext_lazy("The other order is being worked on at this very moment. Try again.")
OTHERS_ASKED = gettext_lazy(
    "Others asked for the same, and their orders were merged into this one: for them it goes on. "
    "Add a note that this complainant takes it back."
)


def join(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    """Take along what was merged into this order before, into an order that is still being handled."""
    parent = _locked(cleaned["parent"])
    refusal = why_not_into(parent)
    if refusal:
        raise WrongState(refusal, order=event.order)
    WorkOrder.objects.visible_to(None).filter(parent=event.order_id).update(parent=parent)


def _locked(parent: WorkOrder) -> WorkOrder:
    """The parent as it stands; whoever merges it at the same moment comes before or after, never in between."""
    rows = WorkOrder.objects.visible_to(None).order_by().select_for_update(of=("self",), no_key=True)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = %s", [WAIT_MS])
            row = rows.get(pk=parent.pk)
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
            return row
    except OperationalError as problem:
        if isinstance(problem.__cause__, LockNotAvailable):
            raise WrongState(BUSY) from None
        raise


def why_not_withdraw(order: WorkOrder, *, now: datetime) -> str | Promise | None:
    """One complainant does not take back what others asked for too."""
    indexes = "complainant__phone_indexes"
    merged = Appeal.objects.filter(order__parent=order)
    own = {index for row in Appeal.objects.filter(order=order).values_list(indexes, flat=True) for index in row or []}
    return OTHERS_ASKED if merged.exclude(**{f"{indexes}__overlap": list(own)}).exists() else None


def one_with(order: WorkOrder) -> QuerySet[WorkOrder]:
    """The order in which this one goes on, and all that was merged into that one."""
    root = order.parent_id or order.pk
    return WorkOrder.objects.visible_to(None).filter(Q(pk=root) | Q(parent=root))


def is_joined_by(appeals: QuerySet[Appeal], order: str) -> Q:
    """Whether one of the appeals stands under the order at this path, or under one that is one with it."""
    conditions = Q()
    for outer in (order, f"{order}__parent"):
        for inner in ("order", "order__parent"):
            conditions |= Q(Exists(appeals.order_by().filter(**{inner: OuterRef(outer)})))
    return conditions


def orders_with(appeals: QuerySet[Appeal]) -> Any:
    """Keys of the orders that these appeals brought, and of those in which these go on; for `pk__in`."""
    own = appeals.order_by().values("order")
    return own.union(appeals.order_by().filter(order__parent__isnull=False).values("order__parent"))


def last_of(order: WorkOrder) -> WorkOrder:
    """The order in which this one goes on: itself, unless it was merged."""
    return order.parent or order
