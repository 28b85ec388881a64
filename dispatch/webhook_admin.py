"""Webhooks and their deliveries: supervisors look, administrators switch off and on. Secrets are nowhere."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dispatch import webhooks
from dispatch.models import Delivery, Webhook
from workorders.admin import RoleAdmin


class LookAdmin(RoleAdmin):
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Webhook)
class WebhookAdmin(LookAdmin):
    branch_by = ("unit",)
    list_display = ("unit", "url", "event_types", "failing_since", "switched_off_at", "notice")
    list_filter = ("notice",)
    list_select_related = ("unit",)
    search_fields = ("url", "unit__name", "unit__code")
    fields = (*list_display, "previous_secret_until", "created_by", "created_at")
    actions = ("switch_off", "switch_on")

    def has_switch_permission(self, request: HttpRequest) -> bool:
        return RoleAdmin.has_add_permission(self, request)

    @admin.action(description=_("Switch off"), permissions=["switch"])
    def switch_off(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        for webhook in chosen:
            webhooks.switch_off(webhook, Webhook.Notice.OWNER, now=timezone.now())

    @admin.action(description=_("Switch on"), permissions=["switch"])
    def switch_on(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        for webhook in chosen:
            webhooks.switch_on(webhook)


@admin.register(Delivery)
class DeliveryAdmin(LookAdmin):
    branch_by = ("webhook__unit",)
    list_display = ("id", "webhook", "step", "state", "attempts", "next_attempt_at", "last_code", "last_error")
    list_filter = ("state", "last_error")
    list_select_related = ("webhook__unit", "event")
    fields = (*list_display[1:], "log", "created_at", "delivered_at")
    show_full_result_count = False

    @admin.display(description=_("step"))
    def step(self, delivery: Delivery) -> str:
        return delivery.event.step if delivery.event else "test"
