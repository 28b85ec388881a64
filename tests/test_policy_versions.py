"""A rule takes effect by two persons, from a day that was still to come, and what it says never changes."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from config.cast import Cast
from config.celery import unpublished
from evaluation import simulations
from tests.conftest import NOW
from tests.roads import Road
from workorders import policy_versions
from workorders.lifecycle import Role, Status
from workorders.models import Policy, Unit, User
from workorders.policy import DEFAULT, default_document
from workorders.refusals import Invalid, NotAllowed, WrongState

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TEXT = DEFAULT.read_text(encoding="utf-8")
SHORTER = TEXT.replace('ordinary = { value = 24, unit = "hour" }', 'ordinary = { value = 12, unit = "hour" }')
POLL = 'hx-trigger="every 2s"'
ADD = "/admin/workorders/policy/add/"


@pytest.fixture
def first(cast: Cast) -> User:
    return cast.of(Role.ADMINISTRATOR)


@pytest.fixture
def second(cast: Cast) -> User:
    return cast.of(Role.SUPERVISOR)


@pytest.fixture
def proposal(first: User) -> Policy:
    return proposed(first)


@pytest.fixture
def pending(first: User) -> Policy:
    """For the pages, whose time is the clock's."""
    return proposed(first, timezone.now())


def proposed(actor: User, now: datetime = NOW, text: str = SHORTER) -> Policy:
    return policy_versions.propose(text, now + DAY, purpose="缩短首次联系时限", actor=actor, now=now)


def row(policy: Policy) -> dict[str, Any]:
    return Policy.objects.filter(pk=policy.pk).values().get()


# Two persons

ACTS = {
    "approve": policy_versions.approve,
    "reject": policy_versions.reject,
    "withdraw": policy_versions.withdraw,
}
KEEPERS = (Role.ADMINISTRATOR, Role.SUPERVISOR)


@pytest.mark.parametrize(("act", "role", "own"), list(itertools.product(ACTS, Role, [True, False])))
def test_who_may_decide_on_a_version(act: str, role: Role, own: bool, cast: Cast) -> None:
    actor, other = cast.of(role), cast.of(Role.SUPERVISOR if role == Role.ADMINISTRATOR else Role.ADMINISTRATOR)
    policy = proposed(actor if own and role in KEEPERS else other)
    allowed = role in KEEPERS and (act == "withdraw") == own
    before = row(policy)
    if allowed:
        decided = ACTS[act](policy.pk, actor=actor, now=NOW, words="依规")
        assert (decided.decided_by, decided.decided_at, decided.decision) == (actor, NOW, "依规")
    else:
        with pytest.raises(NotAllowed):
            ACTS[act](policy.pk, actor=actor, now=NOW, words="依规")
        assert row(policy) == before


@pytest.mark.parametrize("role", Role)
def test_who_may_propose(role: Role, cast: Cast) -> None:
    if role in KEEPERS:
        assert proposed(cast.of(role)).version == 2
        return
    with pytest.raises(NotAllowed):
        proposed(cast.of(role))
    assert Policy.objects.count() == 1


def test_a_supervisor_of_a_unit_keeps_no_rule_book(cast: Cast, proposal: Policy) -> None:
    of_a_street = cast.of(Role.SUPERVISOR, Unit.objects.get(code="J110105009"))
    with pytest.raises(NotAllowed):
        proposed(of_a_street)
    with pytest.raises(NotAllowed):
        policy_versions.approve(proposal.pk, actor=of_a_street, now=NOW)
    assert row(proposal)["state"] == "proposed"


@pytest.mark.parametrize(("act", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_a_version_is_decided_once(act: str, state: str, proposal: Policy, second: User) -> None:
    ACTS[act](proposal.pk, actor=second, now=NOW, words="依规")
    before = row(proposal)
    for again in ACTS:
        with pytest.raises(WrongState):
            ACTS[again](proposal.pk, actor=second, now=NOW, words="依规")
    assert (row(proposal), before["state"]) == (before, state)


@pytest.mark.parametrize("act", ["reject", "withdraw"])
def test_turning_a_version_down_takes_a_reason(act: str, proposal: Policy, first: User, second: User) -> None:
    with pytest.raises(Invalid):
        ACTS[act](proposal.pk, actor=first if act == "withdraw" else second, now=NOW, words="  ")
    assert row(proposal)["state"] == "proposed"


# Taking effect


def test_a_proposal_is_in_force_for_nobody_until_it_is_approved(proposal: Policy, second: User, road: Road) -> None:
    later = NOW + 2 * DAY
    assert Policy.objects.in_force(later).version == 1
    policy_versions.approve(proposal.pk, actor=second, now=NOW)
    assert [Policy.objects.in_force(at).version for at in (NOW, NOW + DAY, later)] == [1, 2, 2]
    road.now = later
    order = road.to(Status.DISPATCHED)
    contact = order.clocks.get(kind="contact")
    assert (order.policy.version, contact.due_at - contact.started_at) == (2, timedelta(hours=12))


@pytest.mark.parametrize("act", ["reject", "withdraw"])
def test_what_was_turned_down_never_takes_effect(act: str, proposal: Policy, first: User, second: User) -> None:
    ACTS[act](proposal.pk, actor=first if act == "withdraw" else second, now=NOW, words="再议")
    assert Policy.objects.in_force(NOW + 9 * DAY).version == 1


def test_nothing_takes_effect_in_the_past(proposal: Policy, first: User, second: User) -> None:
    with pytest.raises(WrongState):
        policy_versions.approve(proposal.pk, actor=second, now=NOW + DAY + timedelta(seconds=1))
    assert row(proposal)["state"] == "proposed"
    with pytest.raises(Invalid) as refused:
        policy_versions.propose(TEXT, NOW - DAY, purpose="", actor=first, now=NOW)
    assert set(refused.value.fields) == {"effective_from"}
    assert Policy.objects.count() == 2


def test_the_api_tells_approved_versions_only(proposal: Policy, second: User, client: Client) -> None:
    client.force_login(second)
    assert client.get("/api/v1/policy/?version=2").status_code == 404
    policy_versions.approve(proposal.pk, actor=second, now=NOW)
    assert client.get("/api/v1/policy/?version=2").json()["version"] == 2


# What the database refuses, whoever asks it


@pytest.mark.parametrize(
    "change",
    [
        {"document": {}},
        {"source": "x = 1"},
        {"effective_from": NOW + 9 * DAY},
        {"version": 7},
        {"title": "另一个"},
        {"created_by": None},
        {"state": "approved"},
        {"state": "approved", "decided_by": F("created_by"), "decided_at": NOW},
        {"state": "approved", "decided_by": "second", "decided_at": NOW + 5 * DAY},
        {"state": "rejected", "decided_by": "second", "decided_at": NOW},
    ],
)
def test_the_database_refuses(change: dict[str, Any], proposal: Policy, second: User) -> None:
    before = row(proposal)
    change = {name: second if value == "second" else value for name, value in change.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.filter(pk=proposal.pk).update(**change)
    assert row(proposal) == before


@pytest.mark.parametrize("change", [{"document": {}}, {"state": "proposed"}, {"decision": "其实不行"}])
def test_the_database_keeps_an_approved_version_as_it_is(
    change: dict[str, Any], proposal: Policy, second: User
) -> None:
    policy_versions.approve(proposal.pk, actor=second, now=NOW)
    before = row(proposal)
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.filter(pk=proposal.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.filter(pk=proposal.pk).delete()
    assert row(proposal) == before


def test_the_database_lets_nobody_enter_an_approved_version(first: User) -> None:
    facts = {"document": default_document(), "effective_from": NOW + DAY, "title": "x"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.create(version=2, state="approved", created_by=first, **facts)
    assert Policy.objects.count() == 1


# What is written


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = \n", "Line 1, column 9"),
        ("[limits\nx = 1", "Line 1, column 8"),
        (TEXT.replace("share = 0.5", "share = 50"), "rework.share"),
        (TEXT.replace("attempts = 2", "attempts = 0"), "callback.attempts"),
        (TEXT.replace("[archive]", "[arcive]"), "archive"),
        (TEXT + "\n[arcive]\nafter_days = 1\n", "arcive"),
        (TEXT.replace('title = "', 'title = "' + "长" * 130), "title"),
        (TEXT.replace("per_unit = 1", "per_unit = 1\nfrom = 2026-01-01"), "date"),
        (TEXT.replace("per_unit = 1", "per_unit = 1\nx = inf"), "date"),
        (TEXT.replace("per_unit = 1", 'per_unit = 1\nx = "\\u0000"'), "date"),
        ("x = " + "[" * 30_000, "TOML"),
        ("x = " + "9" * 5_000, "TOML"),
        ("#" * 100_001, "100000"),
    ],
)
def test_what_cannot_be_a_rule_is_refused_with_its_place(text: str, words: str, first: User) -> None:
    with pytest.raises(Invalid) as refused, translation.override("en"):
        proposed(first, text=text)
    assert words in " ".join(refused.value.fields["source"])
    assert Policy.objects.count() == 1


def test_comments_are_kept(first: User) -> None:
    policy = proposed(first, text=SHORTER + "\n# 依据市政府第 12 次常务会议\n")
    assert "第 12 次常务会议" in Policy.objects.get(pk=policy.pk).text


def test_a_version_without_its_text_is_written_out(first: User) -> None:
    policy = Policy(version=3, title="x", document=default_document(), effective_from=NOW)
    assert policy_versions.read(policy.text) == (default_document(), [])


def test_two_who_propose_get_two_numbers(first: User, second: User) -> None:
    assert [proposed(first).version, proposed(second).version] == [2, 3]


# The pages


def page(policy: Policy, tail: str = "change/") -> str:
    return f"/admin/workorders/policy/{policy.pk}/{tail}"


def typed(text: str = SHORTER) -> dict[str, str]:
    start = timezone.localtime(timezone.now() + DAY)
    facts = {"effective_from_0": f"{start:%Y-%m-%d}", "effective_from_1": f"{start:%H:%M:%S}"}
    return {**facts, "purpose": "缩短首次联系", "source": text.replace("\n", "\r\n")}


def test_on_the_page_one_proposes_and_another_approves(client: Client, first: User, second: User) -> None:
    client.force_login(first)
    assert client.post(ADD, typed()).status_code == 302
    policy = Policy.objects.get(version=2)
    assert (policy.state, policy.created_by, policy.source) == ("proposed", first, SHORTER)
    shown = client.get(page(policy)).content.decode()
    assert page(policy, "withdraw/") in shown
    assert page(policy, "approve/") not in shown
    client.force_login(second)
    assert page(policy, "approve/") in client.get(page(policy)).content.decode()
    assert client.post(page(policy, "approve/"), {"words": "同意"}).status_code == 302
    policy.refresh_from_db()
    assert (policy.state, policy.decided_by) == ("approved", second)
    history = client.get(page(policy, "history/")).content.decode()
    assert second.last_name in history


def test_what_was_typed_is_there_again_after_a_mistake(client: Client, first: User) -> None:
    client.force_login(first)
    answer = client.post(ADD, typed(TEXT.replace("share = 0.5", "share = 50") + "# 我的批注"))
    shown = answer.content.decode()
    assert (answer.status_code, "rework.share" in shown, "我的批注" in shown) == (200, True, True)
    assert Policy.objects.count() == 1


def test_a_new_version_begins_with_the_text_of_the_one_in_force_or_of_another(client: Client, pending: Policy) -> None:
    client.force_login(pending.created_by)
    assert "value = 24, unit = &quot;hour&quot; }\ncomplex" in client.get(ADD).content.decode()
    assert "ordinary = { value = 12," in client.get(f"{ADD}?from=2").content.decode()


def test_who_may_not_is_refused_and_nothing_changes(client: Client, cast: Cast, pending: Policy) -> None:
    before = row(pending)
    for act in ("approve", "reject", "simulate"):
        client.force_login(cast.of(Role.SUPERVISOR, Unit.objects.get(code="J110105009")))
        assert client.post(page(pending, f"{act}/"), {"words": "x", "days": "30"}).status_code == 403
    client.force_login(cast.of(Role.ADMINISTRATOR))
    assert client.post(page(pending, "approve/")).status_code == 403, "the first person is not the second"
    assert client.post(page(pending)).status_code == 403
    assert client.get(page(pending, "approve/")).status_code == 405
    for role in (Role.DISPATCHER, Role.HANDLER):
        client.force_login(cast.of(role))
        assert client.post(page(pending, "approve/")).status_code == 302, "to the log-in"
    client.force_login(cast.of(Role.AUDITOR))
    assert client.post(page(pending, "approve/")).status_code == 403
    assert (row(pending), pending.simulations.count()) == (before, 0)


def test_a_reason_that_is_missing_is_asked_for_on_the_page(client: Client, pending: Policy, second: User) -> None:
    client.force_login(second)
    answer = client.post(page(pending, "reject/"), {"words": " "})
    assert (answer.status_code, 'role="alert"' in answer.content.decode()) == (400, True)
    assert row(pending)["state"] == "proposed"


def test_any_two_versions_are_compared(client: Client, pending: Policy, second: User) -> None:
    third = proposed(second, timezone.now(), text=SHORTER.replace("attempts = 2", "attempts = 4"))
    client.force_login(second)
    against_first, against_second = (client.get(page(third), {"base": base}).content.decode() for base in ("1", "2"))
    assert "limits.contact.ordinary" in against_first
    assert "limits.contact.ordinary" not in against_second
    assert "callback.attempts" in against_second


def test_a_simulation_is_asked_for_on_the_page_and_its_result_stands_there(
    client: Client, road: Road, pending: Policy, second: User
) -> None:
    order = road.to(Status.HANDLING)
    client.force_login(second)
    with unpublished():
        assert client.post(page(pending, "simulate/"), {"days": "30"}).status_code == 302
    (asked,) = pending.simulations.all()
    polled = client.get(page(pending, "simulations/")).content.decode()
    assert POLL in polled
    pending.simulations.update(asked_at=road.now + DAY)
    order.clocks.filter(kind="contact").update(stopped_at=order.clocks.get(kind="contact").started_at + 13 * DAY / 24)
    simulations.run(asked.pk, now=road.now)
    shown = client.get(page(pending)).content.decode()
    assert POLL not in shown
    assert order.spoken_number in shown
    assert "100.0%" in shown


def test_the_administrator_is_shown_figures_and_no_order(
    client: Client, road: Road, pending: Policy, first: User
) -> None:
    order = road.to(Status.HANDLING)
    order.clocks.filter(kind="contact").update(stopped_at=order.clocks.get(kind="contact").started_at + 13 * DAY / 24)
    with unpublished():
        asked = simulations.ask(pending, 30, actor=first, now=road.now + DAY)
    simulations.run(asked.pk, now=road.now)
    client.force_login(first)
    assert order.spoken_number not in client.get(page(pending)).content.decode()


def test_a_supervisor_of_a_unit_reads_the_rules_and_no_figures_of_other_units(
    client: Client, cast: Cast, pending: Policy, first: User
) -> None:
    with unpublished():
        asked = simulations.ask(pending, 30, actor=first, now=NOW)
    simulations.run(asked.pk, now=NOW)
    client.force_login(cast.of(Role.SUPERVISOR, Unit.objects.get(code="J110105009")))
    assert 'id="simulation' not in client.get(page(pending)).content.decode()
    assert client.get(page(pending, "simulations/")).status_code == 403


@pytest.mark.parametrize("days", ["", "0", "-1", "4000", "x"])
def test_days_that_are_not_offered_are_refused(days: str, client: Client, pending: Policy, second: User) -> None:
    client.force_login(second)
    assert client.post(page(pending, "simulate/"), {"days": days}).status_code == 400
    assert not pending.simulations.exists()


def test_more_versions_take_no_more_queries(client: Client, first: User, second: User) -> None:
    client.force_login(second)
    counted = []
    for _round in range(2):
        for _number in range(10):
            proposed(first, timezone.now())
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/admin/workorders/policy/").status_code == 200
        counted.append(len(queries))
    assert counted[0] == counted[1]
