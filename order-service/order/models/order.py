"""The order and its lines.

Money is CNY with two places; times are UTC; `shipping_*` is ciphertext in the table.
"""

from decimal import Decimal
from enum import IntEnum

from django.db import models

from common import clock, ids
from common.pii import EncryptedTextField
from order.states import FulfilmentStatus, OrderStatus, PaymentStatus

ZERO = Decimal("0.00")


def _choices(states: type[IntEnum]) -> list[tuple[int, str]]:
    return [(state.value, state.name.lower()) for state in states]


class Order(models.Model):
    """One purchase from one seller.

    `status`, `fulfilment_status` and `payment_status` move by services alone.
    """

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    order_uuid = models.UUIDField(unique=True, default=ids.new_uuid, editable=False)
    order_id = models.CharField(max_length=32, unique=True, help_text="the number people read")
    legacy_id = models.BigIntegerField(null=True, blank=True, unique=True)
    buyer_uuid = models.UUIDField()
    seller_uuid = models.UUIDField()

    status = models.SmallIntegerField(choices=_choices(OrderStatus), default=OrderStatus.PENDING_PAYMENT)
    fulfilment_status = models.SmallIntegerField(
        choices=_choices(FulfilmentStatus), default=FulfilmentStatus.UNSHIPPED
    )
    payment_status = models.SmallIntegerField(choices=_choices(PaymentStatus), default=PaymentStatus.UNPAID)
    # Names the saga that is ending this order; while it is set no new payment may start.
    closing_key = models.CharField(max_length=80, blank=True, default="")

    total_amount = models.DecimalField(max_digits=12, decimal_places=2)
    payable_amount = models.DecimalField(max_digits=12, decimal_places=2)
    paid_amount = models.DecimalField(max_digits=12, decimal_places=2, default=ZERO)
    refunded_amount = models.DecimalField(max_digits=12, decimal_places=2, default=ZERO)
    payment_method = models.SmallIntegerField(default=0, help_text="0 Alipay, 1 WeChat Pay")
    payment_uuid = models.UUIDField(null=True, blank=True, help_text="the payment that covers the order")
    payment_time = models.DateTimeField(null=True, blank=True)

    # The first product's name: events and payment subjects carry it without asking for the lines.
    headline = models.CharField(max_length=255, blank=True, default="")
    remark = models.CharField(max_length=500, blank=True, default="")
    cancel_reason = models.CharField(max_length=255, blank=True, default="")
    shipping_name = EncryptedTextField(default="")
    shipping_phone = EncryptedTextField(default="")
    shipping_address = EncryptedTextField(default="")
    shipping_postal_code = EncryptedTextField(blank=True, default="")
    shipping_phone_index = models.CharField(max_length=64, blank=True, default="", editable=False)
    shipping_address_index = models.CharField(max_length=64, blank=True, default="", editable=False)
    shipping_phone_last4 = models.CharField(max_length=4, blank=True, default="", editable=False)

    carrier = models.CharField(max_length=40, blank=True, default="")
    tracking_no = models.CharField(max_length=64, blank=True, default="")
    hidden_by_buyer = models.BooleanField(default=False)
    hidden_by_seller = models.BooleanField(default=False)

    expires_at = models.DateTimeField()
    shipped_at = models.DateTimeField(null=True, blank=True)
    # When the carrier simulator reports next; empty when nothing is on its way.
    logistics_due_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    auto_complete_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "order"
        verbose_name = "order"
        indexes = [
            models.Index(fields=["buyer_uuid", "created_at"], name="order_buyer_created"),
            models.Index(fields=["seller_uuid", "created_at"], name="order_seller_created"),
            # The expiry job and the auto-complete job.
            models.Index(fields=["status", "expires_at"], name="order_status_expires"),
            models.Index(fields=["status", "auto_complete_at"], name="order_status_autocomplete"),
            # The carrier simulator.
            models.Index(fields=["logistics_due_at"], name="order_logistics_due"),
            # Operators look a caller up by phone.
            models.Index(fields=["shipping_phone_index"], name="order_phone_index"),
        ]

    def __str__(self) -> str:
        return self.order_id


class OrderItem(models.Model):
    """One line, with the product as it was when the order was placed."""

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items")
    product_uuid = models.UUIDField(db_index=True)
    product_id = models.CharField(
        max_length=64, blank=True, default="", help_text="the neighbour's own number"
    )
    product_name = models.CharField(max_length=255)
    product_image = models.CharField(max_length=500, blank=True, default="")
    price = models.DecimalField(max_digits=12, decimal_places=2)
    quantity = models.PositiveIntegerField()

    class Meta:
        db_table = "order_item"

    def __str__(self) -> str:
        return f"{self.product_name} × {self.quantity}"
