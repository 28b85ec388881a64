from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WorkordersConfig(AppConfig):
    name = "workorders"
    verbose_name = _("Work orders")

    def ready(self) -> None:
        from workorders import feed, health, leases, recounts, reindexing, stages, standard_texts
        from workorders.forms import RegradeForm, TextForm

        stages.step("note", form=TextForm)
        stages.step("correct", form=TextForm)
        stages.step("progress", form=TextForm)
        stages.after_each(leases.let_go)
        standard_texts.add_own()
        deadlines = {"deadlines": _("Deadlines"), "old_grade": _("Grade before")}
        health.add_part("feed", feed.health)
        health.add_part("reindex", reindexing.health)
        stages.step("regrade", form=RegradeForm, facts=recounts.facts, labels=deadlines)
        reckoning: dict[str, Any] = {"refusal": recounts.why_not, "facts": recounts.facts_of_reckoning}
        stages.step("reckon", record=recounts.recount_beside, labels=deadlines, **reckoning)
