"""The address of whoever asks, where a front stands between: REMOTE_ADDR as everything behind it may believe it."""

import ipaddress
from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

UNIX = "unix"


def is_front(peer: str, fronts: Sequence[str]) -> bool:
    """Tell whether the peer of the connection is the site's own front: its network, or "unix" for a Unix socket."""
    if not peer:
        return UNIX in fronts
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(front) for front in fronts if front != UNIX)


def address_in(forwarded: str) -> str:
    """The one address that the front has set, or nothing where it is none."""
    try:
        return str(ipaddress.ip_address(forwarded.strip()))
    except ValueError:
        return ""


def client_address(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Put the client's address into REMOTE_ADDR, from the header that the front sets and from nowhere else."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if is_front(request.META.get("REMOTE_ADDR", ""), settings.FRONTS):
            forwarded = request.META.pop("HTTP_X_FORWARDED_FOR", "")
            request.META["REMOTE_ADDR"] = address_in(forwarded) or request.META["REMOTE_ADDR"]
        return get_response(request)

    return middleware


@extend_schema(exclude=True)
class MayUpload(APIView):
    """The front asks here before it reads a large body: 204 for somebody who is logged in."""

    permission_classes = [IsAuthenticated]
    throttle_classes = []

    def get(self, request: Request) -> Response:
        return Response(status=204)
