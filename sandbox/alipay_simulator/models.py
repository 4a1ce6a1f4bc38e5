"""What Alipay knows: payment links, trades, refunds, notifications, and a log of all traffic."""

from decimal import Decimal

from django.db import models

from alipay_simulator import states


class PayLink(models.Model):
    """A signed request to pay, opened in a browser or shown as a QR code. No trade before the buyer acts."""

    token = models.CharField(max_length=32, primary_key=True)
    product = models.CharField(max_length=8)
    out_trade_no = models.CharField(max_length=64, db_index=True)
    total_amount = models.DecimalField(max_digits=11, decimal_places=2)
    subject = models.CharField(max_length=256)
    body = models.CharField(max_length=400, blank=True)
    notify_url = models.CharField(max_length=512, blank=True)
    return_url = models.CharField(max_length=512, blank=True)
    passback_params = models.CharField(max_length=512, blank=True)
    timeout_express = models.CharField(max_length=8, blank=True)
    time_expire = models.DateTimeField(null=True)
    is_cancelled = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "alipay_pay_link"


class Trade(models.Model):
    trade_no = models.CharField(max_length=32, unique=True)
    out_trade_no = models.CharField(max_length=64, unique=True)
    product = models.CharField(max_length=8)
    status = models.CharField(max_length=16, default=states.WAIT_BUYER_PAY)
    total_amount = models.DecimalField(max_digits=11, decimal_places=2)
    refunded_amount = models.DecimalField(max_digits=11, decimal_places=2, default=Decimal("0.00"))
    subject = models.CharField(max_length=256)
    body = models.CharField(max_length=400, blank=True)
    notify_url = models.CharField(max_length=512, blank=True)
    passback_params = models.CharField(max_length=512, blank=True)
    buyer_id = models.CharField(max_length=16)
    buyer_logon_id = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, db_index=True)
    paid_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alipay_trade"


class Refund(models.Model):
    class State(models.TextChoices):
        PROCESSING = "PROCESSING"
        SUCCESS = "REFUND_SUCCESS"
        FAILED = "REFUND_FAIL"

    trade = models.ForeignKey(Trade, on_delete=models.CASCADE, related_name="refunds")
    out_request_no = models.CharField(max_length=64)
    amount = models.DecimalField(max_digits=11, decimal_places=2)
    reason = models.CharField(max_length=256, blank=True)
    state = models.CharField(max_length=16, choices=State.choices)
    due_at = models.DateTimeField(null=True, help_text="a slow refund is decided then")
    due_state = models.CharField(max_length=16, blank=True)
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alipay_refund"
        constraints = [
            models.UniqueConstraint(fields=["trade", "out_request_no"], name="alipay_refund_once"),
        ]


class Notification(models.Model):
    """One fact to tell the merchant; `fields` are the unsigned form, signed anew at each attempt."""

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        EXHAUSTED = "exhausted"
        LOST = "lost"

    notify_id = models.CharField(max_length=48, unique=True)
    trade = models.ForeignKey(Trade, on_delete=models.CASCADE, related_name="notifications")
    trigger = models.CharField(max_length=16)
    url = models.CharField(max_length=512)
    fields = models.JSONField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.PENDING)
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField()
    waits_for_later = models.BooleanField(default=False, help_text="reorder: a later one goes first")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "alipay_notification"
        indexes = [models.Index(fields=["state", "next_at"], name="alipay_notification_due")]


class Traffic(models.Model):
    """Every call in, every notify attempt out, and every press of a button, with both sides' words."""

    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=12)
    operation = models.CharField(max_length=64)
    out_trade_no = models.CharField(max_length=64, blank=True, db_index=True)
    sent = models.TextField(blank=True)
    answered = models.TextField(blank=True)
    outcome = models.CharField(max_length=64, blank=True)
    fault = models.CharField(max_length=32, blank=True)

    class Meta:
        db_table = "alipay_traffic"


class Setting(models.Model):
    """What the control API changed: the clock's offset and the triggers per product."""

    name = models.CharField(max_length=32, primary_key=True)
    value = models.JSONField()

    class Meta:
        db_table = "alipay_setting"
