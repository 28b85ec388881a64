from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from workorders import health


@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    report = health.report()
    response = JsonResponse(report, status=200 if report["ok"] else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # who asks every few seconds knows the answer
    return response
