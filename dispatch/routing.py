"""Which unit an order belongs to, by the responsibility catalogue 派单目录 (rules.md A Art. 11, 12). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ANYWHERE = ""


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
    categories: Sequence[str], areas: Sequence[str], lines: Iterable[Line], territorial: Mapping[str, str]
) -> Suggestion | None:
    """`categories` and `areas` run from the order's own node up to the root; `territorial` maps an area to its government.

    None where neither the catalogue nor the place leads to a unit.
    """
    catalogue = {(line.category, line.area): line for line in lines}
    for category in categories:
        for area in (*areas, ANYWHERE):
            line = catalogue.get((category, area))
            found = _follow(line, areas, territorial) if line else None
            if found:
                return found
    return _coordinating(areas, territorial)


def _follow(line: Line, areas: Sequence[str], territorial: Mapping[str, str]) -> Suggestion | None:
    if line.unit:
        return Suggestion(line.unit, line)
    length = {"street": 9, "district": 6}[line.territory]
    for area in areas:
        if len(area) == length and area in territorial:
            return Suggestion(territorial[area], line, line.territory)
    return None


def _coordinating(areas: Sequence[str], territorial: Mapping[str, str]) -> Suggestion | None:
    for area in areas[::-1]:
        if area in territorial:
            return Suggestion(territorial[area], None, "district")
    return None
