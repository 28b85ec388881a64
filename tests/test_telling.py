"""Who is told of slips, rectifications and accountability: whoever has to act next, and nobody twice."""

import pytest

from dispatch import accountability, slips
from dispatch.models import Notice, Slip
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import User, WorkOrder

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(road: Road) -> dict[int, str]:
    """The name of the part that each plays."""
    district = road.lead.parent
    parts = {
        "handler": road.cast.of(Role.HANDLER, road.lead),
        "head": road.cast.of(Role.REVIEWER, road.lead),
        "district": road.cast.of(Role.SUPERVISOR, district),  # type: ignore[arg-type]
        "hotline": road.cast.of(Role.SUPERVISOR),
        "stranger": road.cast.of(Role.HANDLER, road.stranger),
    }
    return {user.pk: part for part, user in parts.items()}


def told(people: dict[int, str], *, since: int = 0) -> set[str]:
    found = Notice.objects.filter(pk__gt=since).exclude(user=None)
    names = [people[user] for user in found.values_list("user", flat=True)]
    assert len(names) == len(set(names)), "nobody is told twice"
    return set(names)


def newest() -> int:
    return Notice.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def test_of_a_slip_whoever_has_to_act_on_it_next_is_told(road: Road, people: dict[int, str]) -> None:
    order, since = road.to(Status.HANDLING), 0
    for step, expected in (
        ("issue_slip", {"handler", "head"}),
        ("answer_slip", {"hotline"}),
        ("reject_slip", {"handler", "head"}),
        ("answer_slip", {"hotline"}),
        ("reject_slip", {"handler", "head", "district", "hotline"}),
        ("answer_slip", {"hotline"}),
        ("accept_slip", {"handler", "head", "district", "hotline"}),
    ):
        since = newest()
        road.act(order, step)
        assert told(people, since=since) == expected, step
    road.act(order, "issue_slip")
    since = newest()
    road.act(order, "withdraw_slip")
    assert told(people, since=since) == {"handler", "head"}, "whoever was to answer hears that they need not"
    subject = Notice.objects.order_by("pk")[0].subject
    assert order.spoken_number in subject and "督办" in subject


def test_what_somebody_wrote_is_in_no_message(road: Road, people: dict[int, str]) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "issue_slip", demand="请联系王小明13800001234")
    assert not any("王小明" in notice.body + notice.subject for notice in Notice.objects.all())


def test_an_overdue_red_slip_is_told_those_above_and_their_decision_the_head(
    road: Road, people: dict[int, str]
) -> None:
    order = road.to(Status.HANDLING)
    for step in ("issue_slip", "answer_slip", "reject_slip", "answer_slip", "reject_slip"):
        road.act(order, step)
    slip = red(order)
    since, late = newest(), slip.clock.due_at.replace(year=slip.clock.due_at.year + 1)
    slips.watch(late)
    slips.watch(late)
    assert told(people, since=since) == {"district", "hotline"}
    since = newest()
    leader = User.objects.get(pk=next(pk for pk, part in people.items() if part == "hotline"))
    accountability.decide(slip.accountability.pk, measure="talk", words="约谈", actor=leader, now=late)
    assert told(people, since=since) == {"head"}


def red(order: WorkOrder) -> Slip:
    slip = Slip.objects.select_related("clock").get(order=order)
    assert slip.colour == "red"
    return slip
