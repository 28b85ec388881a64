from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EvaluationConfig(AppConfig):
    name = "evaluation"
    verbose_name = _("Evaluation")

    def ready(self) -> None:
        from evaluation import attempt_recount, callback_queue, counted, forms, judged, panels, records
        from intake import callers
        from workorders import recounts, stages, standard_texts
        from workorders.transitions import transitioned

        stages.step("attempt", form=forms.AttemptForm, record=records.count_attempt)
        stages.step("close", form=forms.CloseForm, record=records.finish)
        stages.step("rework", form=forms.ReworkForm, record=records.finish)
        stages.after_each(records.hear_wishes)
        stages.resting(callback_queue.not_yet)
        recounts.add_instants(attempt_recount)
        transitioned.connect(ask_for_callback, dispatch_uid="evaluation.ask_for_callback")
        standard_texts.read_out_at("close")
        counted.add()
        callers.judged_by(judged.judged)
        panels.add()


def ask_for_callback(event: Any, **_signal: Any) -> None:
    from evaluation.tasks import open_callback

    if event.step == "approve":
        open_callback.delay_on_commit(event.order_id)  # type: ignore[attr-defined]
