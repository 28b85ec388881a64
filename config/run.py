"""The whole system on one machine: python -m config.run, under config.embedded (make run does both)."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import django
from django.core.management import call_command
from django.utils import timezone

from config import nginx
from config.embedded import already_runs, running_pid, state_dir
from config.processes import Signals, folder_for_socket, hashed, tied_to_us
from config.supervisor import LOOP_FROM, Service, supervise

PORT = os.environ.get("PORT") or "8000"
SITE = f"http://127.0.0.1:{PORT}"
PYTHON = sys.executable
GUNICORN = [PYTHON, "-m", "gunicorn", "--config", "python:config.serving"]
# As root it warns on every start; here everything but PostgreSQL runs as whoever called make.
CELERY = [PYTHON, "-W", "ignore:You're running the worker", "-m", "celery", "--quiet", "-A", "config"]


# Long work of the worker is no page: it may take its time, but not for ever.
BEHIND = {"PGOPTIONS": "-c statement_timeout=10min"}
WORKER = [
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
]
# A schedule in memory: there is no file that a kill could leave half-written.
BEAT = [*CELERY, "beat", "--scheduler", "celery.beat:Scheduler", "--loglevel", "warning", "--pidfile", ""]


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
    os.environ.setdefault("PGOPTIONS", "-c statement_timeout=0")
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
    except urllib.error.HTTPError as answer:
        return answer.headers.get_content_type() == "application/json"  # else the front speaks for a web that is away
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


def sockets() -> Path:
    """The folder of the Unix sockets between front and web."""
    name = f"jiesu-web-{os.geteuid()}-{hashed(state_dir())}"
    parents = (Path(tempfile.gettempdir()), Path("/tmp"), state_dir())  # noqa: S108  owner and mode are checked
    return folder_for_socket(name, nginx.WEB_OF_ACTS, parents, os.geteuid(), os.getegid())


class Acts:
    """The socket that outlives the web: what is sent while the web starts again waits in it.

    What is only read comes by a second name of the same socket, which is there while the web is (config/serving.py).
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.name_for_reading = folder / nginx.WEB_OF_ACTS, folder / nginx.WEB
        self.listener: socket.socket | None = None

    def files(self) -> tuple[int]:
        """The listening socket, made anew where it was closed or the web took its name away as it ended."""
        if self.listener is None or not self.path.exists():
            self.close()
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(self.path))
            self.listener.listen(1024)
        return (self.listener.fileno(),)

    def fell(self, times: int) -> None:
        """Let the front answer what is only read; after several falls also the rest, so that nobody waits in vain."""
        self.name_for_reading.unlink(missing_ok=True)
        if times >= LOOP_FROM:
            self.close()

    def close(self) -> None:
        if self.listener:
            self.listener.close()
        self.listener = None
        self.path.unlink(missing_ok=True)
        self.name_for_reading.unlink(missing_ok=True)


def services(folder: Path, acts: Acts) -> list[Service]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment.pop("DATABASE_OWNER_URL", None)  # nobody who answers requests changes tables
    return [
        Service("front", lambda: nginx.command(state_dir(), int(PORT), folder), environment),
        Service(
            "web",
            lambda: [*GUNICORN, "--bind", f"fd://{acts.files()[0]}", "config.wsgi"],
            environment,
            inherited=acts.files,
            fell=acts.fell,
        ),
        Service("worker", lambda: WORKER, environment | BEHIND),
        Service("beat", lambda: BEAT, environment | BEHIND),
    ]


def serve() -> int:
    signals, folder = Signals(), sockets()
    acts = Acts(folder)
    announcer = subprocess.Popen([PYTHON, "-m", "config.run", "--announce"], preexec_fn=tied_to_us(signal.SIGKILL))
    try:
        return supervise(services(folder, acts), signals)
    finally:
        announcer.kill()
        announcer.wait()
        acts.close()
        shutil.rmtree(folder, ignore_errors=True)


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
