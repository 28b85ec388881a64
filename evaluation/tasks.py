from celery import shared_task
from django.utils import timezone

from evaluation import records, simulations, tally


@shared_task
def open_callback(order_id: int) -> None:
    for order in records.without_callback().filter(pk=order_id):
        records.open_callback(order, now=timezone.now())


@shared_task
def open_missing_callbacks() -> None:
    """A message that got lost costs a minute, never an order."""
    for order in records.without_callback()[:1000]:
        records.open_callback(order, now=timezone.now())


@shared_task
def follow_tallies() -> None:
    tally.follow()
    tally.beat(timezone.now())


@shared_task
def run_simulation(simulation_id: int) -> None:
    simulations.run(simulation_id, now=timezone.now())


@shared_task
def run_waiting_simulations() -> None:
    for simulation in simulations.to_run(timezone.now())[:1]:
        simulations.run(simulation.pk, now=timezone.now())
