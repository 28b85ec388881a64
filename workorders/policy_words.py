"""The rule book's words: what no reply to a complainant may hold. Versions older than this section are under its default."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from django.utils.translation import gettext as _

SECTION = "replies"
LONGEST, MOST = 40, 500


def forbidden(document: dict[str, Any], default: Callable[[], dict[str, Any]]) -> list[str]:
    return document[SECTION]["forbidden"] if SECTION in document else list(_default(default))


@cache
def _default(default: Callable[[], dict[str, Any]]) -> tuple[str, ...]:
    return tuple(default()[SECTION]["forbidden"])


def problems_of(document: dict[str, Any]) -> Iterator[str]:
    if SECTION not in document:
        return
    if not isinstance(document[SECTION], dict):
        yield _("%(path)s: must be a table of settings.") % {"path": SECTION}
        return
    words = document[SECTION].get("forbidden")
    if not isinstance(words, list) or len(words) > MOST or not all(_is_word(word) for word in words):
        yield _("%(path)s: must be a list of at most %(most)s words.") % {"path": f"{SECTION}.forbidden", "most": MOST}


def _is_word(word: Any) -> bool:
    return isinstance(word, str) and 0 < len(word.strip()) <= LONGEST
