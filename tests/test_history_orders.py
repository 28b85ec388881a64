"""Orders of another system, taken over to be searched: they are found, they are marked, and nobody waits for them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from archive.services import due_for_archive
from dispatch.models import Alert, Threshold
from dispatch.supervision import scan
from dispatch.thresholds import registered
from evaluation import tally
from evaluation.models import Callback, Mark
from intake.models import Appeal, Message
from intake.services import Voice, add_to
from tests.conftest import CHINA
from tests.roads import Road
from tests.tables import Import, counts
from workorders import ledger, selectors
from workorders.lifecycle import Role
from workorders.models import Clock, Event, WorkOrder
from workorders.refusals import Invalid, Refused, WrongState
from workorders.transitions import STEPS, available, perform

pytestmark = pytest.mark.django_db
ROWS = """工单编号,诉求内容,创建时间,办结时间,联系电话,来电人,受理渠道
A1,多年以前的路灯不亮,2019-01-05 10:00,2019-01-09 12:00,13900000001,甲某,网站
A2,多年以前的噪音扰民,2019-02-05 10:00,,13900000002,乙某,电话
"""


@pytest.fixture
def door(tmp_path: Path) -> Import:
    return Import(tmp_path)


@pytest.fixture
def history(door: Import) -> WorkOrder:
    code, said = door.run(door.file(ROWS), "--history")
    assert (code, counts(said)) == (0, [2, 2, 0, 0]), said
    return Appeal.objects.get(source_id="A1").order


def test_a_history_is_closed_and_starts_raises_and_sends_nothing(history: WorkOrder) -> None:
    scan(timezone.now())
    assert (history.status, history.is_history) == ("closed", True)
    assert history.registered_at == datetime(2019, 1, 5, 10, tzinfo=CHINA)
    assert history.ended_at == datetime(2019, 1, 9, 12, tzinfo=CHINA)
    assert WorkOrder.objects.get(appeals__source_id="A2").ended_at is None, "what nobody knows is not made up"
    assert not any(model.objects.exists() for model in (Clock, Alert, Message, Callback))


def test_the_ledger_says_when_it_was_taken_over_and_by_whom(history: WorkOrder) -> None:
    event = Event.objects.get(order=history)
    assert (event.step, event.source, event.target) == ("record_history", "", "closed")
    assert event.data["source"] == "letters" and event.actor and timezone.now() - event.at < timedelta(hours=1)
    assert ledger.verify(history) is None


def test_a_history_that_is_imported_again_is_there_already(door: Import, history: WorkOrder) -> None:
    assert counts(door.run(door.file(ROWS), "--history")[1]) == [2, 0, 2, 0]


def test_an_end_before_the_beginning_is_rejected(door: Import) -> None:
    code, said = door.run(door.file(ROWS.replace("2019-01-09", "2018-12-31")), "--history")
    assert (code, counts(said)) == (1, [2, 1, 0, 1])
    assert "ended_at: The end lies before the registration." in said


def test_it_is_found_and_marked_on_every_page(history: WorkOrder, as_: Callable[..., Client]) -> None:
    client = as_(Role.OPERATOR)
    pages = [
        client.get("/orders/", {"view": "all", "q": "路灯"}),
        client.get(f"/orders/{history.number}/"),
        client.post("/palette/", {"q": "路灯"}),
        client.get("/orders.csv", {"view": "all", "q": "路灯"}),
    ]
    for page in pages:
        assert "历史工单" in page.getvalue().decode()


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.DISPATCHER, Role.CALLBACK_AGENT, Role.SUPERVISOR])
def test_it_waits_on_nobody_and_offers_no_step_but_a_look(history: WorkOrder, road: Road, role: Role) -> None:
    user, now = road.cast.of(role), timezone.now()
    for view in ("todo", "open"):
        assert history not in selectors.listed(user, {"view": view}, now=now)
    assert set(available(history, user)) <= {"reveal"}


@pytest.mark.parametrize("step", [step for step in STEPS if step != "reveal"])
def test_no_step_moves_it(history: WorkOrder, road: Road, step: str) -> None:
    for role in (None, Role.OPERATOR, Role.SUPERVISOR):
        with pytest.raises(Refused):
            perform(history.pk, step, actor=role and road.cast.of(role), reason="要求重办")
    history.refresh_from_db()
    assert (history.status, history.version) == ("closed", 1)
    assert Event.objects.filter(order=history).count() == 1


def test_what_a_caller_adds_is_refused_and_not_buried_under_it(history: WorkOrder, road: Road) -> None:
    with pytest.raises(WrongState, match=r"history|历史"):
        add_to(history, Voice(matter="又坏了"), actor=road.cast.of(Role.OPERATOR))
    assert Appeal.objects.filter(order=history).count() == 1
    order = road.register()
    with pytest.raises(Invalid):
        perform(order.pk, "merge", actor=road.cast.of(Role.OPERATOR), parent=history.number)
    order.refresh_from_db()
    assert order.status == "registered"


def test_no_figure_threshold_or_archive_counts_it(history: WorkOrder) -> None:
    tally.follow()
    assert not Mark.objects.exists()
    every = Threshold(kind=Threshold.Kind.VOLUME, window=24 * 365 * 20, count=1)
    assert not registered(every, timezone.now())
    assert due_for_archive(timezone.now()) == []


def test_without_the_option_old_rows_are_said_to_be_late(door: Import) -> None:
    text = ROWS.replace("办结时间", "备注")
    code, said = door.run(door.file(text), "--drop", "备注")
    assert code == 0 and "2 rows are older than 30 days" in said
    assert Clock.objects.count() == 2


def test_the_api_marks_it(history: WorkOrder, as_: Callable[..., Any]) -> None:
    page = as_(Role.SUPERVISOR).get(f"/api/v1/workorders/{history.number}/")
    assert page.json()["is_history"] is True
