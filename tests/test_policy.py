"""The rule book: version 1 says what the issue says, and no document that would break the platform can be put in force."""

import copy
import itertools
import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import NOW
from tests.roads import Road
from workorders import policy as rulebook
from workorders.calendar import WorkCalendar
from workorders.lifecycle import BY_GRADE, ClockKind, Grade
from workorders.models import Category, Clock, Policy
from workorders.policy import Limit, Rules, default_document, problems_of

RULES = Rules(default_document())
DAY = timedelta(days=1)


def changed(path: str, value: Any) -> dict[str, Any]:
    """Version 1 with one setting changed, or left out where the value is `...`."""
    document = default_document()
    *sections, last = path.split("/")
    place: Any = document
    for section in sections:
        place = place[section]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def test_version_1_is_valid_as_text_and_as_json() -> None:
    assert problems_of(default_document()) == []
    assert problems_of(json.loads(json.dumps(default_document()))) == []


@pytest.mark.parametrize(
    ("kind", "grade", "value", "unit"),
    [
        ("resolution", "emergency", 2, "hour"),
        ("resolution", "utility", 24, "hour"),
        ("resolution", "ordinary", 7, "working_day"),
        ("resolution", "complex", 15, "working_day"),
        ("unit_resolution", "emergency", 2, "hour"),
        ("unit_resolution", "utility", 24, "hour"),
        ("unit_resolution", "ordinary", 7, "working_day"),
        ("unit_resolution", "complex", 15, "working_day"),
        ("acceptance", "ordinary", 2, "hour"),
        ("acceptance", "complex", 2, "hour"),
        ("contact", "ordinary", 24, "hour"),
        ("contact", "complex", 24, "hour"),
    ],
)
def test_version_1_sets_the_limits_of_the_rules(kind: str, grade: str, value: int, unit: str) -> None:
    assert RULES.limit(kind, grade) == Limit(value, unit)


@pytest.mark.parametrize("grade", Grade.values)
@pytest.mark.parametrize("kind", BY_GRADE)
def test_every_grade_has_every_limit_and_only_an_emergency_is_arrived_at(kind: str, grade: str) -> None:
    assert (RULES.limit(kind, grade) is None) == (kind == "arrival" and grade != "emergency")
    limit = RULES.limit(kind, grade)
    halved = limit.scaled(0.5) if limit and kind in ("resolution", "unit_resolution") else limit
    assert RULES.limit(kind, grade, round=2) == RULES.limit(kind, grade, round=3) == halved


def test_nobody_waits_longer_for_danger_than_for_comfort() -> None:
    lengths = {"hour": 1, "natural_day": 24, "working_day": 24}
    for kind in set(BY_GRADE) - {"arrival"}:
        limits = [RULES.limit(kind, grade) for grade in ("emergency", "utility", "ordinary", "complex")]
        hours = [limit.value * lengths[limit.unit] for limit in limits if limit]
        assert hours == sorted(hours), kind


def test_the_retention_classes_that_end_are_those_of_the_categories() -> None:
    assert {*rulebook.LIMITED_RETENTION, "permanent"} == set(Category.Retention.values)
    assert [RULES.retention_years(name) for name in Category.Retention.values] == [10, 30, None]


GARBAGE: list[Any] = [None, "", "x", 0, -1, 1.5, True, [], ["x"], {}, {"x": {}}]
WRONG_PAIRS = [
    (1, "week"),
    (0, "hour"),
    ("1", "hour"),
    (True, "hour"),
    (3661, "hour"),
    (float("nan"), "hour"),
    (1, ["hour"]),
]
HOUR = {"value": 1, "unit": "hour"}
NOT_A_LIMIT = [*GARBAGE, {"value": 1}, *({"value": value, "unit": unit} for value, unit in WRONG_PAIRS)]
NOT_A_LIMIT += [{"value": 1, "unit": "hour", "more": 1}]
WRONG_SPANS = ["", "09:00", "9:00-12:00", "12:00-09:00", "09:00-09:00", "09:00-12:00, 11:00-13:00", "09:00-24:00"]
WRONG_SPANS += ["09:00+08:00-12:00", "09:00-12:00 ", "13:30-17:30, 09:00-12:00", "09:00:00-12:00:00"]
HOURS = [*(spans.split(", ") for spans in WRONG_SPANS), [["09:00-12:00"]]]
BROKEN = {
    "working_hours": [..., *GARBAGE, *HOURS],
    "limits": [..., *GARBAGE],
    "limits/contact": [..., *GARBAGE],
    "limits/contact/ordinary": [..., *NOT_A_LIMIT],
    "limits/arrival/emergency": [...],
    "limits/resolution/ordinery": [{"value": 1, "unit": "hour"}],
    "limits/contakt": [{}],
    "rework": [..., *GARBAGE],
    "rework/share": [..., None, "0.5", True, 0, 0.04, 1.1, []],
    "rework/clocks": [..., None, "resolution", ["resolutions"], [["resolution"]], {}, 3],
    "ladder": [..., *GARBAGE],
    "ladder/default": [..., *GARBAGE],
    "ladder/default/warning": [..., None, "x", True, 0, 1, 2],
    "ladder/default/reminder": [..., None, "x", True, 0, 1, 2, 0.9],
    "ladder/default/escalation": [{"value": 1, "unit": "hour"}],
    "ladder/default/escalations": [..., *GARBAGE, [HOUR], [HOUR, HOUR, HOUR]],
    "ladder/contact": [*GARBAGE, {"warning": 0.5}],
    "ladder/urgent": [{"reminder": 0.5, "warning": 0.5, "escalations": [HOUR, HOUR]}],
    "slips": [..., *GARBAGE],
    "slips/by_ladder": [..., None, "true", 1, []],
    "slips/urges": [..., None, "3", True, -1, 1.5, 101],
    "slips/days": [..., *GARBAGE],
    "slips/days/blue": [..., None, "3", True, 0, 0.2, 61, float("nan"), [1]],
    "slips/days/yellow": [3],
    "rectification": [..., *GARBAGE],
    "rectification/report": [..., *NOT_A_LIMIT],
    "rectification/again": [..., *NOT_A_LIMIT],
    "rectification/repeated_complaints": [..., *GARBAGE],
    "rectification/repeated_complaints/orders": [..., None, "5", True, 1, 2.5, 1001],
    "rectification/repeated_redo/days": [..., None, "30", True, 0, 1.5, 367],
    "rectification/grave_miss/orders": [..., None, 0, True, 101],
    "callback": [..., *GARBAGE],
    "callback/attempts": [..., None, "2", True, 0, 1.5, 11],
    "callback/wait": [..., *NOT_A_LIMIT],
    "archive": [..., *GARBAGE],
    "archive/after_days": [..., None, "30", True, -1, 0.5, 3661],
    "retention_years": [..., None, "", 0, [], "x"],
    "retention_years/general": [None, "ten", True, 0, 2.5, 8000],
    "retention_years/genral": [10],
    "retention_years/permanent": [10],
}
CASES = [(path, value) for path, values in BROKEN.items() for value in values]


@pytest.mark.parametrize(("path", "value"), CASES, ids=[f"{path}={value!r}" for path, value in CASES])
def test_a_broken_document_is_refused_with_the_path_to_what_is_wrong(path: str, value: Any) -> None:
    problems = problems_of(changed(path, value))
    assert problems
    place = "rework.clocks" if path == "rework/clocks" else path.replace("/", ".")
    named = [
        problem for problem in problems if place in problem or (problem.startswith("limits") and "contakt" in problem)
    ]
    assert named, problems


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("value", NOT_A_LIMIT)
def test_a_wait_that_is_no_limit_is_named_by_its_number(number: int, value: Any) -> None:
    waits = [HOUR, HOUR]
    waits[number - 1] = value
    problems = problems_of(changed("ladder/emergency/escalations", waits))
    assert [re.split("[:：]", problem)[0] for problem in problems] == [f"ladder.emergency.escalations.{number}"]


@pytest.mark.parametrize(
    ("kind", "grade", "table"),
    [
        ("contact", "emergency", "emergency"),
        ("contact", "utility", "utility"),
        ("contact", "ordinary", "contact"),
        ("resolution", "complex", "default"),
        ("signing", "emergency", "emergency"),
    ],
)
def test_a_grades_own_ladder_goes_before_the_clocks_own_and_that_before_the_default(
    kind: str, grade: str, table: str
) -> None:
    own = default_document()["ladder"][table]
    found = RULES.ladder(kind, grade)
    assert (found.reminder, found.warning) == (own["reminder"], own["warning"])
    assert [found.higher, found.supervision] == [Limit(**wait) for wait in own["escalations"]]


def test_levels_that_fall_on_one_instant_are_reached_together() -> None:
    document = changed("ladder/default", {"reminder": 0.5, "warning": 0.5, "escalations": [HOUR, HOUR]})
    assert problems_of(document) == []
    calendar = WorkCalendar({}, RULES.hours)
    instants = Rules(document).alerts("acceptance", "ordinary", NOW, Limit(2, "hour"), calendar)
    assert instants == [NOW + timedelta(hours=hours) for hours in (1, 1, 2, 3, 3)]


def test_all_that_is_wrong_is_said_at_once() -> None:
    document = changed("callback/attempts", 0)
    document["archive"]["after_days"], document["limits"]["signing"] = "soon", {}
    problems = "\n".join(problems_of(document))
    assert all(place in problems for place in ("callback.attempts", "archive.after_days", "limits.signing.emergency"))


keys = st.one_of(
    st.sampled_from([*default_document(), *ClockKind.values, *Grade.values, "default", "value", "unit", "share"]),
    st.text(),
)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["hour", "09:00-12:00"])
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=20
)


@st.composite
def half_right(draw: st.DrawFn) -> Any:
    """Version 1 with something else put in anywhere."""
    place = document = copy.deepcopy(default_document())
    while True:
        key = draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and draw(st.booleans()):
            place = place[key]
            continue
        place[key] = draw(values)
        return document


@given(st.one_of(values, half_right()))
def test_whatever_document_comes_its_problems_are_told_and_a_valid_one_can_be_computed_with(document: Any) -> None:
    problems = problems_of(document)
    assert all(isinstance(problem, str) for problem in problems)
    if problems:
        return
    rules = Rules(document)
    calendar = WorkCalendar({}, rules.hours)
    for kind, grade in itertools.product(BY_GRADE, Grade.values):
        limit = rules.limit(kind, grade, 2)
        ladder = rules.alerts(kind, grade, NOW, limit, calendar) if limit else []
        assert ladder == sorted(ladder)
        assert bool(ladder) or kind == "arrival"
    assert rules.callback_attempts >= 1
    assert all(rules.slip_days(colour) > 0 for colour in rulebook.COLOURS)
    assert rules.urges_for_slip >= 0
    assert all(NOW - rules.forces_rectification(cause)[1] < NOW for cause in rulebook.CAUSES)
    assert NOW - rules.archive_after <= NOW
    assert all(years is None or years > 0 for years in map(rules.retention_years, Category.Retention.values))


def add(version: int, effective_from: datetime, **settings: Any) -> Policy:
    document = changed("limits/acceptance/ordinary", {"value": version, "unit": "hour"}) | settings
    policy = Policy(version=version, title=f"第{version}版", document=document, effective_from=effective_from)
    policy.state = Policy.State.APPROVED
    policy.full_clean()
    policy.save()
    return policy


@pytest.mark.django_db
def test_the_version_in_force_is_the_latest_that_has_taken_effect() -> None:
    add(2, NOW)
    add(3, NOW + 10 * DAY)
    add(4, NOW)
    in_force = {
        when: Policy.objects.in_force(NOW + when).version
        for when in (-timedelta(seconds=1), 0 * DAY, 9 * DAY, 10 * DAY)
    }
    assert list(in_force.values()) == [1, 4, 4, 3], "of two that take effect at once the higher version"


@pytest.mark.django_db
def test_before_the_first_version_there_is_none() -> None:
    with pytest.raises(Policy.DoesNotExist):
        Policy.objects.in_force(NOW.replace(year=2003))


@pytest.mark.django_db
def test_a_broken_version_cannot_be_entered() -> None:
    with pytest.raises(ValidationError) as caught:
        add(2, NOW, callback={"attempts": 0})
    assert "callback.attempts" in str(caught.value)
    assert not Policy.objects.filter(version=2).exists()


def test_an_order_keeps_the_version_it_was_registered_under(road: Road) -> None:
    before = road.register()
    add(9, NOW + timedelta(minutes=5), rework={"share": 1, "clocks": []})
    road.now += timedelta(minutes=10)
    after = road.register()
    assert [order.policy.version for order in (before, after)] == [1, 9]
    due = Clock.objects.get(order=after, kind="acceptance")
    assert due.due_at - due.started_at == timedelta(hours=9)
    road.act(before, "ask_correction")
    road.act(before, "correct")
    road.act(before, "accept")
    dispatch = Clock.objects.get(order=before, kind="dispatch")
    assert dispatch.due_at - dispatch.started_at == timedelta(hours=2)
    before.refresh_from_db()
    assert before.policy.version == 1, "no step moves an order to another version"
