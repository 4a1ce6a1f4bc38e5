"""Messages and their deliveries for operators.

Read, search, queue failed deliveries anew. Nothing here calls out.
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from common.config_audit.admin import ConfigChangeAdminMixin
from common.outbox.admin import OutboxAdminMixin, ReadOnlyAdmin
from notification.messages import render
from notification.models import (
    Notification,
    NotificationConfigChange,
    NotificationDelivery,
    NotificationInbox,
    NotificationOutbox,
    NotificationPreference,
)
from notification.services.deliver import deliveries_redrive


class DeliveryInline(ReadOnlyAdmin, TabularInline):
    """How one message went out: the answer to "why did I (not) get this"."""

    model = NotificationDelivery
    extra = 0
    fields = ("channel", "state", "detail", "attempts", "due_at", "settled_at", "last_error")


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin, ModelAdmin):
    list_display = ("shown_title", "user_uuid", "type", "read", "in_box", "related_id", "created_at")
    list_filter = ("type", "read", "in_box", "template_key")
    search_fields = ("user_uuid", "related_id", "notification_uuid", "event_id")
    ordering = ("-created_at", "-id")
    inlines = (DeliveryInline,)
    list_per_page = 50

    @admin.display(description="title")
    def shown_title(self, row: Notification) -> str:
        return render(row.template_key, row.params, "zh")[0] if row.template_key else row.title


@admin.register(NotificationDelivery)
class NotificationDeliveryAdmin(ReadOnlyAdmin, ModelAdmin):
    list_display = ("notification_id", "channel", "state", "detail", "attempts", "due_at", "last_error")
    list_filter = ("state", "detail", "channel")
    search_fields = ("notification__user_uuid", "notification__related_id")
    ordering = ("-id",)
    actions = ("queue_again",)
    list_per_page = 50

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("notification.change_notificationdelivery"))

    @admin.action(description="重新投递失败的通知 · Queue failed deliveries again", permissions=["redrive"])
    def queue_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        queued = deliveries_redrive(ids=list(queryset.values_list("id", flat=True)))
        self.message_user(request, f"{queued} queued again")


@admin.register(NotificationPreference)
class NotificationPreferenceAdmin(ReadOnlyAdmin, ModelAdmin):
    list_display = ("user_uuid", "type", "enabled", "updated_at")
    list_filter = ("type", "enabled")
    search_fields = ("user_uuid",)


@admin.register(NotificationOutbox)
class NotificationOutboxAdmin(OutboxAdminMixin, ModelAdmin):
    list_per_page = 50


@admin.register(NotificationInbox)
class NotificationInboxAdmin(ReadOnlyAdmin, ModelAdmin):
    list_display = ("type", "aggregate_id", "version", "consumer", "received_at")
    list_filter = ("type",)
    search_fields = ("event_id", "aggregate_id")
    ordering = ("-id",)
    list_per_page = 50


@admin.register(NotificationConfigChange)
class NotificationConfigChangeAdmin(ConfigChangeAdminMixin, ModelAdmin):
    """Who changed which live setting, and what was refused."""
