"""The list's query as it may stand in an address, which browsers remember and servers log: numbers that may be a person's
are encrypted there."""

from django.http import QueryDict
from django.utils.translation import gettext as _

from workorders import numbers
from workorders.fields import Undecipherable, decrypt, encrypt
from workorders.refusals import Invalid

FEWEST_DIGITS = 7  # a telephone without its area's code
OWNER = "sought"


def is_personal(words: str) -> bool:
    digits = numbers.typed(words)
    return len(digits) >= FEWEST_DIGITS and not numbers.is_valid(digits)


def sealed(given: QueryDict) -> QueryDict:
    """What narrows nothing falls away."""
    query = QueryDict(mutable=True)
    for name, values in given.lists():
        query.setlist(name, [value for value in values if value and name != "csrfmiddlewaretoken"])
    if is_personal(query.get("q", "")):
        query["sought"] = encrypt(query.pop("q")[-1], OWNER)
    return query


def opened(query: QueryDict) -> QueryDict:
    given = query.copy()
    stored = given.pop("sought", [""])[-1]
    try:
        return given if not stored else _with_words(given, decrypt(stored, OWNER))
    except Undecipherable:
        raise Invalid(_("This search cannot be opened again. Type it once more.")) from None


def _with_words(given: QueryDict, words: str) -> QueryDict:
    given.setdefault("q", words)
    return given
