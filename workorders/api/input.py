"""What is let in: JSON of a bounded size and depth, in which every text can be stored."""

import json
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import JSONParser, MultiPartParser

from workorders.api.errors import Malformed, TooLarge, invalid

DEPTH = 16
CHUNK = 1024 * 1024


class StrictJSONParser(JSONParser):
    """UTF-8 only, no NaN, no name twice, no NUL, no half a surrogate pair, nothing nested without end."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        raw = stream.read(settings.API_MAX_BYTES + 1)
        if len(raw) > settings.API_MAX_BYTES:
            _drain(stream)
            raise TooLarge
        try:
            found = json.loads(raw.decode(), parse_constant=_constant, object_pairs_hook=_once)
        except UnicodeDecodeError:
            raise Malformed(_("it is not UTF-8.")) from None
        except RecursionError:
            raise Malformed(_("it is nested too deeply.")) from None
        except ValueError as problem:
            raise Malformed(problem) from None
        refuse_unstorable(found)
        return found


class BoundedMultiPartParser(MultiPartParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        request: HttpRequest = parser_context["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.API_MAX_UPLOAD_BYTES:
            raise TooLarge
        found = super().parse(stream, media_type, parser_context)
        refuse_unstorable(dict(found.data.lists()))
        return found


def readable(request: HttpRequest) -> None:
    """Make a body that comes in chunks readable: Django takes what has no Content-Length for empty.

    Raises where it would have to be unpacked first.
    """
    packed = request.headers.get("Content-Encoding", "identity").strip().lower()
    if packed != "identity":
        raise UnsupportedMediaType(packed, _("A body is taken as it is, without Content-Encoding."))
    if not request.headers.get("Transfer-Encoding"):
        return
    if not request.META.get("wsgi.input_terminated"):
        raise Malformed(_("it has no Content-Length."))
    body = SpooledTemporaryFile(settings.API_MAX_BYTES)  # noqa: SIM115  read by the parser, gone with the request
    size = _copy(request.META["wsgi.input"], body)
    request.META["CONTENT_LENGTH"] = str(size)
    request._stream = body  # type: ignore[assignment]


def _copy(stream: Any, body: Any) -> int:
    """One byte more than is taken is enough to be refused."""
    left = settings.API_MAX_UPLOAD_BYTES + 1
    while left and (part := stream.read(min(CHUNK, left))):
        left -= body.write(part)
    size = body.tell()
    body.seek(0)
    return int(size)


def _drain(stream: Any) -> None:
    """A sender who is still busy sending would see a broken connection instead of the answer."""
    for _part in range(settings.API_MAX_UPLOAD_BYTES // CHUNK):
        if not stream.read(CHUNK):
            break


def _constant(name: str) -> Any:
    raise ValueError(_("%(name)s is not a value of JSON.") % {"name": name})


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(_("a name stands twice in the same object."))
    return found


def refuse_unstorable(found: Any) -> None:
    """400 that names the field."""
    for path, value in _walk(found, "", 0):
        if not _storable(value) or not _storable(path):
            name = path.encode("utf-8", "replace").decode().replace("\0", "�")
            raise invalid({name: [_("A character in it cannot be stored.")]})


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """(where it stands, text) of every text, and of every name."""
    if depth > DEPTH:
        raise Malformed(_("it is nested too deeply."))
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            below = f"{path}.{name}" if path else str(name)
            yield below, ""
            yield from _walk(one, below, depth + 1)


def refuse_unknown(given: Any, known: Any) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise invalid({name: [_("There is no field of this name here.")] for name in unknown})
