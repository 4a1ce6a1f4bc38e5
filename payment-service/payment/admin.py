"""What operators see. Rows of money are read only: they change through the service's own doors, or by
commands."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

from common.config_audit.admin import ConfigChangeAdminMixin
from common.outbox.admin import OutboxAdminMixin, ReadOnlyAdmin
from payment.models import (
    Payment,
    PaymentConfigChange,
    PaymentEvent,
    PaymentNotify,
    PaymentOutbox,
    PaymentSaga,
    PaymentTransition,
    Refund,
    SecurityEvent,
)


class ReadOnlyInline(ReadOnlyAdmin, TabularInline):
    """Rows that belong to the one above; nobody adds or edits any."""

    extra = 0
    can_delete = False
    show_change_link = True


class LedgerInline(ReadOnlyInline):
    model = PaymentEvent
    fields = readonly_fields = ("created_at", "kind", "reference", "amount", "actor", "note")


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = readonly_fields = ("created_at", "refund_uuid", "amount", "status", "source", "reason")


class NotifyInline(ReadOnlyInline):
    model = PaymentNotify
    fields = readonly_fields = ("created_at", "notify_id", "trade_status", "out_biz_no", "refund_fee")


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin, ModelAdmin):
    """Attempts, with their ledger, refunds and notifications."""

    list_display = (
        "order_id",
        "amount",
        "status",
        "payment_method",
        "refunded_amount",
        "unknown",
        "created_at",
    )
    list_filter = ("status", "payment_method", "under_review", "unknown", "settles_order")
    search_fields = ("order_id", "payment_uuid", "order_uuid", "user_uuid", "transaction_id")
    date_hierarchy = "created_at"
    # Personal data stays out of the list of fields: an address is read with a reason, not by scrolling.
    exclude = ("client_ip",)
    inlines = (LedgerInline, RefundInline, NotifyInline)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin, ModelAdmin):
    """Wishes for money back; the stuck ones are PROCESSING with many attempts."""

    list_display = ("refund_uuid", "amount", "status", "source", "sync_attempts", "sync_due_at", "created_at")
    list_filter = ("status", "source")
    search_fields = ("refund_uuid", "order_uuid", "buyer_uuid", "seller_uuid")
    list_select_related = ("payment",)
    date_hierarchy = "created_at"


@admin.register(PaymentEvent)
class PaymentEventAdmin(ReadOnlyAdmin, ModelAdmin):
    """The ledger."""

    list_display = ("created_at", "kind", "amount", "reference", "actor")
    list_filter = ("kind",)
    search_fields = ("reference", "payment__order_id", "payment__payment_uuid")
    raw_id_fields = ("payment",)


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin, ModelAdmin):
    """Callbacks that were refused or contradict our books."""

    list_display = ("kind", "times", "payment_uuid", "created_at", "last_seen_at")
    list_filter = ("kind",)
    search_fields = ("payment_uuid", "order_uuid")
    date_hierarchy = "created_at"


@admin.register(PaymentTransition)
class PaymentTransitionAdmin(ReadOnlyAdmin, ModelAdmin):
    """Who moved what, when, why."""

    list_display = ("created_at", "entity_uuid", "event", "source", "target", "actor", "reason")
    list_filter = ("event",)
    search_fields = ("entity_uuid", "request_id")


@admin.register(PaymentSaga)
class PaymentSagaAdmin(ReadOnlyAdmin, ModelAdmin):
    """Flows under way; parked ones wait for `manage.py saga`."""

    list_display = ("name", "entity_uuid", "state", "step", "attempts", "next_at", "last_error")
    list_filter = ("state", "name")
    search_fields = ("entity_uuid", "uuid", "request_id")


@admin.register(PaymentOutbox)
class PaymentOutboxAdmin(OutboxAdminMixin, ModelAdmin):
    """Events on their way; dead letters are sent again from here."""


@admin.register(PaymentConfigChange)
class PaymentConfigChangeAdmin(ConfigChangeAdminMixin, ModelAdmin):
    """Who changed which live setting, and what was refused."""
