"""认领: no two people begin the same work (B10). A lease keeps others from being given an order, nobody from acting on it."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from workorders import selectors, stages
from workorders.models import Lease, WorkOrder

if TYPE_CHECKING:
    from workorders.models import Event, User

LASTS = timedelta(minutes=5)  # an open page renews it, so this is how long a closed one keeps others away

TAKE = """
INSERT INTO workorders_lease AS lease (order_id, user_id, until) VALUES (%(order)s, %(user)s, %(until)s)
ON CONFLICT (order_id) DO UPDATE SET user_id = excluded.user_id, until = excluded.until
WHERE lease.until <= %(now)s OR lease.user_id = excluded.user_id
"""


def next_for(user: "User", *, now: datetime) -> WorkOrder | None:
    """The most pressing order that waits for this user and that nobody has taken; from now on they have it."""
    visible: Any = WorkOrder.objects.visible_to(user)
    waiting = visible.filter(selectors.to_do(user)).exclude(stages.at_rest(user, now))
    return next_of(selectors.most_pressing_first(waiting), user, now=now)


@transaction.atomic
def next_of(orders: Any, user: "User", *, now: datetime) -> WorkOrder | None:
    """The first of these orders, as they are sorted, that nobody has taken; from now on they have it."""
    free = orders.exclude(Exists(Lease.objects.filter(order=OuterRef("pk"), until__gt=now)))
    # The lease is in another table, so a row whose lock was just let go may have been taken: then the next one is tried.
    while order := free.select_for_update(of=("self",), skip_locked=True).first():
        if take(order, user, now=now):
            return order
    return None


def held(orders: Any, user: "User", *, now: datetime) -> WorkOrder | None:
    """The first of these orders that this user has taken already."""
    return orders.filter(lease__user=user, lease__until__gt=now).first()


def take(order: WorkOrder, user: "User", *, now: datetime) -> bool:
    """Whether the order is theirs now: it was free, its lease had ended, or they had it before."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"order": order.pk, "user": user.pk, "until": now + LASTS, "now": now})
        return cursor.rowcount == 1


def renew(order_id: int, user: "User", *, now: datetime) -> None:
    Lease.objects.filter(order=order_id, user=user, until__gt=now).update(until=now + LASTS)


def let_go(event: "Event", *, now: datetime) -> None:
    """The work that it was taken for is done."""
    if event.source != event.target:
        Lease.objects.filter(order=event.order_id).delete()


def of(order: WorkOrder, *, now: datetime) -> Lease | None:
    """The lease that runs; best of an order that was read with it."""
    return order.lease if hasattr(order, "lease") and order.lease.until > now else None
