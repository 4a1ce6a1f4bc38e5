"""Orders, stock, events and sagas for operators.

Everything is read-only; actions begin sagas or put rows back on their way, and never call out. Addresses are
not shown: an order is found by its number, a UUID, or a whole phone number.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from common.config_audit.admin import ConfigChangeAdminMixin
from common.errors import SuiteError
from common.outbox.admin import OutboxAdminMixin, ReadOnlyAdmin
from common.pii import blind_index
from common.sagas.repair import saga_resume, saga_turn_back
from order import models, selectors
from order.sagas.cancel import order_cancel_start
from order.states import LogisticsStatus, OrderStatus

STATUS_LABELS = {
    "pending_payment": "warning",
    "paid": "info",
    "completed": "success",
    "cancelling": "danger",
    "parked": "danger",
    "unknown": "danger",
    "dead": "danger",
}


class FoundByUuid:
    """UUIDs are searched as a whole: databases store them in forms that no fragment matches."""

    uuid_fields: tuple[str, ...] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        found = self._exactly(term.strip())
        if found is not None:
            return queryset.filter(found), False
        return super().get_search_results(request, queryset, term)  # type: ignore[misc]

    def _exactly(self, term: str) -> Q | None:
        try:
            value = UUID(term)
        except ValueError:
            return None
        return Q(*((name, value) for name in self.uuid_fields), _connector=Q.OR)


class ItemInline(ReadOnlyAdmin, TabularInline):
    """What was bought, as it was then."""

    model = models.OrderItem
    extra = 0
    fields = ("product_name", "price", "quantity", "product_uuid")


@admin.register(models.Order)
class OrderAdmin(FoundByUuid, ReadOnlyAdmin, ModelAdmin):
    list_display = (
        "order_id",
        "shown_status",
        "fulfilment_status",
        "payment_status",
        "total_amount",
        "refunded_amount",
        "headline",
        "created_at",
    )
    list_filter = ("status", "fulfilment_status", "payment_status")
    search_fields = ("order_id", "tracking_no")
    search_help_text = "Order number, tracking number, UUID of order, buyer, seller or payment, or a phone"
    uuid_fields = ("order_uuid", "buyer_uuid", "seller_uuid", "payment_uuid")
    ordering = ("-created_at",)
    list_per_page = 50
    inlines = (ItemInline,)
    actions = ("cancel",)
    fieldsets = (
        (None, {"fields": (("order_id", "order_uuid"), ("buyer_uuid", "seller_uuid"), "headline")}),
        ("State", {"fields": (("status", "fulfilment_status", "payment_status"), "closing_key", "story")}),
        ("Money", {"fields": (("total_amount", "paid_amount", "refunded_amount"), "payment_uuid")}),
        ("Parcel", {"fields": ("receiver", ("carrier", "tracking_no"), "reports")}),
        ("Times", {"fields": (("created_at", "payment_time", "expires_at"), ("shipped_at", "delivered_at"))}),
    )
    readonly_fields = ("story", "reports", "receiver")

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Order]:
        return super().get_queryset(request).defer(*selectors.PRIVATE_FIELDS)

    def _exactly(self, term: str) -> Q | None:
        digits = term.replace(" ", "").removeprefix("+")
        if digits.isdecimal() and 5 <= len(digits) <= 20:
            return Q(shipping_phone_index=blind_index(term)) | Q(tracking_no=term)
        return super()._exactly(term)

    @display(description="status", ordering="status", label=STATUS_LABELS)
    def shown_status(self, row: models.Order) -> str:
        return OrderStatus(row.status).name.lower()

    @admin.display(description="receiver")
    def receiver(self, row: models.Order) -> str:
        return f"phone ending in {row.shipping_phone_last4}"

    @admin.display(description="what happened")
    def story(self, row: models.Order) -> SafeString:
        return _lines(
            f"{move['created_at']:%Y-%m-%d %H:%M:%S} {move['axis']}: {move['source'] or 'nothing'} →"
            f" {move['target']} by {move['event']} ({move['actor']}) {move['reason']}"
            for move in selectors.transitions_of(row.order_uuid)
        )

    @admin.display(description="carrier's reports")
    def reports(self, row: models.Order) -> SafeString:
        return _lines(
            f"{report['occurred_at']:%Y-%m-%d %H:%M:%S} {LogisticsStatus(report['status']).name.lower()}"
            f" {report['description']}"
            for report in selectors.logistics_of(row.order_uuid)
        )

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("order.change_order")

    @admin.action(description="取消并退款 · Cancel and refund", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[models.Order]) -> None:
        actor = f"admin:{request.user.pk}"
        _each(
            self,
            request,
            queryset,
            lambda row: order_cancel_start(order_uuid=row.order_uuid, actor=actor, reason="运营取消"),
        )


def _lines(texts: Iterable[str]) -> SafeString:
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((text,) for text in texts)))


def _each(page: Any, request: HttpRequest, rows: Iterable[Any], act: Any) -> None:
    """Do `act` to each row and say what was refused; one refusal does not stop the others."""
    begun = 0
    for row in rows:
        try:
            act(row)
            begun += 1
        except SuiteError as error:
            page.message_user(request, f"{row}: {error.message('en')}", level="warning")
    page.message_user(request, f"{begun} begun; the worker carries them out")


@admin.register(models.OrderSaga)
class OrderSagaAdmin(FoundByUuid, ReadOnlyAdmin, ModelAdmin):
    list_display = ("name", "shown_state", "step", "entity_uuid", "attempts", "next_at", "last_error")
    list_filter = ("state", "name")
    search_fields = ("key",)
    uuid_fields = ("uuid", "entity_uuid")
    ordering = ("-created_at",)
    list_per_page = 50
    actions = ("resume", "turn_back")

    @display(description="state", ordering="state", label=STATUS_LABELS)
    def shown_state(self, row: models.OrderSaga) -> str:
        return row.get_state_display()

    def has_repair_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("order.change_ordersaga")

    @admin.action(description="继续 · Let parked runs go on", permissions=["repair"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        _each(self, request, queryset, lambda row: saga_resume(row.uuid))

    @admin.action(description="撤销 · Undo parked runs", permissions=["repair"])
    def turn_back(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        _each(self, request, queryset, lambda row: saga_turn_back(row.uuid))


@admin.register(models.OrderOutbox)
class OrderOutboxAdmin(FoundByUuid, OutboxAdminMixin, ModelAdmin):
    uuid_fields = ("event_id", "aggregate_id")
    list_per_page = 50


@admin.register(models.OrderInbox)
class OrderInboxAdmin(FoundByUuid, ReadOnlyAdmin, ModelAdmin):
    list_display = ("type", "aggregate_id", "version", "consumer", "received_at")
    list_filter = ("type", "consumer")
    search_fields = ("type",)
    uuid_fields = ("event_id", "aggregate_id")
    ordering = ("-id",)


@admin.register(models.ProductStock)
class ProductStockAdmin(FoundByUuid, ReadOnlyAdmin, ModelAdmin):
    list_display = ("product_uuid", "shown_state", "remote_stock", "in_flight", "unsent", "updated_at")
    list_filter = ("state",)
    search_fields = ("product_uuid",)
    search_help_text = (
        "UUID. A parked product is resolved by `manage.py stock_resolve`, which asks its service"
    )
    uuid_fields = ("product_uuid",)

    @display(description="state", ordering="state", label=STATUS_LABELS)
    def shown_state(self, row: models.ProductStock) -> str:
        return row.get_state_display()


@admin.register(models.StockHold)
class StockHoldAdmin(FoundByUuid, ReadOnlyAdmin, ModelAdmin):
    list_display = ("order_uuid", "product_uuid", "quantity", "state", "updated_at")
    list_filter = ("state",)
    search_fields = ("order_uuid",)
    uuid_fields = ("order_uuid", "product_uuid")
    ordering = ("-id",)


@admin.register(models.StockPush)
class StockPushAdmin(FoundByUuid, ReadOnlyAdmin, ModelAdmin):
    list_display = ("product_uuid", "delta", "stock_seen", "state", "note", "created_at", "decided_at")
    list_filter = ("state",)
    search_fields = ("product_uuid",)
    uuid_fields = ("product_uuid",)
    ordering = ("-id",)


@admin.register(models.OrderPayment)
class OrderPaymentAdmin(FoundByUuid, ReadOnlyAdmin, ModelAdmin):
    list_display = ("payment_uuid", "order_uuid", "amount", "refunded_amount", "is_paid", "is_stray")
    list_filter = ("is_paid", "is_stray")
    search_fields = ("payment_uuid",)
    uuid_fields = ("payment_uuid", "order_uuid")
    ordering = ("-id",)


@admin.register(models.OrderTransition)
class OrderTransitionAdmin(FoundByUuid, ReadOnlyAdmin, ModelAdmin):
    list_display = ("entity_uuid", "axis", "event", "source", "target", "actor", "reason", "created_at")
    list_filter = ("axis", "event")
    search_fields = ("request_id", "actor")
    uuid_fields = ("entity_uuid",)


@admin.register(models.OrderConfigChange)
class OrderConfigChangeAdmin(ConfigChangeAdminMixin, ModelAdmin):
    """Who changed which live setting, and what was refused."""
