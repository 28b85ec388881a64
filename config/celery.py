"""Celery: the tasks' way of leaving a transaction, and the beat's schedule, in code."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from celery import Celery
from celery.contrib.django.task import DjangoTask
from celery.schedules import crontab
from django.db import transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_unpublished: ContextVar[bool] = ContextVar("unpublished", default=False)


@contextmanager
def unpublished() -> Iterator[None]:
    """For orders driven through times long past: nobody is to be told, and what tasks would do is done on the spot."""
    token = _unpublished.set(True)
    try:
        yield
    finally:
        _unpublished.reset(token)


class CommittedTask(DjangoTask):
    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """A broker that is away must not fail an act that is already committed: the beat's scans find what got lost."""

        def publish() -> None:  # no partial: Django names what failed, and a partial has no name
            self.delay(*args, **kwargs)

        if not _unpublished.get():
            transaction.on_commit(publish, robust=True)


app = Celery("jiesu", task_cls=CommittedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    "heartbeat": {"task": "workorders.tasks.heartbeat", "schedule": 10.0, "options": {"expires": 30}},
    "scan clocks": {"task": "dispatch.tasks.scan_clocks", "schedule": 30.0, "options": {"expires": 30}},
    "watch the scan": {"task": "dispatch.tasks.watch_scan", "schedule": 60.0, "options": {"expires": 60}},
    "recount deadlines": {
        "task": "workorders.tasks.recount_deadlines",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "hand over from closed units": {
        "task": "dispatch.tasks.hand_over_from_closed_units",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "settle alerts": {"task": "dispatch.tasks.settle_alerts", "schedule": 60.0, "options": {"expires": 60}},
    "evaluate thresholds": {"task": "dispatch.tasks.evaluate_thresholds", "schedule": 60.0, "options": {"expires": 60}},
    "supervise slips": {"task": "dispatch.tasks.supervise_slips", "schedule": 60.0, "options": {"expires": 60}},
    "demand rectifications": {
        "task": "dispatch.tasks.demand_rectifications",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "flag rectifications": {
        "task": "dispatch.tasks.flag_rectifications",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "work off corrections": {
        "task": "intake.tasks.work_off_corrections",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "send messages to complainants": {
        "task": "intake.tasks.send_messages",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "prune calls": {"task": "intake.tasks.prune_calls", "schedule": 3600.0, "options": {"expires": 3600}},
    "open missing callbacks": {
        "task": "evaluation.tasks.open_missing_callbacks",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "plan notices": {"task": "dispatch.tasks.plan_notices", "schedule": 5.0, "options": {"expires": 5}},
    # With the share of a channel in a batch: no more than robots of chat services take.
    "send notices": {"task": "dispatch.tasks.send_notices", "schedule": 10.0, "options": {"expires": 10}},
    "prune notices": {
        "task": "dispatch.tasks.prune_notices",
        "schedule": crontab(hour="3", minute="20"),
        "options": {"expires": 3600},
    },
    "follow tallies": {"task": "evaluation.tasks.follow_tallies", "schedule": 3.0, "options": {"expires": 3}},
    "run waiting simulations": {
        "task": "evaluation.tasks.run_waiting_simulations",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "walk webhooks": {"task": "dispatch.tasks.walk_webhooks", "schedule": 3.0, "options": {"expires": 3}},
    "send deliveries": {"task": "dispatch.tasks.send_deliveries", "schedule": 3.0, "options": {"expires": 3}},
    # By the clock: an interval begins anew with every start of the beat, and one of a day might never end.
    "prune deliveries": {
        "task": "dispatch.tasks.prune_deliveries",
        "schedule": crontab(hour="3", minute="40"),
        "options": {"expires": 3600},
    },
    "forget answers to idempotent requests": {
        "task": "workorders.tasks.forget_answers",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "clear expired tokens": {"task": "dispatch.tasks.clear_tokens", "schedule": 3600.0, "options": {"expires": 3600}},
    "archive what is due": {"task": "archive.tasks.archive_due", "schedule": 300.0, "options": {"expires": 300}},
}
