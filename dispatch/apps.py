from functools import partial
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DispatchConfig(AppConfig):
    name = "dispatch"
    verbose_name = _("Dispatch and handling")

    def ready(self) -> None:
        from dispatch import (
            advising,
            contacts,
            forms,
            narrowings,
            panels,
            records,
            rectifications,
            reply_forms,
            return_windows,
            slips,
            supervision,
            text_fields,
        )
        from workorders import advice, feed, health, recounts, stages

        sent: dict[str, Any] = {"record": records.assign, "labels": {"copied_to": _("Copy for supervision")}}
        stages.step("dispatch", form=forms.DispatchForm, **sent)
        stages.step("designate", form=forms.DesignateForm, **sent)
        stages.step("recall", record=records.unassign)
        stages.step("contact", form=forms.ContactForm, fulfils=contacts.fulfils)
        stages.step("arrive", form=forms.ArriveForm)
        stages.step("report", form=reply_forms.ResultForm)
        stages.step("co_report", form=forms.CoReportForm)
        stages.step("suspend", form=forms.SuspendForm)
        stages.step("assign_down", form=forms.HandDownForm, record=records.hand_down, refusal=slips.why_not_hand_down)
        stages.step("urge", form=forms.UrgeForm)
        stages.co_handling(records.co_handled_by)
        stages.sharing(records.assigned_to)
        feed.holding(records.held_when_written)
        stages.beside(records.beside)
        self._add_meetings()
        self._add_requests()
        self._add_slips()
        self._add_handovers()
        panels.add()
        text_fields.add()
        narrowings.add()
        advice.add_adviser(advising.advise)
        health.add_part(supervision.SCAN, supervision.health)
        recounts.add_instants(return_windows)
        recounts.add_recount(rectifications.recount)

    def _add_meetings(self) -> None:
        from dispatch import meeting_forms, meetings, shown
        from workorders import stages
        from workorders.api import parts

        stages.step("consult", form=meeting_forms.ConsultForm, record=meetings.call)
        stages.step("opine", form=meeting_forms.OpinionForm, record=meetings.opine)
        stages.step("end_meeting", form=meeting_forms.EndMeetingForm)
        stages.consulting(meetings.consulted_by)
        stages.sharing(meetings.consulted_by)
        stages.after_each(meetings.conclude)
        stages.waiting(meetings.waits_for)
        stages.resting(meetings.not_heard)
        parts.add_part("meetings", shown.MeetingSerializer(many=True), shown.meetings_of)

    def _add_requests(self) -> None:
        from dispatch import forms, records, requests
        from workorders import stages

        asked = {"return": forms.ReturnForm, "extension": forms.ExtensionForm, "suspension": forms.SuspendForm}
        for kind, form in asked.items():
            stages.step(f"request_{kind}", form=form, record=requests.ask, refusal=partial(requests.why_not_ask, kind))
            stages.step(f"refuse_{kind}", record=requests.decide, refusal=partial(requests.why_not_decide, kind))
        open_return, open_suspension = (partial(requests.why_not_decide, kind) for kind in ("return", "suspension"))
        stages.step("grant_return", form=forms.GrantForm, record=records.take_back, refusal=open_return)
        stages.step("grant_suspension", form=forms.GrantSuspensionForm, record=requests.decide, refusal=open_suspension)
        stages.step(
            "grant_extension",
            form=forms.GrantForm,
            record=records.extend,
            refusal=requests.why_not_extend,
            facts=requests.facts_of_extension,
            labels={
                "length": _("Working days more"),
                "old_due": _("Deadline before"),
                "new_due": _("New deadline"),
                "told": _("Meant for the complainant, not sent yet"),
            },
        )
        stages.after_each(requests.lapse)
        stages.waiting(requests.waits_for)
        stages.beside(requests.beside)

    def _add_handovers(self) -> None:
        from dispatch import clients, handover_forms, handovers
        from workorders import holdings, staffing, stages

        staffing.add_readers(clients.read_only)
        holdings.add_holding(_("orders it co-handles"), handovers.co_handled)
        holdings.add_holding(_("open supervision slips"), handovers.open_slips)
        holdings.add_holding(_("open rectifications"), handovers.open_rectifications)
        holdings.add_holding(_("API clients in use"), handovers.clients_in_use)
        holdings.add_holding(_("lines of the catalogue"), handovers.catalogue_lines)
        stages.step("hand_over", form=handover_forms.HandOverForm, record=handovers.hand_over)
        replaced: dict[str, Any] = {
            "form": handover_forms.ReplaceCoHandlingForm,
            "record": handovers.replace_co_handling,
        }
        stages.step("replace_co_handling", **replaced)

    def _add_slips(self) -> None:
        from dispatch import forms, slip_forms, slips
        from workorders import stages

        told: dict[str, Any] = {"colour": slip_forms.COLOUR, "days": slip_forms.DAYS}
        risen: dict[str, Any] = {"record": slips.rise, "facts": slips.facts_of_rise, "labels": told}
        stages.step(
            "issue_slip",
            form=slip_forms.IssueSlipForm,
            record=slips.issue,
            refusal=slips.why_not_issue,
            facts=slips.facts_of_issue,
            labels=told,
        )
        stages.step("answer_slip", form=slip_forms.AnswerSlipForm, record=slips.answer, refusal=slips.why_not_answer)
        stages.step("accept_slip", form=forms.GrantForm, record=slips.accept, refusal=slips.why_not_decide)
        stages.step("reject_slip", refusal=slips.why_not_decide, **risen)
        stages.step("raise_slip", refusal=slips.why_not_raise, **risen)
        stages.step("withdraw_slip", record=slips.withdraw, refusal=slips.why_not_withdraw)
        stages.after_each(slips.lapse)
        stages.waiting(slips.waits_for)
        stages.beside(slips.beside)
