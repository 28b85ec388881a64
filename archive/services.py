from datetime import datetime

from django.db.models import Q

from workorders.lifecycle import ENDED
from workorders.models import Policy, WorkOrder
from workorders.refusals import WrongState
from workorders.transitions import perform


def due_for_archive(now: datetime) -> list[int]:
    """Orders that ended longer ago than their own policy version waits for an objection."""
    waits = {policy.pk: policy.rules.archive_after for policy in Policy.objects.all()}
    due = Q(pk__in=[])
    for policy, wait in waits.items():
        due |= Q(policy=policy, ended_at__lte=now - wait)
    return list(WorkOrder.objects.filter(due, status__in=ENDED).order_by("ended_at").values_list("pk", flat=True)[:500])


def archive_due(now: datetime) -> int:
    done = 0
    for order_id in due_for_archive(now):
        try:
            perform(order_id, "archive", actor=None, now=now)
            done += 1
        except WrongState:  # somebody objected in the meantime, or the chain is broken, which the order's page shows
            continue
    return done
