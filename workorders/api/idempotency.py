"""Idempotency-Key on POST: whoever sends a request twice gets the first answer twice, and the act is done once.

The row is written in the transaction of the act: the same key, while the first call runs, waits for the database; when
the first call fails or the machine dies, nothing stays behind. Only answers of acts that were done (2xx) are kept: a
refused request changed nothing, and may come again under its key, corrected or not.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from psycopg2.errors import LockNotAvailable
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from workorders.api.errors import invalid
from workorders.models import StoredAnswer

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
WAIT_MS = 5000
Handler = Callable[..., Response]


class IdempotencyConflict(APIException):
    status_code, default_code = 409, "idempotency_conflict"
    default_detail = gettext_lazy("This Idempotency-Key was used for another request.")


class InProgress(APIException):
    status_code, default_code, wait = 409, "in_progress", 2
    default_detail = gettext_lazy("The first request with this Idempotency-Key is still running. Send it again later.")


def idempotent(post: Handler) -> Handler:
    @wraps(post)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return post(view, request, *args, **kwargs)
        _check(key)
        fingerprint = _fingerprint(request)
        with transaction.atomic():
            stored, is_new = claim(request.user, key, fingerprint)
            if not is_new:
                return _again(view, request, stored, fingerprint, kwargs)
            return _keep(stored, post(view, request, *args, **kwargs))

    once.idempotent = True  # type: ignore[attr-defined]
    return once


def forget_old() -> int:
    return StoredAnswer.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()[0]


def _check(key: str) -> None:
    if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise invalid({HEADER: [_("1 to 255 printable ASCII characters.")]})


def _fingerprint(request: Request) -> str:
    """Of what was understood, so that the blanks of a JSON text and the boundary of a form do not matter."""
    data = request.data
    fields = {name: data.getlist(name) for name in data} if hasattr(data, "getlist") else data
    what = json.dumps([request.method, request.get_full_path(), fields], sort_keys=True, default=_hash)
    return hashlib.sha256(what.encode()).hexdigest()


def _hash(file: UploadedFile) -> list[Any]:
    file.seek(0)
    return [file.name, file.size, hashlib.file_digest(file, "sha256").hexdigest()]


def claim(caller: Any, key: str, fingerprint: str) -> tuple[StoredAnswer, bool]:
    now = timezone.now()
    mine = StoredAnswer.objects.filter(caller=caller, key=key)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = %s", [WAIT_MS])
            mine.filter(created_at__lt=now - KEPT_FOR).delete()
            # The unique index makes it wait for whoever has written the same key and has not committed yet.
            found = mine.get_or_create(
                defaults={"caller": caller, "key": key, "fingerprint": fingerprint, "created_at": now}
            )
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as problem:
        if isinstance(problem.__cause__, LockNotAvailable):
            raise InProgress from None
        raise
    return found


def _again(view: Any, request: Request, stored: StoredAnswer, fingerprint: str, where: dict[str, Any]) -> Response:
    if stored.fingerprint != fingerprint:
        raise IdempotencyConflict
    headers = {**stored.headers, "Idempotent-Replayed": "true"}
    return Response(view.again(request, json.loads(stored.body), **where), status=stored.code, headers=headers)


def _keep(stored: StoredAnswer, response: Response) -> Response:
    stored.code = response.status_code
    stored.headers = {name: response[name] for name in ("Location", "Cache-Control") if name in response}
    stored.body = JSONRenderer().render(response.data).decode()
    stored.save(update_fields=["code", "headers", "body"])
    return response
