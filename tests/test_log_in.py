"""Log-in: wrong passwords cost growing waits by account and address, and all of it stands in the log of accounts."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client, RequestFactory
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from config.cast import Cast
from tests.conftest import NOW
from tests.owner import as_owner
from tests.queries import queries_of
from workorders import account_log, failed_logins, passwords
from workorders.client_address import neighbourhood
from workorders.failed_logins import OF_ACCOUNT, OF_ADDRESS, count_try, counters, forgive_try, wait_after
from workorders.lifecycle import Role
from workorders.models import AccountEvent, FailedLogins

pytestmark = pytest.mark.django_db
PASSWORD = "nine-lives-2026"
HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"
DOORS = ("/login/", "/admin/login/")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast(PASSWORD)


@pytest.fixture
def admin(cast: Cast) -> Any:
    return cast.of(Role.ADMINISTRATOR)


def fail(name: str, address: str = HOME) -> None:
    """Fail at the door of all doors, without drawing a page."""
    authenticate(RequestFactory().post("/", REMOTE_ADDR=address), username=name, password="wrong")


def try_password(name: str, password: str, address: str = HOME, door: str = "/login/", client: Any = None) -> Any:
    client = client or Client()
    return client.post(door, {"username": name, "password": password}, REMOTE_ADDR=address)


def kinds() -> list[str]:
    return list(
        AccountEvent.objects.exclude(kind__in=["created", "roles_given"])
        .order_by("number")
        .values_list("kind", flat=True)
    )


@pytest.mark.parametrize("door", DOORS)
def test_after_five_wrong_passwords_the_right_one_waits(door: str, admin: Any) -> None:
    for _n in range(5):
        assert try_password("admin", "wrong", door=door).status_code == 200
    held = try_password("admin", PASSWORD, door=door)
    assert held.status_code == 429
    assert 0 < int(held["Retry-After"]) <= 60
    assert "sessionid" not in held.cookies


def test_what_was_counted_at_one_door_holds_at_the_other(admin: Any) -> None:
    for n in range(5):
        try_password("admin", "wrong", door=DOORS[n % 2])
    assert [try_password("admin", PASSWORD, door=door).status_code for door in DOORS] == [429, 429]


def test_any_other_door_asks_too(admin: Any) -> None:
    request = RequestFactory().post("/", REMOTE_ADDR=HOME)
    for _n in range(5):
        assert authenticate(request, username="admin", password="wrong") is None
    assert authenticate(request, username="admin", password=PASSWORD) is None


def test_the_person_enters_from_elsewhere_while_a_stranger_hammers(admin: Any) -> None:
    for _n in range(7):
        try_password("admin", "wrong", address=ELSEWHERE)
    assert try_password("admin", PASSWORD).status_code == 302


def test_the_person_enters_behind_the_same_address_with_a_browser_that_is_known(admin: Any) -> None:
    own = Client()
    assert try_password("admin", PASSWORD, client=own).status_code == 302
    own.post("/logout/")
    for name in (*["admin"] * 6, *(f"nobody-{n}" for n in range(26))):
        fail(name)
    assert try_password("admin", PASSWORD).status_code == 429
    assert try_password("admin", PASSWORD, client=own).status_code == 302


def test_a_one_time_link_lets_in_whom_a_stranger_behind_the_same_address_holds_off(admin: Any) -> None:
    for _n in range(6):
        fail("admin")
    own = Client()
    address = f"/account/link/{passwords.issue_link(admin, actor=None, now=timezone.now())}/"
    own.post(address, {"new_password1": "ten-lives-2027-x", "new_password2": "ten-lives-2027-x"}, REMOTE_ADDR=HOME)
    assert try_password("admin", "ten-lives-2027-x", client=own).status_code == 302
    assert try_password("admin", "ten-lives-2027-x").status_code == 429


def test_a_known_browser_is_counted_as_well(admin: Any) -> None:
    own = Client()
    try_password("admin", PASSWORD, client=own)
    own.post("/logout/")
    answers = [try_password("admin", "wrong", client=own, address=f"192.0.2.{n}").status_code for n in range(7)]
    assert answers == [200, 200, 200, 200, 200, 429, 429]


@pytest.mark.parametrize("mark", ["", "x", "stolen 1 2 3", "\x00"])
def test_a_mark_that_was_made_up_is_no_known_browser(mark: str, admin: Any) -> None:
    client = Client()
    client.cookies["browser"] = mark
    answers = [try_password("admin", "wrong", client=client).status_code for _n in range(6)]
    assert answers == [200, 200, 200, 200, 200, 429]


def test_the_browser_of_one_account_is_a_stranger_to_another(admin: Any, cast: Cast) -> None:
    cast.of(Role.OPERATOR)
    client = Client()
    try_password("operator", PASSWORD, client=client)
    client.post("/logout/")
    for _n in range(5):
        try_password("admin", "wrong", client=client)
    assert try_password("admin", PASSWORD).status_code == 429


def test_many_accounts_from_one_address_are_slowed_and_other_addresses_are_not(admin: Any) -> None:
    for n in range(30):
        fail(f"name-{n}")
    assert [try_password(f"more-{n}", "wrong").status_code for n in range(3)] == [200, 429, 429]
    assert try_password("admin", PASSWORD).status_code == 429
    assert try_password("admin", PASSWORD, address=ELSEWHERE).status_code == 302


def test_an_own_account_does_not_wash_the_address_clean() -> None:
    for n in range(30):
        assert count_try(counters(f"name-{n}", "", HOME), NOW) is None
        if n % 10 == 0:
            own = counters("admin", "", HOME)
            count_try(own, NOW)
            forgive_try(own)
    assert [count_try(counters(f"more-{n}", "", HOME), NOW) is None for n in range(2)] == [True, False]


def test_neighbours_of_one_ipv6_network_are_one_address() -> None:
    assert neighbourhood("2001:db8:1:2::1") == neighbourhood("2001:db8:1:2:ffff::9")
    assert neighbourhood("2001:db8:1:3::1") != neighbourhood("2001:db8:1:2::1")
    for _n in range(5):
        try_password("admin", "wrong", address="2001:db8::1")
    assert try_password("admin", "wrong", address="2001:db8::2").status_code == 429


def test_the_right_password_forgets_the_wrong_ones(admin: Any) -> None:
    for _round in range(2):
        for _n in range(4):
            try_password("admin", "wrong")
        assert try_password("admin", PASSWORD).status_code == 302


def test_tries_sent_side_by_side_all_count(committed: None) -> None:
    limits = counters("admin", "", HOME)

    def race(_n: int) -> bool:
        try:
            return count_try(limits, NOW) is None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(race, range(24)))
    assert sum(admitted) == 5


# Waits


@given(st.integers(0, 10_000), st.sampled_from([OF_ACCOUNT, OF_ADDRESS]))
@settings(max_examples=40)
def test_each_further_failure_waits_longer_up_to_a_longest(failures: int, limit: failed_logins.Limit) -> None:
    wait, more = wait_after(failures, limit), wait_after(failures + 1, limit)
    assert (wait == timedelta(0)) == (failures <= limit.free)
    assert wait <= more <= limit.longest
    assert more == min(limit.longest, 2 * wait) or failures <= limit.free


def test_the_wait_doubles_and_ends() -> None:
    limits, now, found = counters("admin", "", HOME), NOW, []
    for _n in range(13):
        assert count_try(limits, now) is None
        wait = FailedLogins.objects.filter(wait_until__gt=now).order_by("-wait_until").first()
        found.append((wait.wait_until - now) / MINUTE if wait and wait.wait_until else 0)
        now += MINUTE * found[-1]
    assert found == [0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_hammering_during_a_wait_does_not_make_it_longer() -> None:
    limits = counters("admin", "", HOME)
    for _n in range(5):
        count_try(limits, NOW)
    held = [count_try(limits, NOW + timedelta(seconds=second)) for second in range(59)]
    assert {one.until for one in held if one} == {NOW + MINUTE}
    assert count_try(limits, NOW + MINUTE) is None


def test_failures_are_forgiven_in_time_and_their_counters_dropped() -> None:
    limits = counters("admin", "", HOME)
    for _n in range(5):
        count_try(limits, NOW)
    assert count_try(limits, NOW + timedelta(hours=6)) is None
    assert not FailedLogins.objects.filter(wait_until__gt=NOW + timedelta(hours=6)).exists()
    count_try(counters("other", "", ELSEWHERE), NOW + timedelta(days=3))
    assert FailedLogins.objects.count() == 2


def test_a_success_takes_back_what_it_was_counted_by() -> None:
    limits = counters("admin", "", HOME)
    count_try(limits, NOW)
    forgive_try(limits)
    assert list(FailedLogins.objects.values_list("failures", flat=True)) == [0]


# Whose address


def test_no_header_gets_a_stranger_round_the_wait(admin: Any) -> None:
    for n in range(6):
        form = {"username": "admin", "password": "wrong"}
        answer = Client().post("/login/", form, REMOTE_ADDR=HOME, HTTP_X_FORWARDED_FOR=f"192.0.2.{n}")
    assert answer.status_code == 429


# The log


def test_log_in_failure_and_log_out_are_recorded_with_their_address(admin: Any) -> None:
    client = Client(headers={"User-Agent": "Chromium"})
    try_password("admin", "wrong-password-9", client=client)
    try_password("admin", PASSWORD, client=client)
    client.post("/logout/", REMOTE_ADDR=HOME)
    assert kinds() == ["failed", "logged_in", "logged_out"]
    failed = AccountEvent.objects.get(kind="failed")
    assert (failed.user, failed.actor, failed.address, failed.agent) == (admin, None, HOME, "Chromium")


def test_a_flood_during_a_wait_is_one_line(admin: Any) -> None:
    for _n in range(9):
        try_password("admin", "wrong")
    assert kinds() == ["failed"] * 5 + ["held_off"]


def test_no_password_stands_in_the_log_nor_one_typed_into_the_wrong_field(admin: Any) -> None:
    for name, password in (("admin", "wrong-password-9"), ("my-secret-2026", "x"), ("Admin", PASSWORD)):
        try_password(name, password)
    rows = " ".join(str(row) for row in AccountEvent.objects.values())
    assert not re.search(f"wrong-password-9|my-secret-2026|{PASSWORD}", rows)
    unknown = AccountEvent.objects.filter(user=None).values_list("data", flat=True)
    assert len({row["unknown"] for row in unknown}) == 2


@pytest.mark.parametrize("name", ["x\x00y", "", " ", "我" * 300, "ａｄｍｉｎ"])
def test_odd_names_are_refused_in_peace(name: str, admin: Any) -> None:
    assert try_password(name, "wrong").status_code == 200


@pytest.mark.parametrize(
    "change",
    ["UPDATE workorders_accountevent SET kind = 'x'", "DELETE FROM workorders_accountevent"],
)
def test_the_database_refuses_to_change_the_log(change: str, admin: Any) -> None:
    with (
        pytest.raises(DatabaseError, match=r"append-only|permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)


def test_the_log_is_verified_with_the_ledger_and_a_change_shows(admin: Any) -> None:
    try_password("admin", "wrong")
    call_command("verify_ledger")
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE workorders_accountevent DISABLE TRIGGER account_event_append_only")
        cursor.execute("UPDATE workorders_accountevent SET address = '127.0.0.1' WHERE kind = 'failed'")
    lines, broken = account_log.verify_account_log()
    assert (lines, broken and broken.kind) == (3, "failed")
    with pytest.raises(CommandError, match="log of accounts"):
        call_command("verify_ledger")


@pytest.mark.parametrize("role", list(Role))
def test_the_log_is_the_auditors_to_read_and_nobody_elses(role: Role, cast: Cast, client: Client) -> None:
    client.force_login(cast.of(role))
    event = AccountEvent.objects.latest("number")
    pages = ["/admin/workorders/accountevent/", f"/admin/workorders/accountevent/{event.pk}/change/"]
    answers = [client.get(page) for page in pages]
    assert all((answer.status_code == 200) == (role == Role.AUDITOR) for answer in answers)
    if role == Role.AUDITOR:
        assert client.post(pages[1], {"kind": "x"}).status_code == 403
        assert client.get("/admin/workorders/accountevent/add/").status_code == 403
        assert client.post(f"/admin/workorders/accountevent/{event.pk}/delete/").status_code == 403


def test_the_log_lists_a_page_in_as_many_queries_however_long_it_is(cast: Cast, client: Client, now: datetime) -> None:
    client.force_login(cast.of(Role.AUDITOR))
    counts = []
    for _n in range(2):
        for n in range(10):
            account_log.record_account_event("failed", cast.of(list(Role)[n % 9]), now=now)
        counts.append(queries_of(client, "/admin/workorders/accountevent/"))
    assert counts[0] == counts[1]
