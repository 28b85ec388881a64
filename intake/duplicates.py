"""疑似重复: how alike two appeals are (B09). Pure: tokens in, a score and its reasons out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import log, sqrt

RAREST = 0.0005  # the share of orders that a token which the statistics do not know stands in, at most
COMMONEST = 0.5  # a word of every second order says as little as one of all
ALIKE, RATHER_ALIKE = 0.45, 0.25
SAME_PLACE = 0.6
MOST = 5
TEXT, CALLER, PLACE = 0.6, 0.25, 0.15  # what each says of "the same matter"


@dataclass(frozen=True)
class Likeness:
    """`text` and `place` are shares from 0 to 1."""

    text: float
    place: float = 0.0
    same_caller: bool = False

    @property
    def score(self) -> float:
        return TEXT * self.text + CALLER * self.same_caller + PLACE * self.place

    @property
    def same_place(self) -> bool:
        return self.place >= SAME_PLACE

    @property
    def is_likely(self) -> bool:
        """Much alike, or rather alike and by the same person or about the same place."""
        return self.text >= ALIKE or (self.text >= RATHER_ALIKE and (self.same_caller or self.same_place))

    @property
    def percent(self) -> int:
        return round(100 * self.text)


def weight(token: str, frequencies: Mapping[str, float]) -> float:
    """A word that stands everywhere says little; one that nobody else uses says most."""
    return -log(min(max(frequencies.get(token, RAREST), RAREST), COMMONEST))


def similarity(one: Collection[str], other: Collection[str], frequencies: Mapping[str, float]) -> float:
    """0 where nothing is shared, 1 where all is: the mean of what each contains of the other, by weight."""
    shared = _weights(set(one) & set(other), frequencies)
    if not shared:
        return 0.0
    return min(1.0, shared / sqrt(_weights(set(one), frequencies) * _weights(set(other), frequencies)))


def containment(part: Collection[str], whole: Collection[str], frequencies: Mapping[str, float]) -> float:
    """How much of `part` stands in `whole`, by weight."""
    total = _weights(set(part), frequencies)
    return min(1.0, _weights(set(part) & set(whole), frequencies) / total) if total else 0.0


def rare(tokens: Iterable[str], frequencies: Mapping[str, float], *, share: float, most: int) -> list[str]:
    """The rarest ones, as long as together they stand in no more than about this share of all orders."""
    chosen: list[str] = []
    used = 0.0
    for token in sorted(set(tokens), key=lambda one: (frequencies.get(one, 0.0), one)):
        used += frequencies.get(token, RAREST)
        if used > share or len(chosen) == most:
            break
        chosen.append(token)
    return chosen


def _weights(tokens: Iterable[str], frequencies: Mapping[str, float]) -> float:
    return sum(weight(token, frequencies) for token in sorted(tokens))
