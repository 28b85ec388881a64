"""Where a webhook may lead: never into our own network, whatever the address looks like and whatever it resolves to."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import translation

from dispatch import posting, targets
from tests.test_webhooks import Receiver

PUBLIC = "93.184.216.34"


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`resolves(name, address, …)`: what the resolver says of a name from now on; numbers it reads as ever."""
    known: dict[str, tuple[str, ...]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in known:
            return [one for address in known[name] for one in real(address, port, *args, **options)]
        if name.rstrip(".").endswith(".example"):
            raise socket.gaierror("unknown")
        return real(host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return lambda name, *addresses: known.__setitem__(name, addresses)


OURS = """
127.0.0.1 127.1 127.255.255.254 2130706433 0x7f000001 0x7f.1 017700000001 localhost 10.0.0.1 10.255.255.255
172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 198.18.0.1 167772161 [::1] [::ffff:127.0.0.1] [::ffff:10.0.0.1]
[fc00::1] [fd12:3456::1] [2002:7f00:1::] [64:ff9b::10.0.0.1] [fec0::1]
"""
NEVER = """
169.254.169.254 169.254.0.1 2852039166 0xa9fea9fe 0.0.0.0 0 224.0.0.1 239.1.2.3 240.0.0.1 255.255.255.255 168.63.129.16
100.100.100.200 [::] [fe80::1] [ff02::1] [::ffff:169.254.169.254] [fd00:ec2::254] [64:ff9b::169.254.169.254]
[2002:a9fe:a9fe::] [::ffff:0.0.0.0]
"""


@pytest.mark.parametrize("host", [*OURS.split(), *NEVER.split()])
def test_an_address_of_our_own_network_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(targets.BadTarget, match="not public"):
        targets.find(f"https://{host}/hook")
    [answer] = posting.post_all([posting.Message(f"https://{host}/hook", {}, b"")])
    assert (answer.code, answer.error) == (None, "refused_address")


@pytest.mark.parametrize("host", NEVER.split())
def test_what_belongs_to_the_machine_alone_is_refused_where_private_networks_are_allowed(
    host: str, settings: Any
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with pytest.raises(targets.BadTarget, match="not public"):
        targets.find(f"https://{host}/hook")


@pytest.mark.parametrize("host", [one for one in OURS.split() if one != "[2002:7f00:1::]"])
def test_private_networks_are_for_sites_that_allow_them(host: str, settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert targets.find(f"https://{host}/hook").url.path == "/hook"


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["::1"], ["169.254.169.254"], [PUBLIC, "10.0.0.1"], ["fd00::1", PUBLIC]]
)
def test_a_name_that_leads_into_our_own_network_is_refused_even_if_only_sometimes(
    addresses: list[str], resolves: Callable[..., None]
) -> None:
    resolves("hooks.example", *addresses)
    with pytest.raises(targets.BadTarget, match="not public"):
        targets.find("https://hooks.example/")


@pytest.mark.parametrize(
    "address", ["1.1.1.1", PUBLIC, "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::"]
)
def test_a_public_address_is_good(address: str, resolves: Callable[..., None]) -> None:
    resolves("hooks.example", address)
    target = targets.find("https://hooks.example:8443/a?b=c")
    assert target.url.host == str(ipaddress.ip_address(address))
    assert (target.url.port, target.url.raw_path) == (8443, b"/a?b=c")
    assert (target.headers, target.extensions) == ({"Host": "hooks.example:8443"}, {"sni_hostname": "hooks.example"})


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example/", "https://"),
        ("ftp://hooks.example/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("gopher://hooks.example/", "https://"),
        ("//hooks.example/", "https://"),
        ("hooks.example", "https://"),
        ("https://", "https://"),
        ("https:///x", "https://"),
        ("https://user:word@hooks.example/", "user name"),
        ("https://hooks.example@127.0.0.1/", "user name"),
        ("https://hooks.example/#part", "fragment"),
        ("https://hooks.example:99999/", "address of the web"),
        ("https://hooks.example:0/", "address of the web"),
        ("https://hooks.example:x/", "address of the web"),
        ("https://[::1/", "address of the web"),
        ("https://xn--/", "address of the web"),
        ("https://ho oks.example/", "address of the web"),
        ("https://hooks.example\r\nX: y/", "address of the web"),
        ("https://" + "a" * 300 + ".example/", "resolved"),
        ("https://nowhere.example/", "resolved"),
        ("https://127.0.0.1%00.hooks.example/", "resolved|web"),
    ],
)
def test_what_is_not_a_good_address_is_refused_with_the_reason(
    url: str, why: str, resolves: Callable[..., None]
) -> None:
    resolves("hooks.example", PUBLIC)
    with pytest.raises(targets.BadTarget, match=why):
        targets.find(url)


def test_a_slow_resolver_is_not_waited_for_by_who_holds_a_transaction_open(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(targets, "PATIENCE", 0.05)
    monkeypatch.setattr(targets, "find", lambda address: answered.wait(10))
    with pytest.raises(targets.BadTarget, match="resolved"):
        targets.check("https://hooks.example/")
    answered.set()


# Where the connection really goes


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def test_the_connection_goes_to_the_address_that_was_checked(
    receiver: Receiver, resolves: Callable[..., None], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_ALLOW_HTTP = settings.WEBHOOK_ALLOW_PRIVATE = True
    resolves("hooks.example", "127.0.0.1")
    url = f"http://hooks.example:{receiver.port}/x"
    target = targets.find(url)
    monkeypatch.setattr(targets, "find", lambda address: target)
    resolves("hooks.example", "127.0.0.99")  # a moment later it says something else
    [answer] = posting.post_all([posting.Message(url, {}, b"{}")])
    assert answer.code == 204
    assert receiver.requests[0][0]["host"] == f"hooks.example:{receiver.port}"


def test_a_name_that_turned_against_us_since_it_was_subscribed_is_refused_when_sending(
    receiver: Receiver, resolves: Callable[..., None], settings: Any
) -> None:
    settings.WEBHOOK_ALLOW_HTTP = True
    resolves("hooks.example", PUBLIC)
    targets.find("http://hooks.example/")
    resolves("hooks.example", "127.0.0.1")
    [answer] = posting.post_all([posting.Message(f"http://hooks.example:{receiver.port}/", {}, b"{}")])
    assert (answer.error, receiver.requests) == ("refused_address", [])


def test_a_proxy_of_the_environment_does_not_see_it(
    receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_ALLOW_HTTP = settings.WEBHOOK_ALLOW_PRIVATE = True
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    [answer] = posting.post_all([posting.Message(receiver.url, {}, b"{}")])
    assert answer.code == 204


def certified(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for `name` that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - dt.timedelta(1)).not_valid_after(now + dt.timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return certificate, secret


@pytest.mark.parametrize(
    ("certificate_of", "code", "error"), [("hooks.example", 204, ""), ("other.example", None, "bad_certificate")]
)
def test_tls_goes_by_the_name_although_the_connection_goes_by_the_address(
    certificate_of: str,
    code: int | None,
    error: str,
    receiver: Receiver,
    resolves: Callable[..., None],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    certificate, key = certified(tmp_path, certificate_of)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
    receiver.server.handle_error = lambda *args: None  # type: ignore[method-assign]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    resolves("hooks.example", "127.0.0.1")
    [answer] = posting.post_all([posting.Message(f"https://hooks.example:{receiver.port}/", {}, b"{}")])
    assert (answer.code, answer.error) == (code, error)
