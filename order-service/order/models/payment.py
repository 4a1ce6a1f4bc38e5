"""What the payment service told us about each payment of an order: facts that only grow, never a second
ledger.
"""

from decimal import Decimal

from django.db import models

from common import clock, ids

ZERO = Decimal("0.00")


class OrderPayment(models.Model):
    """One payment attempt as last heard.

    `is_paid` once true stays true; `refunded_amount` is the total so far.
    """

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    payment_uuid = models.UUIDField(unique=True)
    order_uuid = models.UUIDField(db_index=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    refunded_amount = models.DecimalField(max_digits=12, decimal_places=2, default=ZERO)
    is_authorized = models.BooleanField(default=False)
    is_paid = models.BooleanField(default=False)
    # A stray payment does not cover the order (it was cancelled, or already paid): it is given back.
    is_stray = models.BooleanField(default=False)
    failure = models.CharField(max_length=255, blank=True, default="")
    last_version = models.IntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "order_payment"

    def __str__(self) -> str:
        return str(self.payment_uuid)
