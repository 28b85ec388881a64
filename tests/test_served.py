"""Through the front door of a running system: a department's whole day, the curl lines of the docs, the example client."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from tests.media import PNG
from tests.roads import BAD, CONTACT, GOOD, RESULT
from tests.served import PASSWORD, ROOT, STREETS, Caller, Site, served, until
from tests.test_webhooks import Receiver

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("served")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)  # PostgreSQL's own user goes through them
    with served(folder / "state") as site:
        yield site


def dispatched(site: Site, street: str) -> str:
    """The number of an order that the hotline took in from a channel and sent to the street."""
    channel, operator, dispatcher = site.system("channel"), site.person("operator"), site.person("dispatcher")
    said = {"matter": "小区楼下夜间施工噪音扰民，连续三天。", "kind": "complaint", "channel": "app", "area": street[1:]}
    category = next(one for one in channel.read("categories/")["results"] if one["grade"] == "ordinary")
    voice = {**said, "category": category["code"], "name": "王小明", "phone": "13800001234"}
    answer = channel.submit("appeals/", voice)
    assert answer.status_code == 201, answer.text
    number: str = answer.json()["number"]
    operator.do(number, "accept", category=category["code"], area=street[1:], grade="ordinary")
    dispatcher.do(number, "dispatch", lead=street)
    return number


class Flaky(Receiver):
    """Refuses every third request."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = lambda number: 503 if number % 3 == 0 else 204

    def told(self, secret: str) -> list[dict[str, Any]]:
        """Each message once, checked as its receiver would."""
        messages = {headers["webhook-id"]: Verifier(secret).verify(body, headers) for headers, body in self.requests}
        return list(messages.values())


@pytest.fixture
def receiver() -> Iterator[Flaky]:
    receiver = Flaky()
    yield receiver
    receiver.stop()


@pytest.mark.proof
def test_a_department_works_a_whole_day_by_the_api(site: Site, receiver: Flaky) -> None:
    street = site.system(STREETS[0])
    hook = street.submit("webhooks/", {"url": receiver.url, "event_types": ["*"]})
    assert hook.status_code == 201, hook.text
    _before, place = street.feed()

    number = dispatched(site, STREETS[0])
    news = until(lambda: street.feed(place)[0])
    assert {event["order"] for event in news} == {number}

    morning(site, street, number)
    receiver.stop()
    threading.Timer(6, receiver.start).start()
    rework(site, street, number)
    assert street.read(f"workorders/{number}/")["status"] == "closed"
    assert site.system("channel").read(f"appeals/{number}/")["status"] == "closed"

    steps = until(lambda: told_to_the_end(street, place))
    assert [event["step"] for event in steps] == [
        *("register", "accept", "dispatch", "sign", "contact", "request_return", "refuse_return"),
        *("request_extension", "grant_extension", "progress", "note", "report", "approve"),
        *("rework", "contact", "report", "approve", "close"),
    ]
    assert [event["version"] for event in steps] == list(range(1, len(steps) + 1))
    until(lambda: all_delivered(street, hook.json()["id"]), 120)
    told = sorted(receiver.told(hook.json()["secret"]), key=lambda event: event["version"])
    # Whether what came before the dispatch is told as well depends on who was quicker, the dispatcher or the worker.
    assert told == steps[-len(told) :]
    assert told[0]["version"] <= [event["step"] for event in steps].index("dispatch") + 1
    assert len(receiver.requests) > len(told), "some came twice, after having been refused"


def morning(site: Site, street: Caller, number: str) -> None:
    dispatcher = site.person("dispatcher")
    street.do(number, "sign")
    street.do(number, "contact", **CONTACT)
    street.do(number, "request-return", reason="该点位不在我单位辖区", code="not_our_area")
    dispatcher.do(number, "refuse-return", reason="经核对，点位在贵单位辖区内")
    again = street.submit(f"workorders/{number}/request-return/", {"reason": "再次申请", "code": "not_our_area"})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    before = deadline(street, number)
    street.do(number, "request-extension", reason="需等待检测结果", basis="《行政处罚法》第六十条", length=3)
    dispatcher.do(number, "grant-extension")
    assert deadline(street, number) > before
    street.do(number, "progress", text="已完成现场检测，等待结果。")
    files = [("files", ("现场.png", PNG, "image/png"))]
    attached = street.submit(f"workorders/{number}/attachments/", files=files)
    assert attached.status_code == 201, attached.text
    (file,) = street.read(f"workorders/{number}/attachments/")["results"]
    assert street.get(file["url"]).content.startswith(PNG[:8])
    street.do(number, "report", **RESULT)
    street.do(number, "approve")


def rework(site: Site, street: Caller, number: str) -> None:
    """The complainant is not content; the second result is good."""
    callback = site.person("callback")
    callback.do(number, "rework", reason="诉求人反映未解决", **BAD)
    assert street.read(f"workorders/{number}/")["round"] == 2
    street.do(number, "contact", **CONTACT)
    street.do(number, "report", **RESULT)
    street.do(number, "approve")
    callback.do(number, "close", **GOOD)


def deadline(street: Caller, number: str) -> Any:
    clocks = street.read(f"workorders/{number}/")["clocks"]
    return next(clock["due_at"] for clock in clocks if clock["kind"] == "unit_resolution")


def told_to_the_end(street: Caller, place: str) -> list[dict[str, Any]]:
    events, _place = street.feed(place)
    return events if events and events[-1]["step"] == "close" else []


def all_delivered(street: Caller, hook: int) -> bool:
    """What waits for minutes after its second failure is sent again by hand, as an administrator would."""
    waiting = street.read(f"webhooks/{hook}/deliveries/", status="pending", limit=200)["results"]
    for delivery in waiting:
        if delivery["attempts"] > 1:
            assert street.submit(f"webhooks/{hook}/deliveries/{delivery['id']}/replay/").status_code == 202
    return not waiting and bool(street.read(f"webhooks/{hook}/deliveries/")["results"])


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_five_calls_of_the_docs_lead_from_nothing_to_a_signed_order(site: Site) -> None:
    number = dispatched(site, STREETS[1])
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    calls = re.findall(r"^```sh\n(.*?)^```", text.partition("## Five calls")[2].partition("\n## ")[0], re.M | re.S)
    assert len(calls) == 5
    given = {"JIESU": site.url, "CLIENT": STREETS[1], "SECRET": PASSWORD}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(calls)],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert site.system(STREETS[1]).read(f"workorders/{number}/")["status"] == "handling"


def test_the_example_client_signs_what_comes_and_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    def follow() -> str:
        given = {"JIESU_URL": site.url, "JIESU_CLIENT": STREETS[2], "JIESU_SECRET": PASSWORD}
        command = [sys.executable, ROOT / "docs" / "examples" / "follow.py", tmp_path / "place.json", "--once"]
        done = subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    street = site.system(STREETS[2])
    first = dispatched(site, STREETS[2])
    until(lambda: street.feed()[0])
    assert follow() == f"{first}: handling\n"
    assert follow() == ""
    second = dispatched(site, STREETS[2])
    assert until(follow) == f"{second}: handling\n"
    assert [street.read(f"workorders/{number}/")["status"] for number in (first, second)] == ["handling"] * 2


def test_the_example_client_is_short() -> None:
    assert len((ROOT / "docs" / "examples" / "follow.py").read_text().splitlines()) < 100


def test_ten_megabytes_of_json_are_answered_and_not_swallowed(site: Site) -> None:
    street = site.system(STREETS[0])
    body = b'{"text": "' + b"x" * 10_000_000 + b'"}'
    begun = time.monotonic()
    answer = street.post("/api/v1/webhooks/", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert time.monotonic() - begun < 10


def connected(site: Site, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", urlsplit(site.url).port), timeout=30)
    connection.sendall(sent)
    return connection


HALF_A_HEADER = b"GET /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
HALF_A_BODY = b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\nusername="


@pytest.mark.parametrize("sent", [b"", HALF_A_HEADER, HALF_A_BODY], ids=["nothing", "half a header", "half a body"])
def test_two_hundred_slow_connections_keep_nobody_waiting(site: Site, sent: bytes) -> None:
    with ExitStack() as stack:
        for _number in range(200):
            stack.enter_context(connected(site, sent))
        for _time in range(5):
            begun = time.monotonic()
            assert httpx.get(f"{site.url}/healthz").status_code == 200
            assert time.monotonic() - begun < 1
    assert httpx.get(f"{site.url}/login/").status_code == 200


@pytest.mark.proof
def test_who_sends_half_a_header_and_no_more_is_let_go(site: Site) -> None:
    with connected(site, HALF_A_HEADER) as connection:
        begun = time.monotonic()
        with suppress(ConnectionResetError):
            assert connection.recv(1000) == b""
        assert time.monotonic() - begun < 15


GUESS = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "guessed"}


def forged(number: int) -> dict[str, str]:
    address = f"203.0.113.{number}"
    return {"X-Forwarded-For": address, "Forwarded": f"for={address}", "X-Real-IP": address}


def test_nobody_says_himself_where_he_comes_from(site: Site) -> None:
    """Another address for each guess would let anybody guess for ever."""
    codes = [
        httpx.post(f"{site.url}/oauth/token/", data=GUESS, headers=forged(number)).status_code for number in range(31)
    ]
    assert codes == [401] * 30 + [429]


@pytest.mark.parametrize("path", ["/login/", "/api/v1/appeals/", "/reception/", "/nowhere/"])
def test_a_large_body_is_refused_before_it_is_read_where_nobody_is_logged_in(site: Site, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sessionid=forged\r\nContent-Length: 150000000\r\n\r\n"
    with connected(site, head.encode()) as connection:
        assert connection.recv(1000).split()[1] in (b"401", b"403")


def chunked(path: str, size: int) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
    form = b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    return head.encode() + form + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size)


@pytest.mark.parametrize(("size", "status"), [(20, b"403"), (1_500_000, b"413")])
def test_a_body_of_no_stated_length_is_read_while_it_is_small(site: Site, size: int, status: bytes) -> None:
    with connected(site, b"") as connection:
        with suppress(OSError):
            connection.sendall(chunked("/login/", size))
        assert connection.recv(1000).split()[1] == status


def test_a_large_body_of_an_ended_session_leaves_the_form_as_it_is(site: Site) -> None:
    headers = {"HX-Request": "true", "Content-Type": "application/octet-stream"}
    answer = httpx.post(f"{site.url}/reception/", content=b"x" * 1_500_000, headers=headers)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (401, "#logged-out")
    assert "登录已过期" in answer.text
    problem = httpx.post(f"{site.url}/api/v1/appeals/", content=b"x" * 1_500_000)
    assert (problem.status_code, problem.json()["code"]) == (401, "not_authenticated")


def test_a_large_body_of_somebody_who_is_logged_in_arrives_whole(site: Site) -> None:
    body = b'{"text": "' + b"x" * 2_000_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    street = site.system(STREETS[0])
    for content in (body, iter([body[:9], body[9:]])):
        answer = street.post("/api/v1/webhooks/", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), "the web has seen its size"
