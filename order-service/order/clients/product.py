"""ProductService: what a product is and costs, and its stock, whose change is neither idempotent nor atomic.

Documented by the neighbour as `/api/product/{id}/`; it answers the product bare or under `data`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from common.errors import InvalidAmount, PeerBroken, PeerRejected
from common.money import parse_amount
from common.service_client import service_client

PEER = "ProductService"
ON_SALE = 0
MISSING = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Product:
    """A product as its seller offers it now; `price` is CNY with two places."""

    product_uuid: UUID
    product_id: str
    name: str
    image: str
    price: Decimal
    stock: int
    is_on_sale: bool
    seller_uuid: UUID


def product_get(product_uuid: UUID) -> Product | None:
    """The product, or None when there is none. Raises PeerBroken for an answer that makes no sense."""
    try:
        answer = service_client.get(PEER, f"/api/product/{product_uuid}/")
    except PeerRejected as refusal:
        if refusal.peer_status in MISSING:
            return None
        raise
    return _product(product_uuid, _inner(answer.data))


def stock_change(product_uuid: UUID, delta: int, *, dialect: str = "update") -> int:
    """Add `delta` to the neighbour's stock once and return its stock afterwards. Never retried below this
    line.

    Raises PeerRejected when it is short (nothing moved), PeerUnavailable when nothing was sent,
    PeerTimeout or PeerBroken when the outcome is unknown. `dialect` "restore" gives units back through
    `restore-stock`.
    """
    if dialect == "restore" and delta > 0:
        path = f"/api/products/{product_uuid}/restore-stock/"
        body = {"quantity": delta, "reason": "order_cancelled", "order_id": ""}
    else:
        path, body = f"/api/product/{product_uuid}/update-stock/", {"quantity": delta}
    return _stock_after(service_client.post(PEER, path, json=body).data)


def _stock_after(data: Any) -> int:
    answer = _mapping(data)
    if answer.get("success") is False:
        raise PeerRejected(peer=PEER, peer_status=400, peer_message=str(answer.get("message", "")))
    stock = _mapping(answer.get("data", answer)).get("current_stock")
    if type(stock) is not int:
        raise PeerBroken(peer=PEER, reason="no current_stock")
    return stock


def _inner(data: Any) -> Mapping[str, Any]:
    outer = _mapping(data)
    inner = outer.get("data")
    return inner if isinstance(inner, Mapping) else outer


def _mapping(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise PeerBroken(peer=PEER, reason="not an object")
    return data


def _product(asked: UUID, data: Mapping[str, Any]) -> Product:
    try:
        return Product(
            product_uuid=asked,
            product_id=str(data["product_id"]),
            name=_text(data["title"]),
            image=_first_image(data.get("media")),
            price=parse_amount(data["price"], field="price"),
            stock=int(data["stock"]),
            is_on_sale=data.get("status", ON_SALE) == ON_SALE,
            seller_uuid=UUID(str(data["user_info"]["user_id"])),
        )
    except (KeyError, TypeError, ValueError, InvalidAmount) as problem:
        raise PeerBroken(peer=PEER, reason=f"product: {type(problem).__name__}") from problem


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value[:255]


def _first_image(media: Any) -> str:
    first = media[0] if isinstance(media, list) and media else {}
    return str(first.get("media", ""))[:500] if isinstance(first, Mapping) else ""
