"""The system of `make run` as real processes with a database of their own, for tests that go in by its doors.

`python -m tests.served`, under config.embedded, prepares the people and systems and then serves.
"""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from config.postgres import command_line
from config.processes import tied_to_us

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "jiesu-served"
STREET, DISTRICT = "J110105009", "Q110105"
# A system each for the tests, so that none reads the events of another's orders.
STREETS = (STREET, "J110105010", "J110105011")
PEOPLE = ("operator", "dispatcher", "callback", "supervisor")
OURS = (
    *("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "FIELD_KEYS", "INDEX_KEY"),
    *("MEDIA_ROOT", "PYTEST_XDIST_WORKER"),
)


class Site:
    def __init__(self, url: str, state: Path) -> None:
        self.url, self.state = url, state

    def process(self, name: str) -> int:
        """The number of one of the site's processes, 0 while there is none."""
        words = WORDS[name]
        mine = (pid for pid in os.listdir("/proc") if pid.isdigit() and words in command_line(int(pid)))
        pids = [int(pid) for pid in mine if self.owns(int(pid))]
        # The oldest is the one that the others come from.
        return min(pids, key=lambda pid: Path("/proc", str(pid)).stat().st_ctime_ns, default=0)

    def owns(self, pid: int) -> bool:
        try:
            places = (os.readlink(f"/proc/{pid}/cwd"), command_line(pid))
            at_home = any(str(self.state) in place for place in places)
            return at_home or f"STATE_DIR={self.state}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False

    def person(self, username: str) -> "Caller":
        """In a session, as a browser would be."""
        api = Caller(base_url=self.url, timeout=30)
        form = api.get("/login/").text
        (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form))
        typed = {"csrfmiddlewaretoken": token, "username": username, "password": PASSWORD}
        assert api.post("/login/", data=typed).status_code == 302
        api.headers["X-CSRFToken"] = api.cookies["csrftoken"]
        return api

    def system(self, client_id: str) -> "Caller":
        """With a token, as a department's system would be."""
        asked = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": PASSWORD}
        answer = httpx.post(f"{self.url}/oauth/token/", data=asked).raise_for_status().json()
        assert answer["expires_in"] == 3600
        return Caller(base_url=self.url, timeout=30, headers={"Authorization": f"Bearer {answer['access_token']}"})


WORDS = {
    "front": "nginx: master",
    "web": "gunicorn",
    "worker": "config\0worker",
    "beat": "config\0beat",
    "Valkey": "valkey-server",
    "PostgreSQL": "bin/postgres\0-D",
    "supervisor": "-m\0config.run",
}


class Caller(httpx.Client):
    """Calls are made below /api/v1/; `do` is a step and answers what it answered."""

    def read(self, path: str, **query: Any) -> Any:
        return self.get(f"/api/v1/{path}", params=query).raise_for_status().json()

    def submit(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        body = {} if body is None and "files" not in options else body
        options["headers"] = {"Idempotency-Key": secrets.token_hex(8), **options.get("headers", {})}
        return self.post(f"/api/v1/{path}", json=body, **options)

    def do(self, number: str, step: str, /, **data: Any) -> Any:
        answer = self.submit(f"workorders/{number}/{step}/", data)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def feed(self, after: str | None = None) -> tuple[list[dict[str, Any]], str]:
        """All that is there, by pages of three."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.read("events/", limit=3, **({"after": after} if after else {}))
            found, after = [*found, *page["results"]], page["next"]
            if not page["more"]:
                return found, page["next"]


def until(look: Callable[[], Any], patience: float = 60) -> Any:
    """What processes do takes its time; look until there is something."""
    limit = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < limit, f"nothing after {patience} s"
        time.sleep(0.2)
    return found


@contextmanager
def served(state: Path, **more: str) -> Iterator[Site]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    environment |= {"STATE_DIR": str(state), "PORT": str(port), "DEMO": "0"}
    environment |= {"METRICS_TOKEN": PASSWORD, "WEBHOOK_ALLOW_HTTP": "1", "WEBHOOK_ALLOW_PRIVATE": "1", **more}
    command = [sys.executable, "-m", "config.embedded", "--throwaway", "--apart", sys.executable, "-m", "tests.served"]
    with (state.parent / "served.log").open("w+") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, preexec_fn=tied_to_us(signal.SIGTERM)
        )
        try:
            site = Site(f"http://127.0.0.1:{port}", state)
            until(lambda: process.poll() is not None or is_well(site), 300)
            assert process.poll() is None, Path(log.name).read_text()
            yield site
        finally:
            process.terminate()
            process.wait(60)
            sys.stdout.write(Path(log.name).read_text())


def is_well(site: Site) -> bool:
    try:
        return httpx.get(f"{site.url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def prepare() -> None:
    from config import run

    run.prepare()

    from config.cast import Cast
    from dispatch import clients
    from dispatch.models import ApiClient
    from workorders.lifecycle import Role
    from workorders.models import Unit

    cast = Cast(PASSWORD)
    for role in (Role.OPERATOR, Role.DISPATCHER, Role.CALLBACK_AGENT, Role.SUPERVISOR):
        cast.of(role)
    systems = [("channel", cast.city.code, clients.CHANNEL), *((code, code, clients.HANDLING) for code in STREETS)]
    for client_id, code, scopes in systems:
        if ApiClient.objects.filter(client_id=client_id).exists():
            continue  # the second time, after a kill
        clients.create(Unit.objects.get(code=code), scopes, client_id=client_id, secret=PASSWORD)
    if seconds := os.environ.get("ACCEPTED_WITHIN_S"):
        hurried(float(seconds))


def hurried(seconds: float) -> None:
    """A rule book under which an order is to be accepted within seconds, and goes up in seconds more."""
    from django.utils import timezone

    from workorders.models import Policy
    from workorders.policy import default_document

    if Policy.objects.filter(version=2).exists():
        return
    document, step = default_document(), {"value": seconds / 240, "unit": "minute"}
    document["limits"]["acceptance"]["ordinary"] = {"value": seconds / 60, "unit": "minute"}
    waits = [step, {**step, "value": 2 * step["value"]}]
    document["ladder"]["acceptance"] = {"reminder": 0.25, "warning": 0.5, "escalations": waits}
    facts = {"effective_from": timezone.now(), "state": Policy.State.APPROVED}
    Policy.objects.create(version=2, title="以秒计", document=document, **facts)


if __name__ == "__main__":
    prepare()
    os.execv(sys.executable, [sys.executable, "-m", "config.run"])
