"""Bodies before a log-in: nobody fills the disk with what is refused afterwards."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

# Its views ask who is there before they read the body, whether that is told by a token or by a session.
ASKS_FIRST = "/api/"
TOKENS = "/oauth/"


def bounded_before_log_in(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse a large body, or one of unknown size, of somebody without a session before anything reads it: 413."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(ASKS_FIRST) or not _is_large(request) or request.user.is_authenticated:
            return get_response(request)
        if request.path.startswith(TOKENS):
            return JsonResponse({"error": "invalid_request"}, status=413)
        return render(request, "400.html", status=413)

    return middleware


def _is_large(request: HttpRequest) -> bool:
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return True
    return length > settings.LARGEST_BEFORE_LOG_IN or "Transfer-Encoding" in request.headers
