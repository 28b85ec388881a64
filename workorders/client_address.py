"""The address a request comes from, also behind a proxy: a header counts only where a trusted proxy wrote it."""

import ipaddress
from functools import cache

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@cache
def _networks(proxies: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(proxy, strict=False) for proxy in proxies)


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def client_address(request: HttpRequest) -> str:
    """Return the last address of the chain that no proxy of ours stands at; empty where the server names none.

    `X-Forwarded-For` is read from its end, because everything before our own proxies' entries was written by strangers.
    """
    proxies = _networks(tuple(settings.TRUSTED_PROXIES))
    address = _parsed(request.META.get("REMOTE_ADDR") or "")
    hops = (request.META.get("HTTP_X_FORWARDED_FOR") or "").split(",")
    while address and hops and any(address in proxy for proxy in proxies):
        hop = _parsed(hops.pop())
        if hop is None:
            break
        address = hop
    return str(address) if address else ""


def neighbourhood(address: str) -> str:
    """Return what one subscriber holds: an IPv4 address, or a network /64 of IPv6, which is as cheap to come by."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
