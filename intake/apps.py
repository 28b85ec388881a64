from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntakeConfig(AppConfig):
    name = "intake"
    verbose_name = _("Intake")

    def ready(self) -> None:
        from intake import (
            confidence,
            correction_recount,
            corrections,
            forms,
            merged_orders,
            merging,
            narrowings,
            outbox,
            panels,
            shown,
            text_fields,
            triage_forms,
        )
        from workorders import recounts, stages
        from workorders.api import parts

        stages.hiding(confidence.is_hidden)
        stages.step("register", form=forms.RegistrationForm, labels={"danger": _("Words of danger")})
        stages.step("record_history", form=forms.RegistrationForm, labels={"source": _("Source")})
        stages.step("answer", form=forms.AnswerForm, record=outbox.reply)
        stages.step("accept", form=forms.AcceptForm)
        stages.step("decline", form=triage_forms.DeclineForm, record=outbox.reply)
        stages.step("merge", form=merging.SuggestingMergeForm, record=merged_orders.join)
        stages.step("withdraw", refusal=merged_orders.why_not_withdraw)
        stages.step(
            "ask_correction",
            form=triage_forms.AskCorrectionForm,
            record=corrections.ask,
            facts=corrections.facts_of_asking,
            labels={"closes_at": _("Correction wanted until")},
        )
        stages.step("remind_correction", record=corrections.remind)
        stages.step("lapse_correction", record=corrections.lapse)
        stages.step(
            "transfer",
            form=triage_forms.TransferForm,
            labels={"grade": triage_forms.GRADE, "old_grade": triage_forms.OLD_GRADE},
        )
        stages.after_each(corrections.finish)
        recounts.add_instants(correction_recount)
        panels.add()
        narrowings.add()
        text_fields.add()
        parts.add_part("appeals", shown.AppealSerializer(many=True), shown.appeals_of)
        parts.add_answer("reveal", "complainants", shown.RevealedSerializer(many=True), shown.revealed_of)
