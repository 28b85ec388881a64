"""The ledger: append-only for everybody but the database's owner, and what the owner changes shows."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.cast import Cast
from tests.owner import as_owner
from tests.roads import Road
from workorders import ledger
from workorders.lifecycle import Status
from workorders.models import Event, Unit, User, WorkOrder


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def tamper(statement: str, *values: Any) -> None:
    """What only the owner of the database can do."""
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    with as_owner():
        sql("ALTER TABLE workorders_event DISABLE TRIGGER event_append_only")
        sql(statement, *values)
        sql("ALTER TABLE workorders_event ENABLE TRIGGER event_append_only")


def rows(order: WorkOrder) -> list[dict[str, Any]]:
    return list(Event.objects.filter(order=order).order_by("number").values())


@pytest.fixture
def order(road: Road) -> WorkOrder:
    return road.to(Status.HANDLING)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE workorders_event SET reason = 'better' WHERE order_id = %s",
        "UPDATE workorders_event SET reason = reason WHERE order_id = %s",
        "DELETE FROM workorders_event WHERE order_id = %s",
        "WITH gone AS (DELETE FROM workorders_event WHERE order_id = %s RETURNING 1) SELECT count(*) FROM gone",
    ],
)
def test_the_database_refuses_to_change_or_delete_an_event(statement: str, order: WorkOrder) -> None:
    before = rows(order)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        sql(statement, order.pk)
    with as_owner(), pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        sql(statement, order.pk)
    assert rows(order) == before


@pytest.mark.parametrize("tables", ["workorders_event CASCADE", "workorders_workorder CASCADE"])
def test_the_database_refuses_to_truncate_the_ledger(tables: str, order: WorkOrder) -> None:
    before = rows(order)
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        sql(f"TRUNCATE {tables}")
    with as_owner():
        sql("ALTER TABLE workorders_event ENABLE TRIGGER event_no_truncate")  # as everywhere but in tests
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            sql(f"TRUNCATE {tables}")
    assert rows(order) == before


def test_neither_does_the_code_reach_past_the_trigger(order: WorkOrder) -> None:
    event = order.events.first()
    for act in (event.save, event.delete, order.events.all().delete, lambda: order.events.update(reason="better")):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            act()


def test_events_are_numbered_and_chained_without_a_gap(order: WorkOrder) -> None:
    events = list(order.events.order_by("number"))
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.previous_hash for event in events] == ["", *(event.hash for event in events[:-1])]
    assert len({event.hash for event in events}) == len(events)
    assert ledger.verify(order) is None


CHANGES = {
    "number": "number + 100",
    "step": "'note'",
    "source": "'archived'",
    "target": "'archived'",
    "round": "round + 1",
    "actor_id": "NULL",
    "unit_id": "NULL",
    "actor_name": "'somebody'",
    "unit_code": "'X1'",
    "at": "at + interval '1 microsecond'",
    "reason": "reason || ' '",
    "data": """data || '{"more": 1}'""",
    "previous_hash": "repeat('0', 64)",
    "hash": "repeat('0', 64)",
}


def test_every_column_that_says_something_is_sealed() -> None:
    where_it_stands = {"id", "order_id", "transaction"}
    assert {*CHANGES} | where_it_stands == {field.column for field in Event._meta.concrete_fields}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_event_is_found_wherever_it_stands(column: str, order: WorkOrder) -> None:
    change = f"UPDATE workorders_event SET {column} = {CHANGES[column]} WHERE order_id = %s AND number = %s"
    for number, follows in ((1, 2), (3, 4), (5, 105)):
        savepoint = transaction.savepoint()
        tamper(change, order.pk, number)
        broken = ledger.verify(order)
        assert broken is not None
        assert broken.number == (follows if column == "number" else number)
        transaction.savepoint_rollback(savepoint)
        assert ledger.verify(order) is None


def test_who_rewrites_an_event_with_its_hash_would_have_to_rewrite_all_that_follow(order: WorkOrder) -> None:
    event = order.events.get(number=3)
    event.reason = "better"
    change = "UPDATE workorders_event SET {} = %s WHERE order_id = %s AND number = %s"
    tamper(change.format("reason"), event.reason, order.pk, 3)
    tamper(change.format("hash"), ledger.fingerprint(event), order.pk, 3)
    tamper(change.format("previous_hash"), ledger.fingerprint(event), order.pk, 4)
    broken = ledger.verify(order)
    assert broken is not None
    assert broken.number == 4


def test_an_event_moved_to_another_order_is_found_in_both(order: WorkOrder, road: Road) -> None:
    other = road.register()
    tamper("UPDATE workorders_event SET order_id = %s WHERE order_id = %s AND number = 5", other.pk, order.pk)
    assert ledger.verify(order) is not None
    assert ledger.verify(other) is not None


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_missing_event_is_found(number: int, order: WorkOrder) -> None:
    tamper("DELETE FROM workorders_event WHERE order_id = %s AND number = %s", order.pk, number)
    broken = ledger.verify(order)
    assert broken is not None
    assert broken.number == min(number + 1, 5), "the first that does not follow, or the one that is not there"


def test_a_ledger_that_is_gone_is_found(order: WorkOrder) -> None:
    tamper("DELETE FROM workorders_event WHERE order_id = %s", order.pk)
    broken = ledger.verify(order)
    assert broken is not None
    assert broken.number == 1


@pytest.mark.parametrize("change", ["status = 'closed', ended_at = now()", "round = 2", "version = version + 1"])
def test_an_order_moved_past_its_ledger_is_found(change: str, order: WorkOrder) -> None:
    sql(f"UPDATE workorders_workorder SET {change} WHERE id = %s", order.pk)
    assert ledger.verify(WorkOrder.objects.get(pk=order.pk)) is not None


def test_an_order_that_went_on_since_it_was_read_is_not_called_broken(order: WorkOrder, road: Road) -> None:
    seen = WorkOrder.objects.get(pk=order.pk)
    road.act(order, "report")
    assert ledger.verify(seen) is None


json_data = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc中", max_size=3), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(json_data)
def test_what_an_event_carries_verifies_after_the_database_or_is_refused(road: Road, data: dict[str, Any]) -> None:
    order = road.register()
    order.version += 1
    try:
        event = ledger.append(order, "note", actor=None, at=road.now, data=data)
    except ValueError:
        assert "." in str(data) or "e+" in str(data) or "inf" in str(data) or "nan" in str(data), (
            "only floats may not last"
        )
        return
    assert ledger.fingerprint(Event.objects.get(pk=event.pk)) == event.hash
    assert ledger.verify(order) is None


def test_events_carry_who_when_from_which_unit_and_with_what(road: Road) -> None:
    order = road.to(Status.DISPATCHED)
    event = order.events.get(step="dispatch")
    assert (event.source, event.target, event.at, event.round) == ("accepted", "dispatched", road.now, 1)
    assert (event.actor.username, event.unit.kind) == ("dispatcher", "city")
    assert set(event.data) == {"lead", "co_handling"}


def told(*arguments: str) -> str:
    output = StringIO()
    call_command("verify_ledger", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_verifies_one_order_or_all(order: WorkOrder, road: Road) -> None:
    road.register()
    assert "2 chains verified" in told()
    assert "1 chains verified" in told(order.spoken_number)


def test_the_command_says_which_chain_is_broken_and_where(order: WorkOrder, road: Road) -> None:
    whole = road.register()
    tamper("UPDATE workorders_event SET reason = 'better' WHERE order_id = %s AND number = 3", order.pk)
    with pytest.raises(CommandError, match=f"1 of 2 chains are broken: {order.spoken_number} at event 3"):
        told()
    assert "1 chains verified" in told(whole.number)
    with pytest.raises(CommandError, match="no order"):
        told("260310-000042-0")


def test_the_chain_holds_when_a_user_and_a_unit_are_renamed(order: WorkOrder, cast: Cast) -> None:
    for event in order.events.select_related("actor", "unit"):
        assert event.actor is not None
        User.objects.filter(pk=event.actor.pk).update(username=f"renamed-{event.actor.pk}")
        Unit.objects.filter(pk=event.unit.pk).update(code=f"X{event.unit.pk}")
    assert ledger.verify(order) is None
