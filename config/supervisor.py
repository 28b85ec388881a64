"""Services that come back: each is started again when it falls, sooner or later by how often it has fallen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import IO

from config.processes import Signals, tied_to_us

END = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
END_PATIENCE = 20.0
LOOP_FROM = 3  # falls


@dataclass
class Falls:
    """The falls of one service, and how long to wait after each."""

    first_wait: float = 0.2
    longest_wait: float = 15.0
    steady_after: float = 60.0
    count: int = 0
    started_at: float = field(default_factory=time.monotonic)

    def started(self) -> None:
        self.started_at = time.monotonic()

    def wait_after_fall(self) -> float:
        """Count one more fall; who stood for long before it begins anew."""
        if time.monotonic() - self.started_at > self.steady_after:
            self.count = 0
        self.count += 1
        return min(self.longest_wait, self.first_wait * 2.0 ** (self.count - 1))

    @property
    def in_a_loop(self) -> bool:
        return self.count >= LOOP_FROM

    def line(self, name: str, code: int, wait: float, last: str) -> str:
        end = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        if not self.in_a_loop:
            return f"{name} {end} and is started again."
        return f"{name} {end}, {self.count} times in a row; next try in {wait:.0f} s. It said last: {last}"


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class Kept:
    """A process that is started again when it falls."""

    def __init__(self, name: str, process: subprocess.Popen[bytes] | None = None) -> None:
        self.name, self.process = name, process
        self.falls = Falls()
        self.next_start = 0.0

    def launched(self) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def clear(self) -> None:
        """End what a killed parent has left behind: it would hold the port, or the files."""

    def last_words(self) -> str:
        return ""

    def look(self, now: float) -> float:
        """Start what is to be started; the answer is the instant at which to look again."""
        if self.process is None:
            if now < self.next_start:
                return self.next_start
            self.falls.started()
            self.process = self.launched()
        elif (code := self.process.poll()) is not None:
            wait = self.falls.wait_after_fall()
            self.clear()
            self.process = None
            say(self.falls.line(self.name, code, wait, self.last_words()))
            self.next_start = now + wait
            return self.next_start
        return float("inf")


class Service(Kept):
    """A process in a group of its own, whose lines are passed on under its name."""

    def __init__(
        self,
        name: str,
        argv: Callable[[], Sequence[str]],
        environment: Mapping[str, str],
        inherited: Callable[[], Sequence[int]] = tuple,
        fell: Callable[[int], None] = lambda times: None,
    ) -> None:
        super().__init__(name)
        self.argv, self.environment, self.inherited, self.fell = argv, environment, inherited, fell
        self.last = "nothing"

    def launched(self) -> subprocess.Popen[bytes]:
        files = self.inherited()
        process = subprocess.Popen(
            self.argv(),
            env=self.environment,
            start_new_session=True,
            preexec_fn=tied_to_us(signal.SIGTERM),
            pass_fds=files,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout
        Thread(target=self.pass_on, args=(process.stdout,), daemon=True).start()
        return process

    def pass_on(self, lines: IO[bytes]) -> None:
        with lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                self.last = text.strip() or self.last
                sys.stdout.write(f"{self.name:<6} | {text}\n")
                sys.stdout.flush()

    def last_words(self) -> str:
        return self.last

    def clear(self) -> None:
        if self.process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.fell(self.falls.count)

    def ask_to_end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def end(self, limit: float) -> None:
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, limit - time.monotonic()))
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def patience_of(kept: Sequence[Kept]) -> float | None:
    """Look after all of them; the answer is how long nothing needs to be done, if nothing happens."""
    again = min(one.look(time.monotonic()) for one in kept)
    return None if again == float("inf") else max(0.0, again - time.monotonic())


def supervise(services: Sequence[Service], signals: Signals) -> int:
    """Keep all services running until a signal says to end; then end them all at once."""
    try:
        while not (asked := END & set(signals.wait(patience_of(services)))):
            pass
        return 128 + min(asked)
    finally:
        limit = time.monotonic() + END_PATIENCE
        for service in services:
            service.ask_to_end()
        for service in services:
            service.end(limit)
