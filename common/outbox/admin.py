"""The outbox in Django's admin: read, filter, and send dead letters again (a database change, never a
call).
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from common.outbox.repair import redrive


class ReadOnlyAdmin:
    """Rows that only the machinery writes: nobody adds, edits or deletes them by hand."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False


class OutboxAdminMixin(ReadOnlyAdmin):
    """Mix into a ModelAdmin of the concrete outbox."""

    list_display = (
        "type",
        "aggregate_id",
        "version",
        "destination",
        "state",
        "attempts",
        "next_at",
        "last_error",
    )
    list_filter = ("state", "destination", "type")
    search_fields = ("event_id", "aggregate_id", "request_id")
    ordering = ("-id",)
    actions = ("send_again",)

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        opts = self.opts  # type: ignore[attr-defined]
        return request.user.has_perm(f"{opts.app_label}.change_{opts.model_name}")

    @admin.action(description="Send dead letters again", permissions=["redrive"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        sent = redrive(event_ids=list(queryset.values_list("event_id", flat=True)))
        self.message_user(request, f"{sent} on their way again")  # type: ignore[attr-defined]
