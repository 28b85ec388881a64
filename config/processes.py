"""Starting, tying, watching and ending processes, so that none is left behind."""

from __future__ import annotations

import ctypes
import hashlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import util
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SOCKET_PATH_LIMIT = 107
Steps = Sequence[tuple[signal.Signals, float]]


class Refused(Exception):
    """Cannot go on; the message is the one line the reader gets."""


class Stopped(Exception):
    """A signal asked to stop before the command had begun."""


class Signals:
    """Signals as something to wait for: no handler does anything, so no stop can be cut short by the next signal."""

    def __init__(self) -> None:
        self._read, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
            signal.signal(signal.SIGHUP, lambda *_: None)

    def wait(self, seconds: float | None = None) -> list[int]:
        ready = select.select([self._read], [], [], seconds)[0]
        return list(os.read(self._read, 512)) if ready else []

    def pause(self, seconds: float) -> None:
        for number in self.wait(seconds):
            if number != signal.SIGCHLD:
                raise Stopped(number)


def package_folder(name: str) -> Path:
    """Without an import: that would take a quarter of a second, and client libraries that nobody asked for."""
    spec = util.find_spec(name)
    if spec is None or spec.origin is None:
        raise Refused(f"The package {name} is missing: run make, or set DATABASE_URL and REDIS_URL.")
    return Path(spec.origin).parent


def prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def tied_to_us(number: signal.Signals) -> Callable[[], None]:
    """For preexec_fn, which runs after the change of user: that change would undo the tie."""
    us = os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != us:
            os._exit(1)

    return tie


def end(process: subprocess.Popen[bytes], steps: Steps) -> None:
    for number, patience in steps:
        with suppress(subprocess.TimeoutExpired):
            process.send_signal(number)
            process.wait(patience)
            return


def parent_of(pid: str) -> int:
    try:
        return int(Path("/proc", pid, "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def orphans(known: Iterable[int]) -> list[int]:
    """Processes the command left behind: they became our children, for we are the subreaper."""
    if not os.path.isdir("/proc/self"):
        return []
    us, ours = os.getpid(), set(known)
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and parent_of(pid) == us and int(pid) not in ours]


def reap(known: Iterable[int]) -> None:
    for pid in orphans(known):
        os.waitpid(pid, os.WNOHANG)


def sweep(known: Iterable[int], patience: float = 10) -> None:
    known, asked, limit = list(known), set[int](), time.monotonic() + patience
    while left := orphans(known):
        for pid in left:
            if time.monotonic() > limit:
                os.kill(pid, signal.SIGKILL)
            elif pid not in asked:
                os.kill(pid, signal.SIGTERM)
        asked.update(left)
        time.sleep(0.02)
        reap(known)


@dataclass
class Server:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    steps: Steps
    launch: Callable[[], subprocess.Popen[bytes]]


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"


def until_ready(server: Server, is_ready: Callable[[], bool], signals: Signals, patience: float) -> None:
    limit = time.monotonic() + patience
    while not is_ready():
        if server.process.poll() is not None or time.monotonic() > limit:
            said = last_line(server.log.read_text(errors="replace"))
            raise Refused(f"{server.name} did not start: {said} (log: {server.log})")
        signals.pause(0.03)


def shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def make_folder(path: Path) -> None:
    """What we make can be entered by PostgreSQL's own user; what was there before keeps its mode."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(0o711)


@contextmanager
def log_file(path: Path) -> Iterator[int]:
    """Appended to, and begun anew once it has grown large."""
    if path.exists() and path.stat().st_size > 5_000_000:
        path.replace(path.with_suffix(".old.log"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def hashed(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def folder_for_socket(name: str, socket: str, parents: Iterable[Path], uid: int, gid: int) -> Path:
    """A folder of the user's own where the socket's path is short enough, wherever the state folder lies."""
    fitting = [parent / name for parent in parents if len(os.fsencode(parent / name / socket)) <= SOCKET_PATH_LIMIT]
    if not fitting:
        raise Refused("No folder is short enough for a socket: set TMPDIR to a shorter one.")
    path = fitting[0]
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        os.chown(path, uid, gid)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != uid or status.st_mode & 0o077:
        raise Refused(f"{path} should be a folder of our own and is not: remove it, or set TMPDIR.")
    return path
