"""The address a request comes from: REMOTE_ADDR, which `config/proxy.py` fills in behind the site's own front."""

import ipaddress

from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def client_address(request: HttpRequest) -> str:
    """Return it in its one written form; empty where the server names none."""
    return str(_parsed(request.META.get("REMOTE_ADDR") or "") or "")


def neighbourhood(address: str) -> str:
    """Return what one subscriber holds: an IPv4 address, or a network /64 of IPv6, which is as cheap to come by."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
