"""OrderService, as payment needs it: the facts of one order (call 1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from common.errors import NotFound, PeerBroken, PeerRejected
from common.money import parse_amount
from common.service_client import service_client
from payment.states import OrderFacts

PEER = "OrderService"


def order_read(reference: object) -> OrderFacts:
    """The order named by UUID, number or id. NotFound when there is none; Peer* errors pass through."""
    try:
        answer = service_client.get(PEER, f"/api/orders/internal/orders/{reference}/")
    except PeerRejected as refused:
        if refused.peer_status == 404:
            raise NotFound from refused
        raise
    try:
        return order_facts(answer.data["data"])
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise PeerBroken(peer=PEER, reason="unreadable order") from wrong


def order_facts(data: Mapping[str, Any]) -> OrderFacts:
    """The snapshot of an order, from call 1 or from OrderService's own signed call."""
    expires_at = data.get("expires_at")
    return OrderFacts(
        order_uuid=UUID(str(data["order_uuid"])),
        order_id=str(data["order_id"]),
        buyer_uuid=UUID(str(data["buyer_uuid"])),
        seller_uuid=UUID(str(data["seller_uuid"])),
        payable_amount=parse_amount(data["payable_amount"], field="payable_amount", zero_ok=True),
        status=int(data["status"]),
        fulfilment_status=int(data.get("fulfilment_status", 0)),
        cancelling=bool(data.get("cancelling", False)),
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        subject=_subject(data),
        order_row_id=int(data["id"]) if data.get("id") else None,
        address_index=str(data["address_index"])[:64] if data.get("address_index") else None,
    )


def _subject(data: Mapping[str, Any]) -> str:
    """What Alipay's cashier shows: the first product's name, and how many kinds there are."""
    names = [str(item.get("product_name", "")) for item in data.get("items", [])]
    first = next((name for name in names if name), str(data["order_id"]))
    return first if len(names) < 2 else f"{first[:100]} 等{len(names)}件商品"
