"""The responsibility catalogue: every matter in every place leads to a unit, and the most specific line decides."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dispatch import catalogue, routing
from dispatch.forms import DispatchForm
from dispatch.models import Responsibility
from dispatch.routing import Line, Suggestion, suggest
from dispatch.selectors import suggested_unit
from tests.roads import Road
from workorders import reference
from workorders.lifecycle import Role
from workorders.models import Area, Category, Unit, WorkOrder
from workorders.transitions import STEPS

TERRITORIAL = {"110105009": "STREET", "110105": "DISTRICT"}
STREET, DISTRICT = ["110105009", "110105", "110000"], ["110105", "110000"]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, str]]]:
    return {name: reference.rows(name) for name in ("areas", "units", "categories")}


def chain(code: str, parents: dict[str, str]) -> Iterator[str]:
    while code:
        yield code
        code = parents[code]


def leaves(nodes: list[dict[str, str]]) -> list[str]:
    inner = {node["parent"] for node in nodes}
    return [node["code"] for node in nodes if node["code"] not in inner]


@pytest.mark.django_db
def test_every_leaf_in_every_street_in_every_district_and_nowhere_leads_to_a_unit(
    rows: dict[str, list[dict[str, str]]],
) -> None:
    values = Responsibility.objects.values_list("category__code", "area__code", "unit__code", "territory")
    lines: dict[str, list[Line]] = {}
    for category, area, unit, territory in values:
        lines.setdefault(category, []).append(Line(category, area or "", unit or "", territory))
    territorial = {unit["area"]: unit["code"] for unit in rows["units"] if unit["kind"] in ("street", "district")}
    sectors = {unit["sector"]: unit["code"] for unit in rows["units"] if unit["sector"]}
    parents = {node["code"]: node["parent"] for name in ("areas", "categories") for node in rows[name]}
    responsible = {node["code"]: sectors[node["sector"]] for node in rows["categories"]}
    places = [list(chain(area["code"], parents)) for area in rows["areas"]] + [[]]
    known = {unit["code"] for unit in rows["units"] if unit["kind"] != "city"}
    assert (len(leaves(rows["categories"])) >= 150, len(places)) == (True, 1 + 1 + 16 + 349)
    for leaf in leaves(rows["categories"]):
        categories = list(chain(leaf, parents))
        ours = [line for category in categories for line in lines.get(category, [])]
        found = {routing.suggest(categories, place, ours, territorial, responsible[leaf]) for place in places}
        assert {suggestion.unit if suggestion else None for suggestion in found} <= known, leaf


LEAF, PARENT, ROOT = "010101", "0101", "01"
CATEGORIES = [LEAF, PARENT, ROOT]


@pytest.mark.parametrize(
    ("lines", "areas", "expected"),
    [
        ([Line(ROOT, unit="R"), Line(PARENT, unit="P"), Line(LEAF, unit="L")], STREET, "L"),
        ([Line(ROOT, unit="R"), Line(PARENT, unit="P")], STREET, "P"),
        ([Line(ROOT, unit="R")], STREET, "R"),
        ([Line(LEAF, unit="L"), Line(LEAF, "110105", unit="D"), Line(LEAF, "110105009", unit="S")], STREET, "S"),
        ([Line(LEAF, unit="L"), Line(LEAF, "110105", unit="D"), Line(LEAF, "110105009", unit="S")], DISTRICT, "D"),
        ([Line(LEAF, unit="L"), Line(LEAF, "110105", unit="D")], ["110101001", "110101", "110000"], "L"),
        ([Line(LEAF, unit="L"), Line(PARENT, "110105009", unit="S")], STREET, "L"),
        ([Line(LEAF, "110101", unit="X"), Line(PARENT, unit="P")], STREET, "P"),
        ([Line(LEAF, territory="street")], STREET, "STREET"),
        ([Line(LEAF, territory="district")], STREET, "DISTRICT"),
        ([Line(LEAF, territory="district")], DISTRICT, "DISTRICT"),
        ([Line("9999", unit="X")], STREET, "DISTRICT"),
        ([], [], "SECTOR"),
        ([Line(LEAF, territory="street")], ["110000"], "SECTOR"),
        ([Line(LEAF, territory="street")], [], "SECTOR"),
    ],
)
def test_the_most_specific_line_decides_by_category_first_and_then_by_place(
    lines: list[Line], areas: list[str], expected: str
) -> None:
    for order in (lines, lines[::-1]):
        found = suggest(CATEGORIES, areas, order, TERRITORIAL, "SECTOR")
        assert found is not None
        assert found.unit == expected


@pytest.mark.parametrize("broader", [[], [Line(PARENT, unit="P")], [Line(ROOT, territory="district")]])
def test_where_the_street_is_not_known_its_district_coordinates(broader: list[Line]) -> None:
    found = suggest(CATEGORIES, DISTRICT, [Line(LEAF, territory="street"), *broader], TERRITORIAL, "SECTOR")
    assert found == Suggestion("DISTRICT", None, "district")


def test_where_nothing_leads_anywhere_nothing_is_suggested() -> None:
    assert suggest(CATEGORIES, [], [], TERRITORIAL) is None
    assert suggest(CATEGORIES, STREET, [Line(LEAF, territory="street")], {}) is None


def leaf_of(route: str) -> Category:
    line = Responsibility.objects.filter(area=None, category__children=None)
    return line.filter(unit__isnull=route != "sector", territory="" if route == "sector" else route)[0].category


@pytest.mark.parametrize(
    ("route", "area", "unit", "territory"),
    [
        ("street", "110105009", "J110105009", "street"),
        ("street", "110105", "Q110105", "district"),
        ("district", "110105009", "Q110105", "district"),
    ],
)
def test_an_order_is_suggested_to_the_government_of_its_place(
    route: str, area: str, unit: str, territory: str, road: Road
) -> None:
    order = road.register(category=leaf_of(route), area=Area.objects.get(code=area))
    found = suggested_unit(order)
    assert found is not None
    assert (found.unit.code, found.territory, found.line is None) == (
        unit,
        territory,
        route == "street" and area == "110105",
    )


@pytest.mark.parametrize("route", ["sector", "street", "district"])
def test_without_a_place_an_order_is_for_its_sector(route: str, road: Road) -> None:
    category = leaf_of(route)
    found = suggested_unit(road.register(category=category, area=None))
    assert found is not None
    assert found.unit == Unit.objects.get(sector=category.sector)
    assert found.line is not None
    assert found.line.category == category.code


def test_without_a_category_nothing_is_suggested(road: Road) -> None:
    assert suggested_unit(road.register(category=None)) is None


def test_a_unit_that_is_no_longer_active_is_not_suggested(road: Road) -> None:
    by_sector = road.register(category=leaf_of("sector"))
    by_street = road.register(category=leaf_of("street"))
    before = suggested_unit(by_sector)
    assert before is not None
    Unit.objects.filter(pk__in=[before.unit.pk, road.lead.pk]).update(is_active=False)
    after, district = suggested_unit(by_sector), suggested_unit(by_street)
    assert after is None or after.unit.is_active
    assert district is not None
    assert district.unit.code == "Q110105"


def test_a_line_for_one_street_beats_the_line_for_everywhere(road: Road) -> None:
    order = road.register(category=leaf_of("street"))
    Responsibility.objects.create(category=order.category, area=road.street, unit=road.stranger)
    found = suggested_unit(order)
    assert found is not None
    assert found.unit == road.stranger


def test_a_suggestion_takes_as_many_queries_wherever_it_comes_from(road: Road) -> None:
    counts = set()
    for route in ("street", "district", "sector"):
        order = WorkOrder.objects.select_related("category", "area").get(pk=road.register(category=leaf_of(route)).pk)
        with CaptureQueriesContext(connection) as queries:
            suggested_unit(order)
        counts.add(len(queries))
    assert counts == {4}


def test_the_dispatchers_form_opens_with_the_suggestion_and_keeps_what_was_chosen(road: Road) -> None:
    order, actor = road.to("accepted"), road.cast.of(Role.DISPATCHER)
    suggested = suggested_unit(order)
    assert suggested is not None
    opened = DispatchForm(order=order, step=STEPS["dispatch"], actor=actor)
    assert opened.initial["lead"] == suggested.unit
    sent = DispatchForm(
        {"lead": road.stranger.code, "co_handling": []}, order=order, step=STEPS["dispatch"], actor=actor
    )
    assert sent.is_valid()
    assert sent.cleaned_data["lead"] == road.stranger


@pytest.mark.django_db
def test_loading_the_catalogue_again_adds_nothing_and_changes_nothing() -> None:
    line = Responsibility.objects.filter(territory="street")[0]
    Responsibility.objects.filter(pk=line.pk).update(territory="district", basis="本市决定")
    assert catalogue.load() == 0
    line.refresh_from_db()
    assert (line.territory, line.basis) == ("district", "本市决定")
