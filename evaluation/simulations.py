"""Simulations that somebody asked for on the page: kept, run by a worker, taken up again where a worker died."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from evaluation.models import Simulation
from evaluation.models.simulation import STALLED
from evaluation.simulation import SAMPLE, simulate
from workorders.models import Policy, User
from workorders.policy_versions import NOT_A_KEEPER, keeps_policy
from workorders.refusals import Invalid, NotAllowed, WrongState

State = Simulation.State
CHOICES = (7, 30, 90)


def ask(policy: Policy, days: int, *, actor: User, now: datetime) -> Simulation:
    from evaluation.tasks import run_simulation

    if not keeps_policy(actor):
        raise NotAllowed(NOT_A_KEEPER)
    if days not in CHOICES:
        raise Invalid(fields={"days": [_("Choose one of the numbers of days.")]})
    try:
        with transaction.atomic():
            asked = {"asked_by": actor, "asked_at": now, "moved_at": now}
            simulation = Simulation.objects.create(policy=policy, days=days, sample=SAMPLE, **asked)
            run_simulation.delay_on_commit(simulation.pk)  # type: ignore[attr-defined]
    except IntegrityError:
        raise WrongState(_("A simulation of this version is running already.")) from None
    return simulation


def to_run(now: datetime) -> QuerySet[Simulation]:
    """Those nobody has begun, and those whose worker gave no sign for long."""
    return Simulation.objects.filter(
        Q(state=State.WAITING) | Q(state=State.RUNNING, moved_at__lt=now - STALLED)
    ).order_by("pk")


def run(simulation_id: int, *, now: datetime) -> None:
    """Running it twice at once runs it once: who moves it from waiting to running has it."""
    if _take(simulation_id, now):
        simulation = Simulation.objects.select_related("policy").get(pk=simulation_id)
        with _failing(simulation):
            _finish(simulation, _replayed(simulation))


@transaction.atomic
def _take(simulation_id: int, now: datetime) -> bool:
    """One at a time of all: simulations must not keep every thread of the worker from the scan. The first policy is the lock."""
    list(Policy.objects.order_by("pk").select_for_update(no_key=True).values_list("pk")[:1])
    others = Simulation.objects.exclude(pk=simulation_id)
    if others.filter(state=State.RUNNING, moved_at__gte=now - STALLED).exists():
        return False
    mine = to_run(now).filter(pk=simulation_id).order_by()
    return bool(mine.update(state=State.RUNNING, moved_at=now, done=0))


def _replayed(simulation: Simulation) -> dict[str, Any]:
    """The days before it was asked for, whenever a worker comes to it."""

    def progress(done: int, orders: int) -> None:
        Simulation.objects.filter(pk=simulation.pk).update(done=done, orders=orders, moved_at=timezone.now())

    facts: dict[str, Any] = {"days": simulation.days, "sample": simulation.sample, "progress": progress}
    return simulate(simulation.policy.document, now=simulation.asked_at, **facts)


def _finish(simulation: Simulation, result: dict[str, Any]) -> None:
    simulation.state, simulation.result, simulation.finished_at = State.FINISHED, result, timezone.now()
    simulation.save(update_fields=["state", "result", "finished_at"])


@contextmanager
def _failing(simulation: Simulation) -> Iterator[None]:
    """What goes wrong goes on to the log; the page says that it did."""
    try:
        yield
    finally:
        if simulation.state != State.FINISHED:
            Simulation.objects.filter(pk=simulation.pk).update(state=State.FAILED, moved_at=timezone.now())
