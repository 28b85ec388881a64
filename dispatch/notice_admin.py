"""The outbox, and the channels that ring. Supervisors look and send again; administrators enter addresses, and see none."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import linebreaksbr
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminPasswordWidget

from dispatch import notices, sending
from dispatch.models import Alert, Channel, Notice
from dispatch.webhook_admin import LookAdmin
from workorders.admin import RoleAdmin


class ChannelForm(forms.ModelForm):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy(
            "An apprise address, such as dingtalk://token, wecombot://key, feishu://token, mailtos://user:password@host "
            "or jsons://sms-gateway/path. {recipient} stands for whom a message is for, {message} for its number. "
            "It is kept encrypted and not shown again; left empty, it stays as it is."
        ),
    )

    class Meta:
        model = Channel
        fields = ("name", "unit", "user", "url", "is_active")

    def clean_url(self) -> str:
        given: str = self.cleaned_data["url"].strip() or self.instance.url
        if not given:
            raise forms.ValidationError(_("Give an address."))
        return given


@admin.register(Channel)
class ChannelAdmin(RoleAdmin):
    branch_by = ("unit", "user__unit")
    form = ChannelForm
    list_display = ("name", "owner", "masked", "failing_since", "is_active")
    list_select_related = ("unit", "user")
    list_filter = ("is_active",)
    search_fields = ("name", "unit__name", "unit__code", "user__username", "user__last_name")
    autocomplete_fields = ("unit", "user")
    actions = ("try_out",)

    def has_try_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    @admin.display(description=gettext_lazy("owner"))
    def owner(self, channel: Channel) -> str:
        return str(channel.unit or channel.user or _("everybody without a channel"))

    @admin.display(description=gettext_lazy("address"))
    def masked(self, channel: Channel) -> str:
        return channel.masked

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        may = self.has_change_permission(request, obj)
        return ("name", "unit", "user", "url", "is_active") if may else ("name", "owner", "masked", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if self.has_change_permission(request, obj) else ("name", "owner", "masked", "is_active")

    @admin.action(description=gettext_lazy("Send a test message"), permissions=["try"])
    def try_out(self, request: HttpRequest, chosen: QuerySet[Channel]) -> None:
        for channel in chosen:
            notices.try_out(channel, request.user, now=timezone.now())  # type: ignore[arg-type]
        self.message_user(request, _("The test message is on its way: the outbox says what came of it."))


class LevelFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("level"), "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return list(Alert.Level.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notice]) -> QuerySet[Notice]:
        value = self.value() or ""
        return queryset.filter(level=int(value)) if value.isdecimal() else queryset


class WayFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("way"), "way"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [("channel", _("By a channel")), ("console", _("In the console"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notice]) -> QuerySet[Notice]:
        value = self.value()
        return queryset.filter(channel__isnull=value == "console") if value else queryset


@admin.register(Notice)
class NoticeAdmin(LookAdmin):
    branch_by = ("unit", "user__unit")
    list_display = (
        "created_at",
        "recipient",
        "way",
        "shown_subject",
        "shown_state",
        "attempts",
        "last_error",
        "sent_at",
    )
    list_display_links = ("shown_subject",)
    list_filter = ("state", LevelFilter, WayFilter, ("unit", AutocompleteSelectFilter))
    list_filter_submit = True
    search_fields = ("subject",)
    fields = (
        *("subject", "shown_text", "recipient", "way", "level_label", "urgent", "state", "digest"),
        *("attempts", "next_attempt_at", "last_error", "log", "created_at", "sent_at", "read_at"),
    )
    show_full_result_count = False
    actions = ("send_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        shown = super().get_queryset(request).select_related("user", "unit", "channel")
        return shown.defer("channel__url")  # nobody here needs to decrypt it

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.display(description=gettext_lazy("recipient"))
    def recipient(self, notice: Notice) -> str:
        return str(notice.recipient)

    @admin.display(description=gettext_lazy("way"))
    def way(self, notice: Notice) -> str:
        return str(notice.channel or _("Console"))

    @admin.display(description=gettext_lazy("subject"), ordering="subject")
    def shown_subject(self, notice: Notice) -> str:
        return notice.subject

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def shown_state(self, notice: Notice) -> str:
        return notice.get_state_display()

    @admin.display(description=gettext_lazy("level"))
    def level_label(self, notice: Notice) -> str:
        return notice.level_label or "–"

    @admin.display(description=gettext_lazy("text"))
    def shown_text(self, notice: Notice) -> str:
        return linebreaksbr(notice.text)

    @admin.action(description=gettext_lazy("Send again what was not sent"), permissions=["retry"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Notice]) -> None:
        count = sending.retry(Notice.objects.filter(pk__in=chosen.values("pk")), now=timezone.now())
        told = ngettext("%(count)s message will be sent again.", "%(count)s messages will be sent again.", count)
        self.message_user(request, told % {"count": count}, messages.SUCCESS if count else messages.WARNING)
