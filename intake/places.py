"""Which area a text speaks of: 亚运村街道, or 亚运村, or at least 朝阳区. Pure: names in, the best one out."""

from collections.abc import Iterable
from dataclasses import dataclass

ENDINGS = ("街道", "地区", "镇", "乡", "区")
SHORTEST = 3  # signs of a name without its ending: shorter ones (和平, 望京) stand in too many other words


@dataclass(frozen=True)
class Named:
    area: int
    name: str
    above: str  # the name of the district


def spoken_of(text: str, areas: Iterable[Named]) -> int | None:
    """The one that is named at greatest length; of namesakes the one whose district is named too; none where that leaves two."""
    found = [(_length(one.name, text), _length(one.above, text), one.area) for one in areas]
    best = max(((name, above) for name, above, _area in found if name), default=None)
    fitting = [area for name, above, area in found if (name, above) == best]
    return fitting[0] if len(fitting) == 1 else None


def _length(name: str, text: str) -> int:
    """How many signs of the name stand in the text."""
    if name and name in text:
        return len(name)
    stem = next((name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)), name)
    return len(stem) if len(stem) >= SHORTEST and stem in text else 0
