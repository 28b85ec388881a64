"""Bad input: 400 (or 413, 415) that names the field, and nothing changes. Never a 500."""

import io
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.api import CHANNEL, HANDLING, V1, Machine
from tests.roads import Road
from workorders.models import WorkOrder

pytestmark = pytest.mark.django_db
STREET = "J110105009"
VOICE = {"matter": "楼下夜间施工", "kind": "complaint", "channel": "app"}
INJECTIONS = [
    "' OR 1=1 --",
    "'; DROP TABLE workorders_workorder; --",
    "{{ 7*7 }}",
    "{% debug %}",
    "${jndi:ldap://x}",
    "%s%s%n",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "\\u0027",
    "‮abc",
]


@pytest.fixture
def channel(db: None) -> Machine:
    return Machine("1100", *CHANNEL)


@pytest.fixture
def street(db: None) -> Machine:
    return Machine(STREET, *HANDLING)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


RAW: list[tuple[bytes, int, str]] = [
    (b"", 400, "invalid"),
    (b"{", 400, "malformed"),
    (b"null", 400, "invalid"),
    (b"5", 400, "invalid"),
    (b'"text"', 400, "invalid"),
    (b"[]", 400, "invalid"),
    (b"{'matter': 'x'}", 400, "malformed"),
    (b'{"matter": NaN}', 400, "malformed"),
    (b'{"matter": Infinity}', 400, "malformed"),
    (b'{"matter": 1e999}', 400, "invalid"),
    (b'{"matter": ' + b"9" * 5000 + b"}", 400, "malformed"),
    (b'{"matter": "a", "matter": "b"}', 400, "malformed"),
    (b'{"matter": "\xff\xfe"}', 400, "malformed"),
    ('{"matter": "楼下"}'.encode("gb18030"), 400, "malformed"),
    ('{"matter": "楼下"}'.encode("utf-16"), 400, "malformed"),
    (b'\xef\xbb\xbf{"matter": "x"}', 400, "malformed"),
    (b"\x00" * 100, 400, "malformed"),
    (nested(50).encode(), 400, "malformed"),
    (nested(100_000).encode(), 400, "malformed"),
    (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400, "malformed"),
    (b'{"matter": "' + b"x" * (10 * 1024 * 1024) + b'"}', 413, "too_large"),
    (b" " * (2 * 1024 * 1024), 413, "too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), RAW, ids=range(len(RAW)))
def test_a_body_that_is_none_is_refused(body: bytes, status: int, code: str, channel: Machine) -> None:
    answer = channel.post(f"{V1}/appeals/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content[:300]
    assert not WorkOrder.objects.exists()


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "nonsense",
    ],
)
def test_a_body_of_another_kind_is_refused(kind: str, channel: Machine) -> None:
    answer = channel.post(f"{V1}/appeals/", b"matter=x", content_type=kind)
    assert answer.status_code in (400, 415)
    assert answer["Content-Type"] == "application/problem+json"


FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"colour": "red"}, "colour"),
    ({"matter": ""}, "matter"),
    ({"matter": "   "}, "matter"),
    ({"matter": None}, "matter"),
    ({"matter": 5}, "matter"),
    ({"matter": True}, "matter"),
    ({"matter": ["x"]}, "matter"),
    ({"matter": {"x": "y"}}, "matter"),
    ({"matter": "x" * 20_001}, "matter"),
    ({"matter": "a\0b"}, "matter"),
    ({"matter": "\ud800"}, "matter"),
    ({"matter\0": "x"}, "matter�"),
    ({"\ud800": "x"}, "?"),
    ({"kind": "nonsense"}, "kind"),
    ({"kind": 1}, "kind"),
    ({"channel": ""}, "channel"),
    ({"grade": "deadly"}, "grade"),
    ({"category": "no such"}, "category"),
    ({"category": 7}, "category"),
    ({"category": "' OR 1=1 --"}, "category"),
    ({"area": ["110105009"]}, "area"),
    ({"area": "x" * 5000}, "area"),
    ({"phone": 13800001234}, "phone"),
    ({"phone": "1" * 501}, "phone"),
    ({"anonymous_to_unit": "yes"}, "anonymous_to_unit"),
    ({"anonymous_to_unit": 1}, "anonymous_to_unit"),
    ({"source_id": "x" * 101}, "source_id"),
    ({"source": "another channel"}, "source"),
    ({"actor": 1}, "actor"),
    ({"number": "2611220000427"}, "number"),
    ({"csrfmiddlewaretoken": "x"}, "csrfmiddlewaretoken"),
    ({"__proto__": {"x": 1}}, "__proto__"),
]


@pytest.mark.parametrize(("more", "field"), FIELDS, ids=range(len(FIELDS)))
def test_a_bad_field_is_named(more: dict[str, Any], field: str, channel: Machine) -> None:
    answer = channel.send("/appeals/", {**VOICE, **more})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.content
    assert list(answer.json()["fields"]) == [field]
    assert not WorkOrder.objects.exists()


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_looks_like_code_is_only_text(text: str, channel: Machine) -> None:
    number = channel.send("/appeals/", {**VOICE, "matter": text, "title": text}).json()["number"]
    order = WorkOrder.objects.get()
    assert (order.matter, order.title) == (text, text)
    city = Machine("1100", "orders:read")
    assert city.read(f"/workorders/{number}/")["matter"] == text
    for path in (
        f"/workorders/{text}/",
        "/workorders/?cursor=" + text,
        "/workorders/?category=" + text,
        "/policy/?version=" + text,
    ):
        assert city.get(V1 + path).status_code in (400, 404), path


QUERIES = [
    ("/workorders/?colour=red", "colour"),
    ("/workorders/?limit=0", "limit"),
    ("/workorders/?limit=-1", "limit"),
    ("/workorders/?limit=201", "limit"),
    ("/workorders/?limit=99999999999999999999", "limit"),
    ("/workorders/?limit=ten", "limit"),
    ("/workorders/?limit=１０", "limit"),
    ("/workorders/?limit=", "limit"),
    ("/workorders/?ordering=matter", "ordering"),
    ("/workorders/?ordering=--number", "ordering"),
    ("/workorders/?ordering=lead_unit__users__password", "ordering"),
    ("/workorders/?cursor=x", "cursor"),
    ("/workorders/?cursor=eyJhIjoxfQ:1x:y", "cursor"),
    ("/workorders/?fields=password", "fields"),
    ("/workorders/?fields=", "fields"),
    ("/workorders/?status=nonsense", "status"),
    ("/workorders/?grade=x&grade=emergency", "grade"),
    ("/workorders/?category=nonsense", "category"),
    ("/workorders/?unit=1%00", "unit"),
    ("/workorders/?updated_since=", "updated_since"),
    ("/workorders/?status=", "status"),
    ("/workorders/?registered_since=yesterday", "registered_since"),
    ("/workorders/?registered_since=2026-13-01", "registered_since"),
    ("/workorders/?registered_since=0000-00-00T00:00:00Z", "registered_since"),
    ("/workorders/?registered_since=0001-01-01T00:00:00%2B14:00", "registered_since"),
    ("/workorders/?due_before=9999-12-31T23:59:59-14:00", "due_before"),
    ("/workorders/?open=perhaps", "open"),
    ("/workorders/?overdue=%FF", "overdue"),
    ("/workorders/?number=" + ",".join(["2611220000427"] * 201), "number"),
    ("/workorders/?number=a,b", "number"),
    ("/calendar/?year=0", "year"),
    ("/calendar/?year=10000", "year"),
    ("/calendar/?year=-1", "year"),
    ("/calendar/?month=1", "month"),
    ("/policy/?version=one", "version"),
    ("/units/?fields=secret", "fields"),
    ("/units/?limit=5", "limit"),
]


@pytest.mark.parametrize(("path", "field"), QUERIES)
def test_a_bad_parameter_is_named(path: str, field: str, street: Machine) -> None:
    answer = street.get(V1 + path)
    assert (answer.status_code, answer.json().get("code")) == (400, "invalid"), answer.content
    assert list(answer.json()["fields"]) == [field]


def test_a_cursor_of_another_ordering_is_refused(road: Road) -> None:
    city = Machine("1100", "orders:read")
    road.register(), road.register()
    following = city.read("/workorders/", limit=1)["next"]
    assert city.get(following + "&ordering=number").json()["fields"].keys() == {"cursor"}


def test_a_cursor_of_another_list_is_refused(road: Road) -> None:
    city, order = Machine("1100", "orders:read"), road.to("dispatched")
    road.register()
    following = city.read("/workorders/", limit=1, ordering="number")["next"]
    path = f"{V1}/workorders/{order.number}/events/"
    answer = city.get(path, {"ordering": "number", "cursor": parse_qs(urlsplit(following).query)["cursor"][0]})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["cursor"])


@pytest.mark.parametrize("number", ["x", "0", "9" * 400, "2611220000427%00", "%FF%FE", "１２３", "null", "%2e%2e", " "])
def test_a_number_that_is_none_is_not_found(number: str, street: Machine) -> None:
    for path in ("", "events/", "attachments/"):
        answer = street.get(f"{V1}/workorders/{number}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert street.send(f"/workorders/{number}/sign/").status_code == 404


@pytest.mark.parametrize("numbers", [None, [], "2611220000427", [1], [None], ["1"] * 201, {"a": 1}])
def test_a_bulk_call_takes_a_list_of_numbers(numbers: Any, street: Machine) -> None:
    answer = street.send("/workorders/bulk/sign/", {"numbers": numbers})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["numbers"])


def test_a_bulk_call_answers_each_number_as_it_was_sent(street: Machine, road: Road) -> None:
    order = road.to("dispatched")
    answer = street.send("/workorders/bulk/sign/", {"numbers": ["x", "12", order.spoken_number]})
    signed = {one["number"]: one["signed"] for one in answer.json()["results"]}
    assert signed == {"x": False, "12": False, order.number: True}


@pytest.mark.parametrize("when", ["yesterday", "2026-02-30T10:00:00+08:00", "0001-01-01T00:00:00+14:00", 5, "9" * 50])
def test_a_time_that_is_none_is_refused(when: Any, channel: Machine) -> None:
    answer = channel.send("/calls/", {"call_id": "1", "started_at": when})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["started_at"])


def test_an_upload_that_is_too_large_is_refused_unread(street: Machine, road: Road, settings: Any) -> None:
    settings.API_MAX_UPLOAD_BYTES = 100
    order = road.to("handling")
    answer = street.post(f"{V1}/workorders/{order.number}/attachments/", {"text": "x" * 200})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("version", ["", "0", "-1", "1.0", "x", "１", "9" * 5000])
def test_a_version_in_a_form_is_a_whole_number(version: str, street: Machine, road: Road) -> None:
    order = road.to("handling")
    answer = street.post(f"{V1}/workorders/{order.number}/progress/", {"text": "x", "version": version})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["version"])


def test_a_version_counts_beside_if_match_too(street: Machine, road: Road) -> None:
    order = road.to("handling")
    headers = {"If-Match": f'"{order.version}-x"'}
    answer = street.send(f"/workorders/{order.number}/progress/", {"text": "x", "version": 1}, **headers)
    assert answer.status_code == 412
    assert WorkOrder.objects.get(pk=order.pk).version == order.version


@pytest.mark.parametrize("body", [b"", b"--x", b"--x\r\nnonsense\r\n--x--\r\n", b"\xff" * 300])
def test_a_form_that_is_none_is_refused(body: bytes, street: Machine, road: Road) -> None:
    order = road.to("handling")
    address = f"{V1}/workorders/{order.number}/attachments/"
    answer = street.post(address, body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400, answer.content
    assert street.post(address, body, content_type="multipart/form-data").status_code == 400


def test_every_step_answers_every_wrong_kind_of_value_with_400(street: Machine, road: Road) -> None:
    order = road.to("handling")
    actions = street.read(f"/workorders/{order.number}/")["actions"]
    for action in actions:
        for field in action["fields"]:
            for value in (5, 1.5, True, [], [[]], {}, {"a": "b"}, "\0", "\ud800", [1], ["\0"], "x" * 30_000):
                answer = street.post(action["url"], json.dumps({field["name"]: value}), content_type="application/json")
                assert answer.status_code in (400, 409), (action["step"], field["name"], value, answer.content)
    assert WorkOrder.objects.get(pk=order.pk).version == order.version


def in_chunks(client: Machine, path: str, body: bytes, **more: Any) -> Any:
    """As gunicorn hands it on: no Content-Length, and a stream that ends where the body does."""
    stream = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", **stream}
    return client.generic("POST", V1 + path, body, **{"content_type": "application/json", **chunked, **more})


def test_a_body_in_chunks_is_read_like_any_other(channel: Machine, street: Machine, road: Road) -> None:
    assert in_chunks(channel, "/appeals/", json.dumps(VOICE).encode()).status_code == 201
    order = road.to("dispatched")
    stale = in_chunks(street, f"/workorders/{order.number}/sign/", b'{"version": 1}')
    assert stale.json()["code"] == "stale_version", "what stands in it counts"
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\na\r\n--x--\r\n'
    kind = {"content_type": "multipart/form-data; boundary=x"}
    answer = in_chunks(street, f"/workorders/{order.number}/attachments/", form, **kind)
    assert (answer.status_code, answer.json()["results"][0]["size"]) == (201, 1)


@pytest.mark.parametrize(
    ("body", "more", "status", "code"),
    [
        (b'{"matter": "x', {}, 400, "malformed"),
        (b" " * (2 * 1024 * 1024), {}, 413, "too_large"),
        (b"{}", {"wsgi.input_terminated": False}, 400, "malformed"),
        (b"{}", {"HTTP_CONTENT_ENCODING": "gzip"}, 415, "unsupported_media_type"),
    ],
)
def test_a_body_in_chunks_that_cannot_be_taken_is_never_taken_for_an_empty_one(
    body: bytes, more: dict[str, Any], status: int, code: str, channel: Machine
) -> None:
    answer = in_chunks(channel, "/appeals/", body, **more)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not WorkOrder.objects.exists()
