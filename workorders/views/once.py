"""A form that is sent again, because nobody knows whether it arrived, does its step once.

The page puts a `token` of its own into the form; what was done under it is kept as the API keeps an Idempotency-Key, for a day.
"""

import re
from collections.abc import Callable

from django.db import transaction
from django.http import HttpResponse

from workorders.api import idempotency
from workorders.views.request import StaffRequest

TOKEN = re.compile(r"[0-9a-f-]{16,64}")


def once(
    request: StaffRequest, what: str, do: Callable[[], HttpResponse], done: Callable[[], HttpResponse]
) -> HttpResponse:
    """`do`, or `done` where this person did it before under the same token. What was refused may come again."""
    token = request.POST.get("token", "")
    if not TOKEN.fullmatch(token):
        return do()
    try:
        return _claimed(request, f"{what}/{token}", do, done)
    except idempotency.InProgress:
        return HttpResponse(status=503, headers={"Retry-After": str(idempotency.InProgress.wait)})


@transaction.atomic
def _claimed(
    request: StaffRequest, key: str, do: Callable[[], HttpResponse], done: Callable[[], HttpResponse]
) -> HttpResponse:
    stored, is_new = idempotency.claim(request.user, key, fingerprint="")
    if not is_new:
        return done()
    response = do()
    if response.status_code >= 400:
        stored.delete()
    return response
