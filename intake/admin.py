"""The messages to complainants: supervisors look and send again; telephones stay masked."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext

from intake import confidence, outbox
from intake.models import Message
from workorders.lifecycle import Role
from workorders.masking import masked
from workorders.role_admin import RoleAdmin


@admin.register(Message)
class MessageAdmin(RoleAdmin):
    branch_by = ("order__lead_unit",)
    administrators_see_all = False
    list_display = ("created_at", "number", "kind", "telephone", "words", "state", "attempts", "last_error", "sent_at")
    list_display_links = ("number",)
    list_filter = ("state", "kind")
    list_select_related = ("order",)
    search_fields = ("order__number",)
    fields = readonly_fields = (
        *("number", "kind", "telephone", "words", "state", "attempts"),
        *("last_error", "created_at", "next_attempt_at", "sent_at"),
    )
    show_full_result_count = False
    actions = ("send_again",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What complainants are told is part of their orders, and administrators see no order."""
        user: Any = request.user
        return bool(user.is_authenticated and user.has_role(Role.SUPERVISOR))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.display(description=gettext_lazy("work order"))
    def number(self, message: Message) -> str:
        return message.order.spoken_number

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Supervisors of units see messages about their orders: not to whom, where that person stays unknown to them."""
        return super().get_queryset(request).annotate(is_hidden=confidence.hides(request.user, "order"))

    @admin.display(description=gettext_lazy("telephone"))
    def telephone(self, message: Message) -> str:
        return "" if message.is_hidden else message.masked_phone  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("text"))
    def words(self, message: Message) -> str:
        return masked(message.text)

    @admin.action(description=gettext_lazy("Send again what was not sent"), permissions=["retry"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Message]) -> None:
        count = outbox.retry(Message.objects.filter(pk__in=chosen.values("pk")), now=timezone.now())
        told = ngettext("%(count)s message will be sent again.", "%(count)s messages will be sent again.", count)
        self.message_user(request, told % {"count": count}, messages.SUCCESS if count else messages.WARNING)
