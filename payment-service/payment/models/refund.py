"""One wish to give money back, and what became of it."""

from __future__ import annotations

from django.db import models

from common import clock, ids
from payment.states import RefundSource, RefundStatus


class Refund(models.Model):
    """`refund_uuid` (hex) is the provider's `out_request_no`: asking twice pays back once.

    The row is its own stored job: PROCESSING is committed before the provider is asked, and `sync_due_at`
    makes the sweeper ask again after a crash or an answer nobody could read.
    """

    id = models.BigIntegerField(primary_key=True, default=ids.new_id)
    refund_uuid = models.UUIDField(unique=True, default=ids.new_uuid)
    payment = models.ForeignKey(
        "payment.Payment", on_delete=models.PROTECT, related_name="refunds", db_constraint=False
    )
    order_uuid = models.UUIDField(db_index=True)
    buyer_uuid = models.UUIDField()
    seller_uuid = models.UUIDField()
    requested_by = models.CharField(max_length=64)
    source = models.CharField(max_length=16, choices=[(s.value, s.value) for s in RefundSource])
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    reason = models.CharField(max_length=255, default="")
    status = models.SmallIntegerField(
        choices=[(s.value, s.name.lower()) for s in RefundStatus], default=RefundStatus.REQUESTED
    )
    # The payment's UUID while a buyer's own wish is open: one at a time, so a double click is one refund.
    open_key = models.CharField(max_length=32, null=True, unique=True)
    decided_by = models.CharField(max_length=64, default="")
    decision_reason = models.CharField(max_length=255, default="")
    failure_reason = models.CharField(max_length=255, default="")
    settled_at = models.DateTimeField(null=True)
    sync_due_at = models.DateTimeField(null=True)
    sync_attempts = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "payment_refund"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["buyer_uuid", "-created_at"], name="refund_by_buyer"),
            # What a seller has to decide.
            models.Index(fields=["seller_uuid", "-created_at"], name="refund_by_seller"),
            models.Index(fields=["payment", "status"], name="refund_by_payment"),
            models.Index(fields=["sync_due_at"], name="refund_by_sync"),
        ]

    def __str__(self) -> str:
        return f"{self.refund_uuid} {self.amount} {RefundStatus(self.status).name.lower()}"

    @property
    def out_request_no(self) -> str:
        """The refund's number at the provider."""
        return self.refund_uuid.hex
