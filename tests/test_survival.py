"""The death of any one process is survived: it comes back, users wait, and nothing that was sent is lost."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from config import away
from config.supervisor import LOOP_FROM, Falls, Service, supervise
from tests.served import Site, is_well, served, until

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("survival")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)  # PostgreSQL's own user goes through them
    with served(folder / "state") as site:
        yield site


def kill(site: Site, name: str) -> int:
    pid = site.process(name)
    assert pid, f"no {name} runs"
    os.kill(pid, signal.SIGKILL)
    return pid


def heartbeat(site: Site) -> float:
    """The instant of the last beat that came through the worker."""
    answer = httpx.get(f"{site.url}/healthz", timeout=20).json()
    return time.time() - answer["beat"]["heartbeat_age_s"]


NAMES = ["front", "web", "worker", "beat", "Valkey", "PostgreSQL", "supervisor"]


@pytest.mark.proof
@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_killed_comes_back_and_the_beat_goes_on_through_the_worker(site: Site, name: str) -> None:
    until(lambda: is_well(site), 120)
    pid = kill(site, name)
    until(lambda: site.process(name) not in (0, pid), 60)
    until(lambda: is_well(site), 120)
    back = time.time()
    until(lambda: heartbeat(site) > back, 60)
    assert site.person("operator").get("/orders/").status_code == 200


@pytest.mark.proof
def test_what_is_sent_while_the_web_is_away_is_not_lost_and_what_is_read_gets_a_page_that_waits(site: Site) -> None:
    until(lambda: is_well(site), 120)
    operator = site.person("operator")
    kill(site, "web")
    answers: list[httpx.Response] = []

    def send() -> None:
        answers.append(
            operator.post("/logout/", data={"csrfmiddlewaretoken": operator.cookies["csrftoken"]}, timeout=120)
        )

    sending = threading.Thread(target=send)
    page = until(lambda: answer_of_the_front(site), 10)
    sending.start()
    assert page.headers["Retry-After"] and page.headers["Cache-Control"] == "no-store"
    assert "请稍候" in page.text and "goes on by itself" in page.text
    assert httpx.get(f"{site.url}/-away/away.js").headers["Content-Type"].startswith("text/javascript")
    problem = httpx.get(f"{site.url}/api/v1/workorders/")
    assert problem.status_code in (503, 401)
    sending.join()
    assert [answer.status_code for answer in answers] == [302]
    until(lambda: is_well(site), 120)


def answer_of_the_front(site: Site) -> httpx.Response | None:
    try:
        answer = httpx.get(f"{site.url}/orders/", timeout=5)
    except httpx.TransportError:
        return None
    return answer if answer.status_code == 503 else None


# The supervisor, with a process that falls as often as it is told to


def kept(tmp_path: Any, lives: str) -> tuple[Service, Callable[[], list[str]]]:
    """A service whose n-th life is the n-th word: falls at once, or stays."""
    log = tmp_path / "lives"
    script = (
        f'n=$(cat "{log}" 2>/dev/null | wc -l); echo x >> "{log}"; set -- {lives}; shift $n; echo "life $n";'
        'case "${1:-stays}" in falls) exit 3;; *) exec sleep 60;; esac'
    )
    return Service("thing", lambda: ["sh", "-c", script], dict(os.environ)), lambda: log.read_text().split()


class Until:
    """Signals that come when something has happened."""

    def __init__(self, happened: Callable[[], bool]) -> None:
        self.happened = happened

    def wait(self, seconds: float | None = None) -> list[int]:
        time.sleep(min(seconds if seconds is not None else 0.05, 0.05))
        return [signal.SIGTERM] if self.happened() else []


def test_who_falls_in_a_loop_is_said_to_once_a_fall_and_tried_again(tmp_path: Any, capsys: Any) -> None:
    service, lives = kept(tmp_path, "falls falls falls")
    assert supervise([service], Until(lambda: (tmp_path / "lives").exists() and len(lives()) == 4)) == 143
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "thing ended with 3 and is started again.",
        "thing ended with 3 and is started again.",
        "thing ended with 3, 3 times in a row; next try in 1 s. It said last: life 2",
    ]
    assert service.process and service.process.returncode == -signal.SIGTERM


def test_waits_grow_to_a_limit_and_begin_anew_for_who_stood_long() -> None:
    falls = Falls()
    waits = [falls.wait_after_fall() for _ in range(12)]
    assert waits == sorted(waits) and waits[0] < 0.5 and waits[-1] == falls.longest_wait
    assert falls.count >= LOOP_FROM
    falls.started_at -= 2 * falls.steady_after
    assert falls.wait_after_fall() == waits[0]


def test_what_a_killed_process_has_left_behind_is_ended_before_it_starts_again(tmp_path: Any) -> None:
    marks = tmp_path / "marks"
    script = f'echo $$ >> "{marks}"; sleep 60 & echo $! >> "{marks}"; wait'
    service = Service("thing", lambda: ["sh", "-c", script], dict(os.environ))
    service.look(time.monotonic())
    pid, child = until(lambda: marks.exists() and len(words := marks.read_text().split()) == 2 and words, 10)
    os.kill(int(pid), signal.SIGKILL)
    until(lambda: service.look(time.monotonic()) < float("inf") or service.process is None, 10)
    until(lambda: not alive(int(child)), 10)
    service.end(time.monotonic())


def alive(pid: int) -> bool:
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# What Django itself says while a server is away


@pytest.mark.parametrize("code", [None, "57P01", "57P03"])
def test_a_database_that_is_away_is_told_from_one_that_refuses(code: str | None) -> None:
    from django.db import OperationalError

    def failed(pgcode: str | None) -> OperationalError:
        error = OperationalError("no connection")
        error.__cause__ = type("Cause", (Exception,), {"pgcode": pgcode})()
        return error

    assert away.is_away(failed(code))
    assert not away.is_away(failed("57014")), "a statement that took too long"
    assert not away.is_away(failed("40P01")), "a deadlock"


@pytest.mark.parametrize(
    ("method", "path", "sign"),
    [
        ("get", "/login/", 'data-away="page"'),
        ("post", "/login/", 'data-away="form"'),
        ("get", "/api/v1/areas/", '"unavailable"'),
    ],
)
def test_pages_wait_while_the_database_is_away(
    client: Any, monkeypatch: pytest.MonkeyPatch, method: str, path: str, sign: str
) -> None:
    from django.contrib.auth.views import LoginView
    from django.db import OperationalError
    from rest_framework.views import APIView

    def fails(*_: Any, **__: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(LoginView, "dispatch", fails)
    monkeypatch.setattr(APIView, "initial", fails)
    client.raise_request_exception = False
    answer = getattr(client, method)(path)
    assert answer.status_code == 503
    assert sign in answer.content.decode()
    assert answer["Retry-After"] == "2" and answer["Cache-Control"] == "no-store"
