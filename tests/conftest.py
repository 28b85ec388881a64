"""Real PostgreSQL and Redis; reference data loaded once; time given, never waited for."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.backends.signals import connection_created
from django.test import Client
from django.utils import timezone, translation
from hypothesis import settings as hypothesis

from config import celery_app
from config.cast import Cast
from config.database import LOG_IN
from dispatch import catalogue
from dispatch.models import Responsibility
from tests.owner import PLAIN, as_owner, as_web, take_plain_role
from tests.roads import Road
from workorders import reference
from workorders.lifecycle import Role
from workorders.models import Area, CalendarDay, Category, Policy, StandardText, Unit

hypothesis.register_profile("unhurried", deadline=None)  # a busy machine is no fault of the code
hypothesis.load_profile("unhurried")

ROOT = Path(__file__).resolve().parent.parent
CHINA = ZoneInfo("Asia/Shanghai")
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
NO_CHROMIUM = (
    f"The browser tests were left out: there is no {CHROMIUM} (Debian: apt-get install chromium fonts-noto-cjk)."
)

# Tuesday morning in a plain working week.
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=CHINA)


# Each worker of the suite has a database of its own in PostgreSQL; here it gets one in Redis too.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
REDIS_URL = urlsplit(settings.REDIS_URL)._replace(path=f"/{WORKER}").geturl()
settings.CACHES["default"]["LOCATION"] = celery_app.conf.broker_url = REDIS_URL
# The suite connects as the owner, who empties tables between tests, and takes the web's role for what it tests.
OWNER = settings.DATABASE_OWNER or settings.DATABASE_PLAIN
settings.DATABASES["default"].update({name: OWNER[name] for name in LOG_IN})  # type: ignore[typeddict-item]
connection_created.connect(take_plain_role, dispatch_uid="the web's role")
DatabaseOperations.execute_sql_flush = as_owner()(DatabaseOperations.execute_sql_flush)  # type: ignore[method-assign]
# A real hash of a password costs as much as thirty pages; what it protects is not here.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def template() -> str:
    """The database that all migrations have made, by name: another set of migrations, another database."""
    made_by = [
        *sorted(ROOT.glob("*/migrations/*.py")),
        ROOT / "requirements" / "run.txt",
        ROOT / "config" / "database.py",
    ]
    return "migrated_" + sha256(b"".join(path.read_bytes() for path in made_by)).hexdigest()[:16]


def migrate_once(name: str) -> None:
    """All workers come here; the first one builds, under a name that half a database may have."""
    alone = connection.copy()
    with closing(alone), alone.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext('migrated'))")
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'migrated\\_%%'")
        there = {row[0] for row in cursor.fetchall()}
        if name not in there:
            migrate(f"half_{name}")
            cursor.execute(f"ALTER DATABASE half_{name} RENAME TO {name}")
            for old in there:
                cursor.execute(f"DROP DATABASE {old}")


def migrate(name: str) -> None:
    own, named = connection.settings_dict["NAME"], connection.settings_dict["TEST"]["NAME"]
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = own
    connection.settings_dict["TEST"]["NAME"] = named


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: Any) -> None:
    name = template()
    with django_db_blocker.unblock():
        migrate_once(name)
    connection.settings_dict["TEST"]["TEMPLATE"] = name


KEPT = [model._meta.db_table for model in (Area, Unit, Category, CalendarDay, Policy, StandardText, Responsibility)]


def load() -> None:
    reference.load()
    catalogue.load()


def load_and_keep() -> None:
    """The reference data, with a copy of each table where the emptying of tables does not reach."""
    load()
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept")
        for table in KEPT:
            cursor.execute(f"CREATE TABLE kept.{table} AS TABLE public.{table}")
        cursor.execute(f"GRANT USAGE ON SCHEMA kept TO {PLAIN}; GRANT SELECT ON ALL TABLES IN SCHEMA kept TO {PLAIN}")


@transaction.atomic
def bring_back() -> None:
    """From the copies, ten times as fast as loading again."""
    with connection.cursor() as cursor:
        for table in KEPT:
            cursor.execute(f"INSERT INTO public.{table} SELECT * FROM kept.{table}")


UNBLOCK = pytest.StashKey[Callable[[], AbstractContextManager[None]]]()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any, pytestconfig: pytest.Config) -> Iterator[None]:
    pytestconfig.stash[UNBLOCK] = django_db_blocker.unblock
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # The test runner empties tables between transactional tests; a site never may.
        cursor.execute("ALTER TABLE workorders_event DISABLE TRIGGER event_no_truncate")
        cursor.execute("ALTER TABLE workorders_accountevent DISABLE TRIGGER account_event_no_truncate")
        # Tests make people with roles in one line; tests/test_access_requests.py switches this on.
        cursor.execute("ALTER TABLE workorders_user DISABLE TRIGGER user_takes_two")
        cursor.execute("ALTER TABLE workorders_user DISABLE TRIGGER user_takes_two_at_first")
        # Tests look at plans and set the numbers; a site does neither.
        cursor.execute(f"GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO {PLAIN}")
        cursor.execute(f"GRANT UPDATE ON ALL SEQUENCES IN SCHEMA public TO {PLAIN}")
        load_and_keep()
    with as_web():
        yield


@pytest.fixture
def committed(transactional_db: None) -> None:
    """For tests with several connections: nothing is rolled back, all tables are emptied afterwards."""


def empties_tables(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    fixtures = getattr(item, "fixturenames", ())
    return "transactional_db" in fixtures or bool(marker and marker.kwargs.get("transaction"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """What comes next may be any test, so the reference data come back at once."""
    result = yield
    if nextitem and empties_tables(item):
        with item.config.stash[UNBLOCK]():
            bring_back()
    return result


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast()


@pytest.fixture
def road(cast: Cast) -> Road:
    return Road(cast, NOW)


@pytest.fixture
def recent(cast: Cast) -> Road:
    """Orders of today, for pages that look at the real clock."""
    return Road(cast, timezone.now() - timedelta(hours=3))


@pytest.fixture
def as_(cast: Cast) -> Callable[..., Client]:
    """A client of its own for everybody who is logged in."""

    def log_in(role: Role, unit: Unit | None = None) -> Client:
        client = Client()
        client.force_login(cast.of(role, unit))
        return client

    return log_in


@pytest.fixture
def no_statistics() -> None:
    """As in a new database: what other tests have left in PostgreSQL's statistics makes no word frequent."""
    cache.set("search:frequencies", {})


@pytest.fixture(autouse=True)
def clean_cache() -> Iterator[None]:
    yield
    cache.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not CHROMIUM.exists():
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="chromium is not there"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not CHROMIUM.exists():
        terminalreporter.write_line(NO_CHROMIUM)


@pytest.fixture
def english() -> Iterator[None]:
    """Messages in their own words."""
    with translation.override("en"):
        yield
