"""A site that stands since the first version gets all that came later, and keeps what it wrote."""

import tomllib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config.cast import Cast
from dispatch.models import Alert, Assignment
from dispatch.supervision import scan
from tests.conftest import ROOT, load
from tests.owner import as_owner
from workorders.lifecycle import Role, Status
from workorders.models import Clock, Policy, WorkOrder
from workorders.policy import problems_of
from workorders.transitions import perform

FIRST_VERSION = [
    ("workorders", "0002_ledger_and_numbers"),
    *((app, "0001_initial") for app in ("dispatch", "intake", "evaluation", "archive")),
]
HOUR = timedelta(hours=1)
NOW = timezone.now()


@pytest.fixture
def site(django_db_blocker: Any) -> Iterator[None]:
    """A database beside the worker's own, left as the first version left it."""
    own, named = connection.settings_dict["NAME"], f"{connection.settings_dict['NAME']}_site"
    with django_db_blocker.unblock(), as_owner():
        connection.close()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {named}")
            cursor.execute(f"CREATE DATABASE {named}")
        connection.settings_dict["NAME"] = named
        executor = MigrationExecutor(connection)
        executor.migrate(FIRST_VERSION)
        write(executor.loader.project_state(FIRST_VERSION).apps)
        yield
        connection.close()
        connection.settings_dict["NAME"] = own
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {named}")


def write(apps: Any) -> None:
    """An order that waits for its unit's signature, with one clock gone up all the way and one half-way there."""
    document = tomllib.loads((ROOT / "tests" / "first_policy.toml").read_text(encoding="utf-8"))
    spine = {name: apps.get_model("workorders", name) for name in ("Policy", "Unit", "Category", "WorkOrder", "Clock")}
    policy = spine["Policy"].objects.create(
        version=1, title=document["title"], document=document, effective_from=NOW - timedelta(days=400)
    )
    unit = spine["Unit"].objects.create(code="J110105009", name="街道", path="/J110105009/", kind="street")
    category = spine["Category"].objects.create(code="010101", name="噪音", path="/010101/", grade="ordinary")
    order = spine["WorkOrder"].objects.create(
        number="2611220000013",
        status="dispatched",
        kind="complaint",
        grade="ordinary",
        title="夜间施工",
        matter="工地夜里两点还在施工",
        category=category,
        lead_unit=unit,
        policy=policy,
        registered_at=NOW - 30 * HOUR,
    )
    sent = NOW - 28 * HOUR
    apps.get_model("dispatch", "Assignment").objects.create(order=order, unit=unit, part="lead", assigned_at=sent)
    escalated = [sent + 3 * HOUR, sent + 4 * HOUR, sent + 12 * HOUR]
    clocks = {
        "signing": {"due_at": escalated[1], "alerts_at": escalated, "level": 3},
        "contact": {
            "due_at": NOW + 2 * HOUR,
            "alerts_at": [NOW - HOUR, NOW + 2 * HOUR, NOW + 10 * HOUR],
            "level": 1,
            "next_alert_at": NOW + 2 * HOUR,
        },
    }
    for kind, facts in clocks.items():
        clock = spine["Clock"].objects.create(
            order=order, unit=unit, kind=kind, round=1, in_working_time=False, started_at=sent, **facts
        )
        for level, at in enumerate(facts["alerts_at"][: facts["level"]], 1):
            alert = apps.get_model("dispatch", "Alert")
            alert.objects.create(clock=clock, level=level, due_since=at, raised_at=at)


def test_what_the_first_version_stored_goes_on_under_the_code_of_today(site: None) -> None:
    call_command("migrate", verbosity=0)
    load()
    check_policy()
    check_alerts()
    order, assignment = WorkOrder.objects.get(), Assignment.objects.get()
    assert assignment.returnable_until == assignment.assigned_at + timedelta(days=1)
    handler = Cast().of(Role.HANDLER, assignment.unit)
    perform(order.pk, "sign", actor=handler)
    assert WorkOrder.objects.get().status == Status.HANDLING


def check_policy() -> None:
    policy = Policy.objects.get()
    assert problems_of(policy.document) == []
    assert policy.document["limits"]["resolution"]["ordinary"] == {"value": 7, "unit": "working_day"}


def check_alerts() -> None:
    levels = Alert.objects.order_by("clock__kind", "level").values_list("clock__kind", "level")
    before = list(levels)
    assert before == [("contact", 1), ("contact", 2), *(("signing", level) for level in range(1, 6))]
    assert scan(NOW) == 0, "what was reached before stays reached"
    assert scan(NOW + 3 * HOUR) == 1
    assert list(levels.all()) == [*before[:2], ("contact", 3), *before[2:]]
    assert Clock.objects.get(kind="contact").level == 3
