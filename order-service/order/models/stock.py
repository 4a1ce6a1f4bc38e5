"""Stock held here, and what is pushed to ProductService, whose own call is neither idempotent nor atomic.

available = remote_stock + in_flight + unsent. A reservation makes `unsent` negative, a release positive.
Always true per product: applied pushes + in_flight + unsent = -(quantity of holds that are not released).
"""

from django.db import models

from common import clock, ids
from order.states import HoldState, PushState, StockState


class ProductStock(models.Model):
    """One product as we see it.

    `version` moves when `remote_stock` or `in_flight` does, not when stock is held.
    """

    product_uuid = models.UUIDField(primary_key=True)
    remote_stock = models.IntegerField(help_text="what ProductService said last")
    in_flight = models.IntegerField(default=0, help_text="the delta being sent now")
    unsent = models.IntegerField(default=0, help_text="the delta not yet sent")
    state = models.SmallIntegerField(
        choices=[(state.value, state.name.lower()) for state in StockState], default=StockState.OK
    )
    version = models.IntegerField(default=1)
    # A refused or unreachable push is not tried again before this.
    push_after = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "product_stock"
        verbose_name_plural = "product stock"
        indexes = [models.Index(fields=["state", "push_after"], name="product_stock_push")]

    def __str__(self) -> str:
        return str(self.product_uuid)


class StockHold(models.Model):
    """Units of one product reserved for one order."""

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    order_uuid = models.UUIDField()
    product_uuid = models.UUIDField(db_index=True)
    quantity = models.PositiveIntegerField()
    state = models.SmallIntegerField(
        choices=[(state.value, state.name.lower()) for state in HoldState], default=HoldState.HELD
    )
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "stock_hold"
        constraints = [
            models.UniqueConstraint(fields=["order_uuid", "product_uuid"], name="stock_hold_once_per_order")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product_uuid}"


class StockPush(models.Model):
    """One delta sent once, with the stock seen before it. Append-only but for the decision."""

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    product_uuid = models.UUIDField()
    delta = models.IntegerField()
    stock_seen = models.IntegerField()
    state = models.SmallIntegerField(
        choices=[(state.value, state.name.lower()) for state in PushState], default=PushState.INTENDED
    )
    note = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "stock_push"
        verbose_name_plural = "stock pushes"
        indexes = [
            # The sender looks for what a crash left undecided.
            models.Index(fields=["product_uuid", "state"], name="stock_push_product_state"),
            models.Index(fields=["state", "created_at"], name="stock_push_state_created"),
        ]

    def __str__(self) -> str:
        return f"{self.delta:+d} of {self.product_uuid}"
