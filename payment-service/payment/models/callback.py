"""What came through the open door: provider notifications that counted, and attempts that did not."""

from __future__ import annotations

from django.db import models

from common import clock, ids
from common.pii import EncryptedTextField


class PaymentNotify(models.Model):
    """A verified notification, once. Only what passed every check is stored, so that a forged `notify_id` can
    never make the genuine one look like a duplicate."""

    id = models.BigIntegerField(primary_key=True, default=ids.new_id)
    notify_id = models.CharField(max_length=128, unique=True)
    payment = models.ForeignKey(
        "payment.Payment", on_delete=models.PROTECT, related_name="notifies", db_constraint=False
    )
    trade_status = models.CharField(max_length=32)
    out_biz_no = models.CharField(max_length=64, default="")
    refund_fee = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "payment_notify"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["payment", "created_at"], name="notify_by_payment")]

    def __str__(self) -> str:
        return f"{self.notify_id} {self.trade_status}"


class SecurityEvent(models.Model):
    """A callback that was refused, or that contradicts our books. Nothing moved because of it.

    Equal attempts are one row with a count: a flood of one forged body must not fill the disk.
    """

    id = models.BigIntegerField(primary_key=True, default=ids.new_id)
    event_uuid = models.UUIDField(unique=True, default=ids.new_uuid)
    kind = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=64, unique=True)
    times = models.PositiveIntegerField(default=1)
    payment_uuid = models.UUIDField(null=True, db_index=True)
    order_uuid = models.UUIDField(null=True)
    detail = models.JSONField(default=dict)
    client_ip = EncryptedTextField(default="")
    created_at = models.DateTimeField(default=clock.now)
    last_seen_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "payment_security_event"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["kind", "-created_at"], name="security_by_kind")]

    def __str__(self) -> str:
        return f"{self.kind} ×{self.times}"
