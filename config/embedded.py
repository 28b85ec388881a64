"""A real PostgreSQL and a real Redis-protocol server around one command.

python -m config.embedded [--throwaway] [--apart] COMMAND…

Beside a run in the same STATE_DIR the command joins the servers that are there; with an option it refuses.

--throwaway  for tests: the database may be lost with the machine
--apart      for a service: Ctrl-C does not reach the command itself, it is asked to end, once; until then
             servers and command are started again when they fall
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from config.postgres import command_line, postgres
from config.processes import (
    PR_SET_CHILD_SUBREAPER,
    Refused,
    Server,
    Signals,
    Steps,
    Stopped,
    end,
    last_line,
    make_folder,
    orphans,
    prctl,
    reap,
    shown,
    sweep,
    tied_to_us,
)
from config.supervisor import END, Kept, patience_of, say
from config.valkey import valkey

ROOT = Path(__file__).resolve().parent.parent
END_COMMAND: Steps = ((signal.SIGTERM, 30), (signal.SIGKILL, 10))
INTERRUPT_PATIENCE = 5.0
ADDRESSES = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
# In the state folder: where the servers are, and a lock that those hold who have joined them.
RUNNING, GUESTS = "running.json", "guests"


def state_dir() -> Path:
    return Path(os.environ.get("STATE_DIR") or ROOT / ".state").resolve()


def running_pid(state: Path) -> str | None:
    try:
        with (state / "lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return (state / "lock").read_text().strip()
    return None


def running_addresses(state: Path) -> dict[str, str]:
    """The addresses of the servers that another run holds here, as soon as they are up; nothing where none runs."""
    while pid := running_pid(state):
        with suppress(FileNotFoundError):
            running = json.loads((state / RUNNING).read_text())
            if str(running.pop("pid")) == pid:
                return dict(running)
        time.sleep(0.1)
    return {}


def join(state: Path, addresses: dict[str, str]) -> None:
    """Use the servers of another run, which do not end before the command has ended."""
    if not os.environ.get("DATABASE_URL"):
        os.environ.update({name: addresses[name] for name in addresses if name.startswith("DATABASE")})
    os.environ["REDIS_URL"] = os.environ.get("REDIS_URL") or addresses["REDIS_URL"]
    guest = os.open(state / GUESTS, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(guest, fcntl.LOCK_SH)
    os.set_inheritable(guest, True)


@contextmanager
def announced(state: Path) -> Iterator[None]:
    """Let other commands join the servers."""
    path = state / RUNNING
    addresses = {name: os.environ[name] for name in ADDRESSES if os.environ.get(name)}
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"pid": os.getpid(), **addresses}, file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def wait_for_guests(state: Path, signals: Signals) -> None:
    """Hold the servers for the commands that have joined."""
    with open(os.open(state / GUESTS, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        waiting = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not waiting:
                    say("The servers run on until another command that uses them has ended.")
                waiting = True
                signals.pause(0.2)
            else:
                return


def already_runs(state: Path, pid: str) -> str:
    return f"Jiesu already runs in {shown(state)} (process {pid}). Stop it, or set STATE_DIR."


@contextmanager
def locked(state: Path) -> Iterator[None]:
    with open(os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(already_runs(state, file.read().strip())) from None
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def new_secrets() -> dict[str, str]:
    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    return {"SECRET_KEY": secrets.token_urlsafe(50), "FIELD_KEYS": f"k1:{key()}", "INDEX_KEY": key()}


def kept_secrets(state: Path) -> dict[str, str]:
    path = state / "secrets.json"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=state, prefix="secrets.") as file:  # mode 0600
            json.dump(new_secrets(), file)
            file.flush()
            with suppress(FileExistsError):  # another run was first: its secrets hold
                os.link(file.name, path)
    known: dict[str, str] = json.loads(path.read_text())
    return known


def fill_environment(state: Path) -> None:
    values = kept_secrets(state) | {
        "STATE_DIR": str(state),
        "MEDIA_ROOT": str(state / "files"),
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
    }
    os.environ["STATE_DIR"] = str(state)
    for name, value in values.items():
        os.environ[name] = os.environ.get(name) or value


class Command:
    """The command: a terminal's Ctrl-C reaches it as it reaches us. It ends with the servers that it needs."""

    def __init__(self, argv: list[str], servers: list[Server]) -> None:
        self.servers = servers
        self.process = subprocess.Popen(argv, preexec_fn=tied_to_us(signal.SIGTERM))
        self.known = [self.process.pid, *(server.process.pid for server in servers)]
        self.must_end_at = float("inf")

    def watch(self, signals: Signals) -> int:
        while self.process.poll() is None:
            patience = self.must_end_at - time.monotonic()
            self.notice(signals.wait(None if patience == float("inf") else max(0.0, patience)))
            reap(self.known)
            if time.monotonic() >= self.must_end_at or self.fallen():
                end(self.process, END_COMMAND)
        return 1 if self.fallen() else exit_code(self.process)

    def notice(self, received: list[int]) -> None:
        if signal.SIGTERM in received or signal.SIGHUP in received:
            self.must_end_at = 0.0
        # The command has had it too and decides (a shell stays); without a terminal nobody could ask twice.
        elif signal.SIGINT in received and not at_terminal():
            self.must_end_at = min(self.must_end_at, time.monotonic() + INTERRUPT_PATIENCE)

    def fallen(self) -> bool:
        return any(server.process.poll() is not None for server in self.servers)


def exit_code(process: subprocess.Popen[bytes]) -> int:
    code = process.returncode
    return code if code >= 0 else 128 - code


class KeptServer(Kept):
    def __init__(self, server: Server) -> None:
        super().__init__(server.name, server.process)
        self.server = server

    def launched(self) -> subprocess.Popen[bytes]:
        self.server.process = self.server.launch()
        return self.server.process

    def last_words(self) -> str:
        return f"{last_line(self.server.log.read_text(errors='replace'))} (log: {self.server.log})"


class KeptCommand(Kept):
    """The command set apart. Killed, it comes back; where it has ended by itself, so does the run."""

    def __init__(self, argv: list[str], site: KeptSite) -> None:
        super().__init__(Path(argv[-1]).name)
        self.argv, self.site = argv, site

    def launched(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.argv, start_new_session=True, preexec_fn=tied_to_us(signal.SIGTERM))

    def clear(self) -> None:
        sweep(self.site.known)

    def look(self, now: float) -> float:
        return float("inf") if self.is_over else super().look(now)

    @property
    def is_over(self) -> bool:
        return self.process is not None and (self.process.poll() or 0) >= 0 and self.process.poll() is not None


class KeptSite:
    """Servers and command, each of which is started again when it falls."""

    def __init__(self, argv: list[str], servers: list[Server]) -> None:
        self.servers = [KeptServer(server) for server in servers]
        self.command = KeptCommand(argv, self)

    @property
    def known(self) -> list[int]:
        return [kept.process.pid for kept in (*self.servers, self.command) if kept.process]

    def watch(self, signals: Signals) -> int:
        asked: set[int] = set()
        while not (asked or self.command.is_over):
            patience = patience_of([*self.servers, self.command])
            asked = set(signals.wait(patience)) & END
            self.reap()
        process = self.command.process
        if process is None:  # killed, and asked to end before it was back
            return 128 + min(asked)
        end(process, END_COMMAND)
        return exit_code(process)

    def reap(self) -> None:
        """Take leave of what was left behind; of a killed PostgreSQL nothing may live on beside the next."""
        for pid in orphans(self.known):
            if command_line(pid).startswith("postgres:"):
                os.kill(pid, signal.SIGKILL)
        reap(self.known)


def at_terminal() -> bool:
    with suppress(OSError):
        return os.tcgetpgrp(0) == os.getpgrp()
    return False


def supervised(command: Command, signals: Signals) -> int:
    try:
        return command.watch(signals)
    finally:
        sweep(command.known)
        for server in command.servers:
            if server.process.poll() is not None:
                say(f"{server.name} ended while the command ran (log: {server.log}).")


def kept_up(site: KeptSite, signals: Signals) -> int:
    try:
        return site.watch(signals)
    finally:
        sweep(site.known)


def with_servers(argv: list[str], state: Path, options: set[str]) -> int:
    signals = Signals()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    servers = []
    with ExitStack() as stack:
        stack.enter_context(locked(state))
        if not os.environ.get("DATABASE_URL"):
            server, addresses = stack.enter_context(postgres(state, "--throwaway" in options, signals))
            os.environ.update(addresses)
            servers.append(server)
        if not os.environ.get("REDIS_URL"):
            server, os.environ["REDIS_URL"] = stack.enter_context(valkey(state, signals))
            servers.append(server)
        stack.enter_context(announced(state))
        if "--apart" in options:
            return kept_up(KeptSite(argv, servers), signals)
        code = supervised(Command(argv, servers), signals)
        (state / RUNNING).unlink(missing_ok=True)
        wait_for_guests(state, signals)
        return code


def run(argv: list[str], options: set[str]) -> int:
    if not shutil.which(argv[0]):
        say(f"{argv[0]}: there is no such command.")
        return 127
    state = state_dir()
    make_folder(state)
    fill_environment(state)
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        os.execvp(argv[0], argv)  # noqa: S606  the reader's own command
    if not os.environ.get("DATABASE_URL"):
        os.environ["EMBEDDED"] = "1"  # a database that commands may set up unasked
    if not options and (addresses := running_addresses(state)):
        join(state, addresses)
        os.execvp(argv[0], argv)  # noqa: S606
    return with_servers(argv, state, options)


def main(argv: list[str]) -> int:
    options = set()
    while argv[:1] in (["--throwaway"], ["--apart"]):
        options.add(argv.pop(0))
    if not argv:
        say("Usage: python -m config.embedded [--throwaway] [--apart] COMMAND…")
        return 2
    try:
        return run(argv, options)
    except Refused as problem:
        say(str(problem))
    except PermissionError as problem:
        say(f"No right to use {problem.filename}: it belongs to another user. Give it back, or set STATE_DIR.")
    except Stopped as stop:
        return 128 + int(stop.args[0])
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
