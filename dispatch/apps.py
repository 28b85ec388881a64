from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DispatchConfig(AppConfig):
    name = "dispatch"
    verbose_name = _("Dispatch and handling")

    def ready(self) -> None:
        from dispatch import forms, panels, records
        from workorders import stages

        stages.step("consult", form=forms.ConsultForm)
        stages.step("dispatch", form=forms.DispatchForm, record=records.assign)
        stages.step("designate", form=forms.DispatchForm, record=records.assign)
        stages.step("recall", record=records.unassign)
        stages.step("contact", form=forms.ContactForm)
        stages.step("arrive", form=forms.ArriveForm)
        stages.step("report", form=forms.ResultForm)
        stages.step("co_report", form=forms.CoReportForm)
        stages.step("suspend", form=forms.SuspendForm)
        stages.co_handling(records.co_handled_by)
        panels.add()
