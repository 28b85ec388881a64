"""Which category a text is about: by the words of the categories' names, and by what similar orders were about. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from intake.duplicates import containment

SHOWN = 3
LEAST = 0.05
NAMED, REMEMBERED = 0.5, 1.0  # a name that stands in the text says less than ten orders like it
FULL = 1.2  # evidence from which on a percentage means what it says


@dataclass(frozen=True)
class Suggested:
    category: int
    percent: int


def suggest(
    tokens: Collection[str],
    names: Mapping[int, Collection[str]],
    neighbours: Iterable[tuple[int, float]],
    frequencies: Mapping[str, float],
) -> list[Suggested]:
    """`names` maps categories to the tokens of their names; `neighbours` are (category, likeness) of similar orders."""
    evidence = _by_names(tokens, names, frequencies)
    for category, share in _by_neighbours(list(neighbours)).items():
        evidence[category] += share
    return _ranked(evidence)


def _by_names(
    tokens: Collection[str], names: Mapping[int, Collection[str]], frequencies: Mapping[str, float]
) -> defaultdict[int, float]:
    found: defaultdict[int, float] = defaultdict(float)
    for category, words in names.items():
        share = containment(words, tokens, frequencies)
        if share:
            found[category] = NAMED * share
    return found


def _by_neighbours(neighbours: Sequence[tuple[int, float]]) -> dict[int, float]:
    """Near ones count far more than distant ones; all together no more than REMEMBERED."""
    votes: defaultdict[int, float] = defaultdict(float)
    for category, likeness in neighbours:
        votes[category] += likeness**2
    total = sum(votes.values())
    nearest = max((likeness for _category, likeness in neighbours), default=0.0)
    strength = REMEMBERED * min(1.0, 1.5 * nearest)
    return {category: strength * vote / total for category, vote in votes.items()} if total else {}


def _ranked(evidence: Mapping[int, float]) -> list[Suggested]:
    total = sum(evidence.values())
    if not total:
        return []
    sure = min(1.0, max(evidence.values()) / FULL + 0.2)
    shares = {category: found / total * sure for category, found in evidence.items()}
    best = sorted(shares, key=lambda category: (-shares[category], category))[:SHOWN]
    return [Suggested(category, round(100 * shares[category])) for category in best if shares[category] >= LEAST]
