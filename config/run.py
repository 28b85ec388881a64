"""The whole system on one machine: python -m config.run, under config.embedded (make run does both)."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.utils import timezone
from honcho.manager import Manager
from honcho.process import Popen, Process

from config import nginx
from config.embedded import already_runs, running_pid, state_dir
from config.processes import PR_SET_PDEATHSIG, folder_for_socket, hashed, prctl, tied_to_us

PORT = os.environ.get("PORT") or "8000"
SITE = f"http://127.0.0.1:{PORT}"
PYTHON = sys.executable
GUNICORN = [PYTHON, "-m", "gunicorn", "--log-level", "warning", "--no-control-socket"]
# As root it warns on every start; here everything but PostgreSQL runs as whoever called make.
CELERY = [PYTHON, "-W", "ignore:You're running the worker", "-m", "celery", "--quiet", "-A", "config"]


def web_socket() -> Path:
    name = f"jiesu-web-{os.geteuid()}-{hashed(state_dir())}"
    parents = (Path(tempfile.gettempdir()), Path("/tmp"), state_dir())  # noqa: S108  owner and mode are checked
    return folder_for_socket(name, "web", parents, os.geteuid(), os.getegid()) / "web"


PROCESSES = {
    "web": [*GUNICORN, "--bind", f"unix:{web_socket()}", "--workers", "2", "--threads", "4", "config.wsgi"],
    "worker": [
        *CELERY,
        "worker",
        # No processes below it: the signal that ends them all would reach those in the middle of a task.
        "--pool",
        "threads",
        "--concurrency",
        "2",
        "--loglevel",
        "warning",
        "--without-gossip",
        "--without-mingle",
    ],
    # A schedule in memory: there is no file that a kill could leave half-written.
    "beat": [*CELERY, "beat", "--scheduler", "celery.beat:Scheduler", "--loglevel", "warning", "--pidfile", ""],
}


# What only this way of running has: the front before the web, links that lead here, a file in place of a mail server.
OURS = {
    "FRONTS": "unix",
    "SITE_URL": SITE,
    "NOTICE_MAIL_FILE": str(state_dir() / "outbox.mbox"),
    "COMPLAINANT_GATEWAY": "mailfile://?to={recipient}",
}


def port_objection() -> str:
    if not PORT.isdecimal() or not 0 < int(PORT) < 65536:
        return f"PORT={PORT} is not a port: choose a number, PORT=8001 make run"
    try:
        socket.create_server(("127.0.0.1", int(PORT))).close()
    except PermissionError:
        return f"Port {PORT} is for root alone. Choose another: PORT=8001 make run"
    except OSError:
        return f"Port {PORT} is taken. Choose another: PORT={int(PORT) % 65535 + 1} make run"
    return ""


def objection() -> str:
    if (pid := running_pid(state_dir())) and not os.environ.get("DATABASE_URL"):
        return already_runs(state_dir(), pid)
    return port_objection()


def prepare() -> None:
    """In a process of its own, and one for all three: loading Django takes longer than finding nothing to do."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("load_reference")
    if os.environ.get("DEMO") != "0":
        call_command("seed_demo")
    # What came due while nothing ran comes before anything else, and the beat's first scan is half a minute away.
    from dispatch import supervision

    supervision.scan(timezone.now())


def log_ins() -> str:
    return subprocess.run([PYTHON, "manage.py", "demo_logins"], stdout=subprocess.PIPE, text=True).stdout.rstrip()


def answers() -> bool:
    """An unhealthy answer counts: the beat's first heartbeat comes a little later."""
    try:
        urllib.request.urlopen(f"{SITE}/healthz", timeout=5).close()  # noqa: S310  our own address
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def announce() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    lines = log_ins()
    while not answers():
        time.sleep(0.2)
    print(
        f"\n  Jiesu 接诉 is running\n\n  Console  {SITE}/\n  Admin    {SITE}/admin/\n  Health   {SITE}/healthz\n\n"
        f"{lines}\n\n  Stop with Ctrl-C.\n",
        flush=True,
    )


@contextmanager
def announcer() -> Iterator[None]:
    process = subprocess.Popen([PYTHON, "-m", "config.run", "--announce"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


class TiedPopen(Popen):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, preexec_fn=tied_to_us(signal.SIGTERM), **options)


class TiedProcess(Process):
    """Ends with its manager, even where that is killed outright; else web and port would outlive it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._child_ctor = TiedPopen

    def run(self, *arguments: Any) -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        super().run(*arguments)


def serve() -> int:
    manager = Manager()
    manager._process_ctor = TiedProcess
    front = nginx.command(state_dir(), int(PORT), web_socket())
    for name, argv in {"front": front, **PROCESSES}.items():
        manager.add_process(name, f"exec {shlex.join(argv)}", env={**os.environ, "PYTHONUNBUFFERED": "1"})
    with announcer():
        manager.loop()
    return int(manager.returncode)


def preflight() -> int:
    """Before any server starts."""
    if line := objection():
        print(line, file=sys.stderr)
        return 1
    return 0


def run() -> int:
    for name, value in OURS.items():
        os.environ.setdefault(name, value)
    return preflight() or subprocess.run([PYTHON, "-m", "config.run", "--prepare"]).returncode or serve()


PARTS: dict[str, Callable[[], int | None]] = {
    "--preflight": preflight,
    "--prepare": prepare,
    "--announce": announce,
    "": run,
}

if __name__ == "__main__":
    sys.exit(PARTS[" ".join(sys.argv[1:])]())
