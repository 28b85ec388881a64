import logging
from datetime import datetime

from django.db.models import Q

from workorders.lifecycle import ENDED
from workorders.models import Policy, WorkOrder
from workorders.refusals import WrongState
from workorders.transitions import perform

logger = logging.getLogger(__name__)

BATCH = 500


def due_for_archive(now: datetime) -> list[int]:
    """Orders that ended longer ago than their own policy version waits for an objection."""
    waits = {policy.pk: policy.rules.archive_after for policy in Policy.objects.all()}
    due = Q(pk__in=[])
    for policy, wait in waits.items():
        due |= Q(policy=policy, ended_at__lte=now - wait)
    ended = WorkOrder.objects.filter(due, status__in=ENDED, is_history=False)
    return list(ended.order_by("ended_at", "pk").values_list("pk", flat=True))


def archive_due(now: datetime, batch: int = BATCH) -> int:
    """Archive up to `batch` orders. Those that refuse do not count, or they would keep the others waiting for ever."""
    done = 0
    for order_id in due_for_archive(now):
        if done == batch:
            break
        done += _archive(order_id, now)
    return done


def _archive(order_id: int, now: datetime) -> bool:
    try:
        perform(order_id, "archive", actor=None, now=now)
    except WrongState as refusal:  # somebody objected in the meantime, or the ledger's chain is broken
        logger.warning("Order %s is due for the archive and was not archived: %s", order_id, refusal.message)
        return False
    return True
