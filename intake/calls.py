"""来电弹屏: the call that rings for an operator until it is opened at their desk, and what became of it."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q, QuerySet

from intake.models import Call
from workorders.models import WorkOrder

if TYPE_CHECKING:
    from workorders.models import User
    from workorders.permissions import WorkOrderQuerySet

RINGS_FOR = timedelta(minutes=2)
OPENS_FOR = timedelta(hours=12)  # one shift
BATCH = 5000


def ringing_for(user: "User", *, now: datetime) -> Call | None:
    """The newest one that nobody opened yet."""
    lately = Call.objects.filter(agent=user.username, opened_at=None, announced_at__gt=now - RINGS_FOR)
    return lately.order_by("-id").first()


def opened(call_id: str, user: "User", *, now: datetime) -> Call | None:
    """The call of this id, which from now on rings no more; none where it is another operator's."""
    call = _theirs(user, now).filter(call_id=call_id).order_by("-id").first()
    if call and call.opened_at is None:
        Call.objects.filter(pk=call.pk, opened_at=None).update(opened_at=now)
    return call


def held(key: int | None, user: "User", *, now: datetime) -> Call | None:
    """The call that the form on this user's desk was opened for."""
    return _theirs(user, now).filter(pk=key).first() if key else None


def _theirs(user: "User", now: datetime) -> QuerySet[Call]:
    mine = Q(agent=user.username) | Q(agent="")
    return Call.objects.filter(mine, announced_at__gt=now - OPENS_FOR)


def put_through(call: Call, agent: str, *, now: datetime) -> None:
    """Announced again for another operator, at whose desk it rings from now on."""
    if agent and agent != call.agent:
        Call.objects.filter(pk=call.pk).update(agent=agent, announced_at=now, opened_at=None)


def file(call: Call, *, now: datetime) -> None:
    """It became an appeal, and stays as long as that."""
    Call.objects.filter(pk=call.pk, filed_at=None).update(filed_at=now)


def orders_of(call: Call, user: "User") -> "WorkOrderQuerySet":
    """What became of it: mostly one order, more where the caller brought several matters."""
    return WorkOrder.objects.visible_to(user).filter(appeals__call=call).distinct().order_by("id")


def prune(now: datetime) -> int:
    """Forget the telephones of those whose call led to nothing (PIPL Art. 19: no longer than is needed); how many."""
    old = Call.objects.filter(filed_at=None, announced_at__lte=now - timedelta(days=settings.CALLS_KEPT_DAYS))
    count = 0
    while batch := list(old.values_list("pk", flat=True)[:BATCH]):
        count += Call.objects.filter(pk__in=batch, filed_at=None).delete()[0]
    return count
