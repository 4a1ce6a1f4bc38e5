"""One attempt to pay an order."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from common import clock, ids
from common.pii import EncryptedTextField
from payment.states import PaymentMethod, PaymentStatus, RiskOutcome

ZERO = Decimal("0.00")
MONEY = {"max_digits": 12, "decimal_places": 2, "default": ZERO}


class PaymentManager(models.Manager):
    """Rows come without the buyer's address: decrypting it belongs to the one place that needs it, and a key
    taken away too early must not stop the sweeper of everybody's money."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().defer("client_ip")


class Payment(models.Model):
    """An attempt: `out_trade_no` at the provider is its UUID in hex, so a new attempt is a new trade.

    `charged_amount`, `refunded_amount` and `refund_pending_amount` are the ledger's totals, kept equal to its
    replay. All changes go through conditional UPDATEs on `status` or `version`.
    """

    id = models.BigIntegerField(primary_key=True, default=ids.new_id)
    legacy_id = models.BigIntegerField(null=True, unique=True)
    payment_uuid = models.UUIDField(unique=True, default=ids.new_uuid)
    order_uuid = models.UUIDField()
    order_id = models.CharField(max_length=32)
    # OrderService's integer id of the order, where a path names it so.
    order_row_id = models.BigIntegerField(null=True, db_index=True)
    user_uuid = models.UUIDField()
    seller_uuid = models.UUIDField()

    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3, default="CNY")
    payment_method = models.CharField(
        max_length=16, choices=[(m.value, m.value) for m in PaymentMethod], default=PaymentMethod.ALIPAY
    )
    subject = models.CharField(max_length=128)
    status = models.SmallIntegerField(
        choices=[(s.value, s.name.lower()) for s in PaymentStatus], default=PaymentStatus.PENDING
    )
    # The order's UUID while this attempt lives, NULL after: the unique index allows one living attempt per
    # order (MySQL ignores conditional constraints, a nullable unique column works everywhere).
    living_key = models.CharField(max_length=32, null=True, unique=True)

    charged_amount = models.DecimalField(**MONEY)
    refunded_amount = models.DecimalField(**MONEY)
    refund_pending_amount = models.DecimalField(**MONEY)
    # False once money came for an attempt already given up: it goes back and never pays the order.
    settles_order = models.BooleanField(default=True)

    risk_outcome = models.CharField(max_length=20, default=RiskOutcome.EMPTY)
    assessment_uuid = models.UUIDField(null=True)
    under_review = models.BooleanField(default=False)
    client_ip = EncryptedTextField(default="")

    transaction_id = models.CharField(max_length=64, default="")
    pay_url = models.TextField(default="")
    qr_code = models.CharField(max_length=512, default="")
    return_url = models.CharField(max_length=512, default="")
    # Where the client wants to be told; ours at the provider is never this one.
    notify_url = models.CharField(max_length=512, default="", db_default="")
    failure_reason = models.CharField(max_length=255, default="")
    # A provider call ended without an answer we may believe; `sync_due_at` says when to ask again.
    unknown = models.BooleanField(default=False)
    sync_due_at = models.DateTimeField(null=True)
    sync_attempts = models.PositiveSmallIntegerField(default=0)

    expires_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    objects = PaymentManager()

    class Meta:
        db_table = "payment"
        ordering = ["-created_at", "-id"]
        indexes = [
            # Records of one buyer, newest first.
            models.Index(fields=["user_uuid", "-created_at"], name="payment_by_user"),
            # An order's attempts, newest first; money invariants per order.
            models.Index(fields=["order_uuid", "-created_at"], name="payment_by_order"),
            models.Index(fields=["order_id"], name="payment_by_order_no"),
            # The sweeper's claim.
            models.Index(fields=["sync_due_at"], name="payment_by_sync"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.amount} {PaymentStatus(self.status).name.lower()}"

    @property
    def out_trade_no(self) -> str:
        """The trade's number at the provider."""
        return self.payment_uuid.hex

    @property
    def refundable_amount(self) -> Decimal:
        """What may still be asked back, pending refunds already taken off."""
        return self.charged_amount - self.refunded_amount - self.refund_pending_amount
