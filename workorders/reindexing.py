"""Computing anew what rows are found by: tokens of orders, blind indexes of personal data. In batches, beside a running site.

A change of how an index is computed comes with a migration that says so in `Reindexing`, and touches no row itself.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from workorders import search
from workorders.fields import BlindIndexField, TelephoneIndexField, Undecipherable, indexes_of
from workorders.models import Reindexing, WorkOrder

# A step on an order of the batch waits until the batch is written: 100 take about a tenth of a second.
BATCH = 100
TIMEOUT = "120s"
WAIT_FOR_WRITERS = 0.2  # seconds, before rows that somebody else is writing are tried again


@dataclass(frozen=True)
class Index:
    """`renew` writes one row anew, and says whether anything has changed."""

    name: str
    rows: models.QuerySet[Any]
    renew: Callable[[Any], bool]

    def behind(self) -> int:
        """About how many rows are owed: gaps between the identities count too."""
        work = Reindexing.objects.filter(index=self.name).first()
        if work is None:
            return 0
        return max(0, (self.last() if work.until is None else work.until) - work.done)

    def last(self) -> int:
        return int(self.rows.aggregate(last=models.Max("pk"))["last"] or 0)


def health(_now: datetime) -> dict[str, Any]:
    """About how many rows wait for `reindex`: the site works meanwhile, so it is never a fault."""
    return {"ok": True, "behind": sum(index.behind() for index in indexes())}


def indexes() -> list[Index]:
    orders = Index("workorders.workorder", WorkOrder.objects.only("title", "matter", "address"), _renew_order)
    return [orders, *_blind_indexes()]


def _blind_indexes() -> Iterator[Index]:
    for model in apps.get_models():
        if any(isinstance(field, BlindIndexField | TelephoneIndexField) for field in model._meta.local_concrete_fields):
            yield Index(model._meta.label_lower, model._base_manager.all(), _renew_blind_indexes)


def _renew_order(order: WorkOrder) -> bool:
    comparable, tokens = search.indexed(order)
    # Not by `save`: it would be a step, and the ledger knows none.
    changed = WorkOrder.objects.filter(pk=order.pk).exclude(comparable=comparable, tokens=tokens)
    return bool(changed.update(comparable=comparable, tokens=tokens))


def _renew_blind_indexes(row: models.Model) -> bool:
    values = indexes_of(row)
    if all(getattr(row, name) == value for name, value in values.items()):
        return False
    return bool(type(row)._base_manager.filter(pk=row.pk).update(**values))


@dataclass(frozen=True)
class Progress:
    done: int
    until: int
    read: int = 0
    changed: int = 0
    failed: tuple[str, ...] = ()

    @property
    def is_finished(self) -> bool:
        return self.done >= self.until


def begin(index: Index, *, anew: bool = False) -> Progress:
    """Return where the work on the index stands; `anew` begins it again with all rows that are there now."""
    work, _is_new = Reindexing.objects.get_or_create(index=index.name, defaults={"until": 0})
    if anew or work.until is None:
        work.done, work.until = (0 if anew else work.done), index.last()
        work.save()
    return Progress(work.done, int(work.until or 0))


@transaction.atomic
def renew_batch(index: Index, size: int = BATCH) -> Progress:
    """Renew the next rows. Rows that somebody is writing just now are left for the next batch, so nobody waits for us."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [TIMEOUT])
    work = Reindexing.objects.select_for_update().get(index=index.name)
    owed = index.rows.filter(pk__gt=work.done, pk__lte=work.until).order_by("pk")
    keys = list(owed.values_list("pk", flat=True)[:size])
    free = index.rows.filter(pk__in=keys).order_by("pk").select_for_update(skip_locked=True, no_key=True)
    locked = list(free.values_list("pk", flat=True))
    changed, failed = 0, []
    for key in locked:
        try:
            changed += index.renew(index.rows.get(pk=key))
        except Undecipherable as error:
            failed.append(f"{index.name} {key}: {error}")
    missed = sorted(set(keys) - set(locked))
    last = (keys[-1] if len(keys) == size else work.until) if keys else work.until
    work.done = missed[0] - 1 if missed else int(last or 0)
    work.save(update_fields=["done"])
    return Progress(work.done, int(work.until or 0), len(locked), changed, tuple(failed))


def renew_all(index: Index, *, anew: bool = False) -> Iterator[Progress]:
    progress = begin(index, anew=anew)
    while not progress.is_finished:
        before, progress = progress.done, renew_batch(index)
        yield progress
        if progress.done == before:
            time.sleep(WAIT_FOR_WRITERS)
