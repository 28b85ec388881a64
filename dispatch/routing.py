"""Which unit an order belongs to, by the responsibility catalogue 派单目录 (rules.md A Art. 11, 12). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ANYWHERE = ""
LENGTH = {"street": 9, "district": 6}  # of an area's code, GB/T 2260


@dataclass(frozen=True)
class Line:
    """`area` is a code, or ANYWHERE; one of `unit` (a code) and `territory` (street, district) is set."""

    category: str
    area: str = ANYWHERE
    unit: str = ""
    territory: str = ""


@dataclass(frozen=True)
class Suggestion:
    """`line` is what decided; none where only the district's duty to coordinate 区政府兜底 (Art. 12 (2)) is left."""

    unit: str
    line: Line | None
    territory: str = ""


def suggest(
    categories: Sequence[str],
    areas: Sequence[str],
    lines: Iterable[Line],
    territorial: Mapping[str, str],
    responsible: str = "",
) -> Suggestion | None:
    """`categories` and `areas` run from the order's own node up to the root; `territorial` maps areas to governments.

    The most specific line decides. Where it names the territorial unit and the place is not known that closely, the
    district coordinates; where no place is known, it is for `responsible`, the unit of the category's sector.
    """
    line = _most_specific(categories, areas, lines)
    if line and line.unit:
        return Suggestion(line.unit, line)
    if line and (unit := _government(areas, territorial, LENGTH[line.territory])):
        return Suggestion(unit, line, line.territory)
    if unit := _government(areas, territorial, LENGTH["district"]):
        return Suggestion(unit, None, "district")
    return Suggestion(responsible, line) if responsible else None


def _most_specific(categories: Sequence[str], areas: Sequence[str], lines: Iterable[Line]) -> Line | None:
    catalogue = {(line.category, line.area): line for line in lines}
    places = [(category, area) for category in categories for area in (*areas, ANYWHERE)]
    return next((catalogue[place] for place in places if place in catalogue), None)


def _government(areas: Sequence[str], territorial: Mapping[str, str], length: int) -> str | None:
    return next((territorial[area] for area in areas if len(area) == length and area in territorial), None)
