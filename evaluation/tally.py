"""The counters of the dashboard follow the feed of events, a batch of orders a transaction.

Not where an order moves: a counter that everybody writes would let one order move at a time. What a batch touched is
looked at as it stands now, and the difference to what the order counted as before is added: a batch that is done twice
adds nothing, and what moves meanwhile is further on in the feed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, fields
from datetime import date, datetime
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from redis.exceptions import RedisError

from evaluation.marks import Cell, Counted, Facts, cells, marks
from evaluation.models import Mark, Tally, TallyPlace
from workorders import feed
from workorders.models import Clock, Event, WorkOrder

BATCH = 500  # events
KEY = "tallies"
FRESH_FOR_S = 30
COLUMNS = tuple(field.name for field in fields(Counted))

# One statement for all cells; who adds holds the place's lock, so nobody else inserts the same cell meanwhile.
ADD = """
    MERGE INTO evaluation_tally AS tally
    USING unnest(
        %s::varchar[], %s::varchar[], %s::date[], %s::varchar[], %s::smallint[],
        %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[]
    ) AS new (measure, cut, day, key, bucket, category, area, unit, count)
    ON (tally.measure, tally.cut, tally.day, tally.key) = (new.measure, new.cut, new.day, new.key)
        AND tally.bucket IS NOT DISTINCT FROM new.bucket AND tally.category_id IS NOT DISTINCT FROM new.category
        AND tally.area_id IS NOT DISTINCT FROM new.area AND tally.unit_id IS NOT DISTINCT FROM new.unit
    WHEN MATCHED THEN UPDATE SET count = tally.count + new.count
    WHEN NOT MATCHED THEN INSERT (measure, cut, day, key, bucket, category_id, area_id, unit_id, count)
        VALUES (measure, cut, day, key, bucket, category, area, unit, new.count)
"""


def follow() -> int:
    """Count whatever has happened since; how many events were gone through."""
    TallyPlace.objects.get_or_create(pk=1)
    passed = 0
    while found := _step():
        passed += found
    return passed


@transaction.atomic
def _step() -> int:
    """Of several that follow at once, one counts and the others leave it to do so."""
    place = _place(skip_locked=True)
    page = feed.read(None, place.position, BATCH) if place else None
    if place is None or page is None or not page.events:
        return 0
    _count_again(event.order_id for event in page.events)
    _move(place, page.next)
    return len(page.events)


def _place(*, skip_locked: bool = False) -> TallyPlace | None:
    return TallyPlace.objects.select_for_update(skip_locked=skip_locked).first()


def _move(place: TallyPlace, position: feed.Position) -> None:
    place.seen_transaction, place.seen_event = position.transaction, position.event
    place.save(update_fields=["seen_transaction", "seen_event"])


def _count_again(orders: Iterable[int]) -> None:
    """Let these orders count as they stand now."""
    ids = set(orders)
    before, after = _as_counted(ids), _as_they_stand(ids)
    gone = {order: before[order] - after[order] for order in ids}
    come = {order: after[order] - before[order] for order in ids}
    _rewrite(gone, come)
    change = Counter(cell for found in come.values() for mark in found for cell in cells(mark))
    change.subtract(cell for found in gone.values() for mark in found for cell in cells(mark))
    _add({cell: count for cell, count in change.items() if count})


def _as_counted(ids: set[int]) -> dict[int, set[Counted]]:
    found: dict[int, set[Counted]] = {order: set() for order in ids}
    for order, *columns in Mark.objects.filter(order__in=ids).values_list("order", *COLUMNS):
        found[order].add(Counted(*columns))
    return found


def _as_they_stand(ids: set[int]) -> dict[int, set[Counted]]:
    zone = timezone.get_default_timezone()
    events = _of_each(Event.objects.filter(order__in=ids).order_by("number").only("order", "step", "target", "at"))
    clocks = _of_each(Clock.objects.filter(order__in=ids).exclude(outcome=""))
    orders = WorkOrder.objects.visible_to(None).filter(pk__in=ids)
    columns = orders.values_list("pk", "registered_at", "category", "area", "is_history")
    # What was handled elsewhere is no figure of this house.
    facts = {pk: Facts(at, category, area) for pk, at, category, area, is_history in columns if not is_history}
    return {pk: set(marks(facts[pk], events[pk], clocks[pk], zone) if pk in facts else ()) for pk in ids}


def _of_each(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(row)
    return found


def _rewrite(gone: dict[int, set[Counted]], come: dict[int, set[Counted]]) -> None:
    keys = [(order, mark.measure, mark.key, mark.unit) for order, found in gone.items() for mark in found]
    old = Mark.objects.filter(order__in=[order for order, found in gone.items() if found])
    known = {tuple(key): pk for pk, *key in old.values_list("pk", "order", "measure", "key", "unit")}
    Mark.objects.filter(pk__in=[known[key] for key in keys]).delete()
    Mark.objects.bulk_create(_mark(order, one) for order, found in come.items() for one in found)


def _mark(order: int, counted: Counted) -> Mark:
    columns = asdict(counted)
    related = {f"{name}_id": columns.pop(name) for name in ("category", "area", "unit")}
    return Mark(order_id=order, **columns, **related)


def _add(change: Mapping[Cell, int]) -> None:
    if not change:
        return
    columns = zip(*[(*astuple(cell), count) for cell, count in change.items()], strict=True)
    with connection.cursor() as cursor:
        cursor.execute(ADD, [list(column) for column in columns])


def beat(now: datetime) -> None:
    cache.set(KEY, now.timestamp(), timeout=None)


def is_fresh(now: datetime) -> bool:
    """Whether somebody brought the counters up to date a moment ago."""
    try:
        last = cache.get(KEY)
    except RedisError:
        return False
    return last is not None and now.timestamp() - last < FRESH_FOR_S


def rebuild() -> int:
    """Count every order again, and every day's counters from their marks. The dashboard goes on showing figures."""
    TallyPlace.objects.get_or_create(pk=1)
    for day in sorted({*_days(Mark), *_days(Tally)}):
        _recount(day)
    _go_back()
    return follow()


@transaction.atomic
def _go_back() -> None:
    place = _place()
    assert place
    _move(place, feed.START)


def _days(model: Any) -> Iterable[date]:
    return model.objects.values_list("day", flat=True).distinct()


@transaction.atomic
def _recount(day: date) -> None:
    _place()
    marked = (Counted(*columns) for columns in Mark.objects.filter(day=day).values_list(*COLUMNS).iterator())
    counted = Counter(cell for mark in marked for cell in cells(mark))
    Tally.objects.filter(day=day).delete()
    _add(counted)
