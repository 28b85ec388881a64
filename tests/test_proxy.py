"""Who asks, as everything behind the front may believe it."""

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, RequestFactory

from config import proxy
from workorders.lifecycle import Role


def seen(fronts, peer, **headers):
    settings_before, settings.FRONTS = settings.FRONTS, fronts
    requests = []
    try:
        layer = proxy.client_address(lambda request: requests.append(request) or HttpResponse())
        layer(RequestFactory().get("/", REMOTE_ADDR=peer, **headers))
    finally:
        settings.FRONTS = settings_before
    return requests[0].META["REMOTE_ADDR"]


@pytest.mark.parametrize(
    ("fronts", "peer", "forwarded", "address"),
    [
        (["unix"], "", "203.0.113.7", "203.0.113.7"),
        (["unix"], "", "2001:db8::1", "2001:db8::1"),
        (["172.16.0.0/12"], "172.18.0.3", "203.0.113.7", "203.0.113.7"),
        (["172.16.0.0/12"], "198.51.100.2", "203.0.113.7", "198.51.100.2"),
        (["172.16.0.0/12"], "", "203.0.113.7", ""),
        ([], "127.0.0.1", "203.0.113.7", "127.0.0.1"),
        ([], "", "203.0.113.7", ""),
        (["unix"], "127.0.0.1", "203.0.113.7", "127.0.0.1"),
        (["unix"], "", "203.0.113.7, 198.51.100.2", ""),
        (["unix"], "", "somebody", ""),
        (["unix"], "somebody", "203.0.113.7", "somebody"),
    ],
)
def test_the_address_comes_from_the_header_only_where_the_front_has_set_it(fronts, peer, forwarded, address):
    assert seen(fronts, peer, HTTP_X_FORWARDED_FOR=forwarded) == address


def test_without_the_header_the_peer_stays_who_asks():
    assert seen(["172.16.0.0/12"], "172.18.0.3") == "172.18.0.3"


def test_a_large_body_is_read_only_for_somebody_who_is_logged_in(as_):
    assert Client().get("/may-upload").status_code in (401, 403)
    assert as_(Role.HANDLER).get("/may-upload").status_code == 204
