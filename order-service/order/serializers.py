"""Wire shapes of the order service: what a body may hold, and how an order looks outside.

Answers are built from dicts, field by field: a list of ten orders must not cost ten serializers.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.money import format_amount
from common.tracing import localized
from common.web.fields import AmountField
from common.web.rendering import MoneyNumber
from order.selectors import is_ending, snapshot_of
from order.states import LogisticsStatus, PaymentStatus, shown_status

MOST_LINES = 50
MOST_UNITS = 9999
_WORDS: dict[int | str, int] = {"0": 0, "1": 1, "alipay": 0, "wechat_pay": 1}
METHODS = {0: 0, 1: 1, **_WORDS}


@extend_schema_field(
    {"oneOf": [{"type": "integer", "enum": [0, 1]}, {"type": "string", "enum": list(_WORDS)}]}
)
class PaymentMethodField(serializers.Field):
    """0 or "alipay", 1 or "wechat_pay": the published client sends both spellings."""

    default_error_messages = {"invalid": "0 (alipay) or 1 (wechat_pay)"}

    def to_internal_value(self, data: Any) -> int:
        if type(data) not in (int, str) or data not in METHODS:
            self.fail("invalid")
        return METHODS[data]

    def to_representation(self, value: Any) -> int:
        return int(value)


class WantedSerializer(serializers.Serializer):
    product_uuid = serializers.UUIDField()
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_UNITS)
    price = AmountField(
        required=False, allow_null=True, help_text="what the buyer was shown; checked, never used"
    )


def _nothing_to_change(fields: Iterable[str]) -> serializers.ValidationError:
    names = ", ".join(fields)
    return serializers.ValidationError(localized(f"没有要修改的内容:{names}", f"Nothing to change: {names}."))


class ShippingMixin(serializers.Serializer):
    shipping_name = serializers.CharField(max_length=64)
    shipping_phone = serializers.RegexField(r"^\+?[0-9][0-9 ()-]{4,23}$", max_length=24)
    shipping_address = serializers.CharField(max_length=500)
    shipping_postal_code = serializers.RegexField(
        r"^[A-Za-z0-9 -]*$", max_length=16, required=False, allow_blank=True, default=""
    )


class OrderPlaceSerializer(ShippingMixin):
    products = WantedSerializer(many=True, min_length=1, max_length=MOST_LINES)
    seller_uuid = serializers.UUIDField(required=False, allow_null=True)
    payment_method = PaymentMethodField(required=False, default=0)
    remark = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")

    def validate_products(self, products: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({line["product_uuid"] for line in products}) != len(products):
            raise serializers.ValidationError(
                localized("同一商品请合并为一行并填写数量", "Each product once; use quantity.")
            )
        return products


class OrderEditSerializer(ShippingMixin):
    """Address and remark. Anything else a client sends along is not looked at."""

    shipping_name = serializers.CharField(max_length=64, required=False)
    shipping_phone = serializers.RegexField(r"^\+?[0-9][0-9 ()-]{4,23}$", max_length=24, required=False)
    shipping_address = serializers.CharField(max_length=500, required=False)
    shipping_postal_code = serializers.RegexField(
        r"^[A-Za-z0-9 -]*$", max_length=16, required=False, allow_blank=True
    )
    remark = serializers.CharField(max_length=500, required=False, allow_blank=True)
    payment_method = PaymentMethodField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise _nothing_to_change(self.fields)
        return attrs


class OrderInternalEditSerializer(serializers.Serializer):
    """What a sibling may change. States move by events alone."""

    remark = serializers.CharField(max_length=500, required=False, allow_blank=True)
    payment_method = PaymentMethodField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(
                dict.fromkeys(sorted(unknown), localized("不能在此修改", "Cannot be changed here."))
            )
        if not attrs:
            raise _nothing_to_change(self.fields)
        return attrs


class OrderCancelSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")


class OrderPaySerializer(serializers.Serializer):
    payment_method = serializers.ChoiceField(
        ["alipay", "alipay_wap", "alipay_qr", "wechat_pay"], required=False
    )


class OrderShipSerializer(serializers.Serializer):
    carrier = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    tracking_no = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class OrderListQuerySerializer(serializers.Serializer):
    status = serializers.ChoiceField(
        ["all", "pending_payment", "paid", "completed", "cancelled", "0", "1", "2", "3"], required=False
    )
    sort = serializers.ChoiceField(
        ["created_desc", "created_asc", "amount_desc", "amount_asc"], required=False
    )


class OrderProductSerializer(serializers.Serializer):
    """Documents one line of an answer."""

    product_id = serializers.JSONField(help_text="the product service's own number")
    product_uuid = serializers.UUIDField()
    product_name = serializers.CharField()
    price = AmountField()
    quantity = serializers.IntegerField()
    product_image = serializers.CharField()


class OrderSerializer(serializers.Serializer):
    """Documents an order as `order_json` writes it."""

    id = serializers.IntegerField()
    order_id = serializers.CharField()
    order_uuid = serializers.UUIDField()
    buyer_uuid = serializers.UUIDField()
    seller_uuid = serializers.UUIDField()
    buyer_id = serializers.UUIDField()
    seller_id = serializers.UUIDField()
    status = serializers.IntegerField(help_text="0 pending payment, 1 paid, 2 completed, 3 cancelled")
    cancelling = serializers.BooleanField()
    fulfilment_status = serializers.IntegerField(help_text="0 unshipped, 1 receiving, 2 received")
    payment_status = serializers.ChoiceField([status.name.lower() for status in PaymentStatus])
    payment_method = serializers.IntegerField(help_text="0 Alipay, 1 WeChat Pay")
    payment_uuid = serializers.UUIDField(allow_null=True)
    payment_time = serializers.DateTimeField(allow_null=True)
    total_amount = AmountField()
    payable_amount = AmountField()
    paid_amount = AmountField()
    refunded_amount = AmountField()
    remark = serializers.CharField()
    cancel_reason = serializers.CharField()
    shipping_name = serializers.CharField()
    shipping_phone = serializers.CharField()
    shipping_address = serializers.CharField()
    shipping_postal_code = serializers.CharField()
    carrier = serializers.CharField()
    tracking_no = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    shipped_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    cancelled_at = serializers.DateTimeField(allow_null=True)
    products = OrderProductSerializer(many=True)


class LogisticsSerializer(serializers.Serializer):
    """Documents where the goods are."""

    order_uuid = serializers.UUIDField()
    order_id = serializers.CharField()
    fulfilment_status = serializers.IntegerField()
    carrier = serializers.CharField()
    tracking_no = serializers.CharField()
    shipped_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    events = serializers.ListField(child=serializers.DictField())


class TimelineSerializer(serializers.Serializer):
    """Documents one order's story."""

    order_uuid = serializers.UUIDField()
    order_id = serializers.CharField()
    entries = serializers.ListField(child=serializers.DictField())
    missing = serializers.ListField(child=serializers.CharField())


class OrderStatsSerializer(serializers.Serializer):
    """Documents the flat answer of `stats`."""

    total_orders = serializers.IntegerField()
    pending_payment = serializers.IntegerField()
    paid_orders = serializers.IntegerField()
    completed_orders = serializers.IntegerField()
    cancelled_orders = serializers.IntegerField()
    total_amount = AmountField()
    recent_orders = serializers.IntegerField()
    recent_amount = AmountField()


# Sent as they are stored; the rest of an order is derived in `order_json`.
_PLAIN = (
    "id", "order_id", "order_uuid", "buyer_uuid", "seller_uuid", "fulfilment_status", "payment_method",
    "payment_uuid", "payment_time", "remark", "cancel_reason", "shipping_name", "shipping_phone",
    "shipping_address", "shipping_postal_code", "carrier", "tracking_no", "expires_at", "shipped_at",
    "delivered_at", "completed_at", "cancelled_at", "created_at", "updated_at",
)  # fmt: skip
_AMOUNTS = ("total_amount", "payable_amount", "paid_amount", "refunded_amount")


def order_json(row: dict[str, Any]) -> dict[str, Any]:
    """One order of a list or a detail: money as text, every field the published client reads."""
    order = {name: row[name] for name in _PLAIN}
    order |= {name: format_amount(row[name]) for name in _AMOUNTS}
    # The client's older names for the same people.
    order["buyer_id"], order["seller_id"] = row["buyer_uuid"], row["seller_uuid"]
    order["status"] = int(shown_status(row["status"]))
    order["cancelling"] = is_ending(row)
    order["payment_status"] = PaymentStatus(row["payment_status"]).name.lower()
    order["products"] = [_product_json(item) for item in row["items"]]
    return order


def _product_json(item: dict[str, Any]) -> dict[str, Any]:
    number = item["product_id"]
    return {
        "product_id": int(number) if number.isdecimal() and number.isascii() else number,
        "product_uuid": item["product_uuid"],
        "product_name": item["product_name"],
        "price": format_amount(item["price"]),
        "quantity": item["quantity"],
        "product_image": item["product_image"],
    }


def orders_json(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A page of orders."""
    return [order_json(row) for row in rows]


def internal_order_json(row: dict[str, Any]) -> dict[str, Any]:
    """The internal read of reference 1: money as JSON numbers, no address."""
    return snapshot_of(row, MoneyNumber)


def stats_json(stats: dict[str, Any]) -> dict[str, Any]:
    """Counts as numbers, sums as text; no orders at all sum to 0.00."""
    return {
        name: format_amount(value or Decimal(0)) if name.endswith("_amount") else value
        for name, value in stats.items()
    }


def logistics_json(row: dict[str, Any], reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Where the goods are: the parcel and the carrier's reports, newest first."""
    return {
        **{
            name: row[name]
            for name in ("order_uuid", "order_id", "fulfilment_status", "carrier", "tracking_no")
        },
        **{name: row[name] for name in ("shipped_at", "delivered_at")},
        "events": [
            {**report, "status": LogisticsStatus(report["status"]).name.lower()}
            for report in reversed(reports)
        ],
    }
