"""What an order is, for a caller who wants to pay or refund it: asked of OrderService, or handed over by it.

Unstored flows: reads only.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from common.errors import InvalidInput, NotFound, SuiteError
from common.live_settings import live
from common.web.converters import Ref
from payment.clients.order import order_facts, order_read
from payment.errors import PaymentAmountMismatch
from payment.models import Payment
from payment.states import OrderFacts, RefundSource


def order_for_buyer(ref: Ref, *, user_uuid: UUID, amount: Decimal | None) -> OrderFacts:
    """The order `ref` of this buyer. NotFound when it is unknown or another's; PaymentAmountMismatch when the
    client thinks it costs something else. Peer* errors pass through."""
    order = order_read(ref)
    if order.buyer_uuid != user_uuid:
        raise NotFound
    return _priced(order, amount)


def order_handed_over(
    snapshot: Mapping[str, Any] | None, *, order_ref: Ref, user_uuid: UUID | None, amount: Decimal | None
) -> OrderFacts:
    """The order as OrderService describes it in its own signed call; InvalidInput when it contradicts the
    call."""
    try:
        order = order_facts(snapshot or {})
    except (KeyError, ValueError, TypeError, AttributeError, SuiteError) as wrong:
        raise InvalidInput(fields={"order": ["not an order's snapshot"]}) from wrong
    names = (order.order_uuid, order.order_id, order.order_row_id)
    if order_ref.value not in names or user_uuid not in (None, order.buyer_uuid):
        raise InvalidInput(fields={"order": ["another order or buyer"]})
    return _priced(order, amount)


def refund_terms(payment: Payment, *, user_uuid: UUID, is_admin: bool) -> tuple[RefundSource, bool]:
    """Who asks for money back, and whether policy agrees at once.

    Administrators and the seller give back what they like; the buyer's wish is agreed to while nothing was
    shipped (REFUND_AUTO_APPROVE), and waits for the seller otherwise.
    Asks OrderService for a buyer; Peer* errors pass through.
    """
    if payment.user_uuid == user_uuid:
        order = order_read(payment.order_uuid)
        return RefundSource.BUYER, _agreed_at_once(order)
    if payment.seller_uuid == user_uuid:
        return RefundSource.SELLER, True
    if is_admin:
        return RefundSource.ADMIN, True
    raise NotFound


def _agreed_at_once(order: OrderFacts) -> bool:
    policy = live().refund_auto_approve
    return policy == "always" or (policy == "before_shipping" and order.unshipped)


def _priced(order: OrderFacts, amount: Decimal | None) -> OrderFacts:
    if amount is not None and amount != order.payable_amount:
        raise PaymentAmountMismatch(data={"amount": order.payable_amount})
    return order
