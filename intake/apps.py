from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntakeConfig(AppConfig):
    name = "intake"
    verbose_name = _("Intake")

    def ready(self) -> None:
        from intake import forms, panels, shown, text_fields
        from workorders import stages
        from workorders.api import parts

        stages.step("register", form=forms.RegistrationForm)
        stages.step("answer", form=forms.AnswerForm)
        stages.step("accept", form=forms.AcceptForm)
        stages.step("decline", form=forms.DeclineForm)
        stages.step("merge", form=forms.MergeForm)
        panels.add()
        text_fields.add()
        parts.add_part("appeals", shown.AppealSerializer(many=True), shown.appeals_of)
        parts.add_answer("reveal", "complainants", shown.RevealedSerializer(many=True), shown.revealed_of)
