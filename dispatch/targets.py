"""Where a webhook may send to. What a stranger gave us as an address must not lead into our own network.

The name is resolved once, all its addresses are checked, and the connection goes to the one that was checked: a name
that resolves to something else a moment later (DNS rebinding) changes nothing.
"""

import re
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpx
from django.conf import settings
from django.utils.translation import gettext_lazy as _

Address = IPv4Address | IPv6Address
PORTS = {"https": 443, "http": 80}
PATIENCE = 2.0
NAT64 = IPv6Network("64:ff9b::/96")
# Clouds hand out a machine's credentials here, outside the ranges that are private by themselves.
METADATA = {ip_address("168.63.129.16"), ip_address("100.100.100.200"), ip_address("fd00:ec2::254")}
HOST = re.compile(rb"[0-9a-z._:-]+")
NO_ADDRESS = _("This is not an address of the web.")
UNRESOLVED = _("The name in this address cannot be resolved.")

_resolving = ThreadPoolExecutor(4, thread_name_prefix="resolving")


class BadTarget(Exception):
    """`message` is for who gave the address."""

    def __init__(self, message: Any) -> None:
        self.message = message
        super().__init__(str(message))


@dataclass(frozen=True)
class Target:
    """`url` leads to the checked address; `host` is the name that TLS and the receiver go by."""

    url: httpx.URL
    host: str
    authority: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Host": self.authority}

    @property
    def extensions(self) -> dict[str, Any]:
        return {"sni_hostname": self.host}


def find(address: str) -> Target:
    """Raises BadTarget for what must not be sent to. Asks the resolver, and may take as long as that takes."""
    url = parsed(address)
    host = url.raw_host.decode("ascii")
    found = resolved(host, url.port or PORTS[url.scheme])
    if not all(is_allowed(one) for one in found):
        raise BadTarget(_("This address leads into a network that is not public."))
    return Target(url.copy_with(host=str(found[0])), host, url.netloc.decode("ascii"))


def check(address: str) -> None:
    """The same for who waits for an answer, and may hold a transaction open: a resolver that is slow is not waited for."""
    try:
        _resolving.submit(find, address).result(PATIENCE)
    except TimeoutError:
        raise BadTarget(UNRESOLVED) from None


def parsed(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
        host = url.host  # reading it decodes punycode
    except (httpx.InvalidURL, UnicodeError):
        raise BadTarget(NO_ADDRESS) from None
    if url.scheme not in _schemes() or not host:
        raise BadTarget(_("The address must begin with https://."))
    if not HOST.fullmatch(url.raw_host) or not 0 < (1 if url.port is None else url.port) < 65536:
        raise BadTarget(NO_ADDRESS)
    if url.userinfo or url.fragment:
        raise BadTarget(_("The address may hold neither a user name nor a fragment."))
    return url


def resolved(host: str, port: int) -> list[Address]:
    """Numbers in any notation too: 2130706433 and 0x7f.1 are 127.0.0.1 to the resolver."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise BadTarget(UNRESOLVED) from None
    addresses = [ip_address(str(place[0]).partition("%")[0]) for *_kind, place in found]
    if not addresses:
        raise BadTarget(UNRESOLVED)
    return list(dict.fromkeys(addresses))


def is_allowed(address: Address) -> bool:
    """Own networks only where the site says so; link-local, metadata and the like never."""
    address = _inner(address)
    if address.is_loopback:
        return _private_too()
    if address in METADATA or _any(address, ("is_link_local", "is_multicast", "is_unspecified", "is_reserved")):
        return False
    return _private_too() or (address.is_global and not _any(address, ("is_site_local",)))


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _any(address: Address, properties: Iterable[str]) -> bool:
    return any(getattr(address, name, False) for name in properties)


def _schemes() -> tuple[str, ...]:
    return ("https", "http") if settings.WEBHOOK_ALLOW_HTTP else ("https",)


def _private_too() -> bool:
    return bool(settings.WEBHOOK_ALLOW_PRIVATE)
