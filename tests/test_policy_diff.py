"""What differs between two versions, in words that do not need a colour."""

import copy
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from workorders.policy import default_document
from workorders.policy_diff import amount, by_section, changes

FIRST = default_document()


@pytest.fixture(autouse=True)
def in_english() -> Any:
    with translation.override("en"):
        yield


def changed(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(FIRST)
    *sections, last = path.split("/")
    place: Any = document
    for section in sections:
        place = place.setdefault(section, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (
            "limits/unit_resolution/ordinary",
            {"value": 5, "unit": "working_day"},
            ("Limits", "Unit's resolution, Ordinary", "7 working days", "5 working days", "shorter"),
        ),
        (
            "limits/contact/ordinary",
            {"value": 2, "unit": "natural_day"},
            ("Limits", "First contact, Ordinary", "24 hours", "2 days", "longer"),
        ),
        (
            "limits/contact/ordinary",
            {"value": 1, "unit": "natural_day"},
            ("Limits", "First contact, Ordinary", "24 hours", "1 day", "the same, counted in another way"),
        ),
        (
            "limits/contact/ordinary",
            {"value": 90, "unit": "minute"},
            ("Limits", "First contact, Ordinary", "24 hours", "90 minutes", "shorter"),
        ),
        (
            "limits/contact/ordinary",
            {"value": 1, "unit": "working_day"},
            ("Limits", "First contact, Ordinary", "24 hours", "1 working day", "counted in another way"),
        ),
        (
            "limits/arrival/utility",
            {"value": 3, "unit": "hour"},
            ("Limits", "Arrival on site, Utility", "—", "3 hours", "added"),
        ),
        (
            "rework/share",
            0.75,
            ("Rework", "Share of the limit in a round of rework", "50%", "75%", "higher"),
        ),
        (
            "rework/clocks",
            ["resolution"],
            ("Rework", "Limits that a rework shortens", "Resolution, Unit's resolution", "Resolution", "changed"),
        ),
        ("working_hours", ["08:00-16:00"], ("General", "Working hours", "09:00-12:00, 13:30-17:30", "08:00-16:00", "changed")),
        ("callback/attempts", 3, ("Callbacks", "Unanswered attempts before an order may be closed", "2", "3", "higher")),
        ("callback/wait", {"value": 1, "unit": "working_day"}, ("Callbacks", "Time until the next attempt", "0.5 working days", "1 working day", "longer")),
        ("retention_years/major", ..., ("Retention", "Years that major orders are kept", "30", "—", "removed")),
    ],
)  # fmt: skip
def test_a_change_reads_as_people_say_it(path: str, value: Any, words: tuple[str, ...]) -> None:
    (found,) = changes(FIRST, changed(path, value))
    assert (found.section, found.name, found.before, found.after, found.direction) == words


def test_every_rung_of_a_ladder_is_compared_by_itself() -> None:
    def ladder(*hours: int) -> dict[str, Any]:
        rungs = {"reminder": 0.5, "escalations": [{"value": value, "unit": "hour"} for value in hours]}
        return {**FIRST, "ladder": {"default": rungs}}

    found = changes(ladder(1, 2), ladder(1, 4, 8))
    assert [(one.name, one.before, one.after, one.direction) for one in found] == [
        ("All others: escalation 2 after the deadline", "2 hours", "4 hours", "longer"),
        ("All others: escalation 3 after the deadline", "—", "8 hours", "added"),
    ]


def test_a_ladder_of_a_clock_and_of_a_grade_is_called_by_its_name() -> None:
    def ladder(share: float) -> dict[str, Any]:
        return {**FIRST, "ladder": {"contact": {"warning": share}, "emergency": {"warning": share}}}

    assert [(one.name, one.before, one.after) for one in changes(ladder(0.5), ladder(0.8))] == [
        ("Emergency: warning at this share of the limit", "50%", "80%"),
        ("First contact: warning at this share of the limit", "50%", "80%"),
    ]


def test_a_setting_nobody_gave_a_name_shows_its_path() -> None:
    (found,) = changes(FIRST, changed("notices/quiet_from", "22:00"))
    assert (found.name, found.after, found.direction) == ("notices.quiet_from", "22:00", "added")


def test_changes_stand_in_the_order_of_the_sections() -> None:
    document = changed("limits/callback/complex", {"value": 3, "unit": "working_day"})
    document["title"] = "第二版"
    document["limits"]["acceptance"]["utility"] = {"value": 2, "unit": "hour"}
    document["archive"]["after_days"] = 60
    found = by_section(changes(FIRST, document))
    assert [(section, [one.path for one in group]) for section, group in found] == [
        ("General", ["title"]),
        ("Limits", ["limits.acceptance.utility", "limits.callback.complex"]),
        ("Archiving", ["archive.after_days"]),
    ]


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(0.25, "hour", "15 minutes"), (1, "hour", "1 hour"), (1.5, "natural_day", "1.5 days"), (1, "working_day", "1 working day")],
)  # fmt: skip
def test_an_amount_of_time_in_words(value: float, unit: str, words: str) -> None:
    assert amount(value, unit) == words


@given(st.dictionaries(st.sampled_from(sorted(FIRST)), st.none() | st.integers() | st.lists(st.text()), max_size=4))
def test_nothing_differs_from_itself_and_whatever_differs_is_found(other: Any) -> None:
    document = {**FIRST, **other}
    assert changes(document, copy.deepcopy(document)) == []
    assert {one.path.split(".")[0] for one in changes(FIRST, document)} >= {
        name for name in other if other[name] != FIRST[name]
    }
