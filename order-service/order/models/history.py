"""Every move of every axis of an order: who, why, when, by which request. Append-only."""

from common.transactions import TransitionBase


class OrderTransition(TransitionBase):
    """`axis` is the field that moved: status, fulfilment_status or payment_status."""

    class Meta(TransitionBase.Meta):
        db_table = "order_transition"
