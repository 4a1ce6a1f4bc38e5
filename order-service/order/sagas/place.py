"""Place an order: ask ProductService what the goods are and cost, then one local transaction.

Nothing leaves the process after the prices are read, so a failure needs no compensation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from common.errors import InvalidInput
from common.live_settings import live
from common.tracing import localized
from order.clients.product import Product, product_get
from order.errors import (
    OwnProduct,
    PriceChanged,
    ProductNotFound,
    ProductNotOnSale,
    SellerMismatch,
    ShopClosed,
)
from order.models import Order, ProductStock
from order.selectors import stock_seen
from order.services.place import Line, Shipping, order_place
from order.services.stock import StockRead


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the client asks for; `price` is what it showed the buyer, None when it does not say."""

    product_uuid: UUID
    quantity: int
    price: Decimal | None = None


def order_place_for(
    *,
    buyer_uuid: UUID,
    wanted: Sequence[Wanted],
    shipping: Shipping,
    seller_uuid: UUID | None = None,
    payment_method: int = 0,
    remark: str = "",
) -> Order:
    """Place the order at the seller's present prices.

    Raises ProductNotFound, ProductNotOnSale, SellerMismatch, OwnProduct, PriceChanged (its data holds the
    present prices), StockShort, StockUnknown, the peer errors when ProductService cannot say, ShopClosed, and
    InvalidInput for more lines than ORDER_MAX_LINES.
    """
    _is_welcome(wanted)
    # Our own rows first: their versions tell whether what the neighbour answers was overtaken meanwhile.
    before = stock_seen([want.product_uuid for want in wanted])
    offers = [_offer(index, want) for index, want in enumerate(wanted)]
    seller = _one_seller(offers, seller_uuid)
    if seller == buyer_uuid:
        raise OwnProduct
    _same_prices(wanted, offers)
    return order_place(
        buyer_uuid=buyer_uuid,
        seller_uuid=seller,
        lines=[_line(want, offer) for want, offer in zip(wanted, offers, strict=True)],
        reads=[_read(offer, before.get(offer.product_uuid)) for offer in offers],
        shipping=shipping,
        payment_method=payment_method,
        remark=remark,
    )


def _is_welcome(wanted: Sequence[Wanted]) -> None:
    limits = live()
    if not limits.order_accepting:
        raise ShopClosed
    if len(wanted) > limits.order_max_lines:
        most = f"at most {limits.order_max_lines} products in one order"
        raise InvalidInput(
            fields={"products": [localized(f"每单最多 {limits.order_max_lines} 种商品", most)]}
        )


def _offer(index: int, want: Wanted) -> Product:
    offer = product_get(want.product_uuid)
    if offer is None:
        raise ProductNotFound(fields={f"products.{index}.product_uuid": [str(want.product_uuid)]})
    if not offer.is_on_sale:
        raise ProductNotOnSale(data={"product_uuid": str(want.product_uuid)})
    return offer


def _one_seller(offers: Sequence[Product], claimed: UUID | None) -> UUID:
    seller = claimed or offers[0].seller_uuid
    for index, offer in enumerate(offers):
        if offer.seller_uuid != seller:
            raise SellerMismatch(fields={f"products.{index}.product_uuid": [str(offer.seller_uuid)]})
    return seller


def _same_prices(wanted: Sequence[Wanted], offers: Sequence[Product]) -> None:
    changed = [
        {"product_uuid": str(offer.product_uuid), "price": offer.price, "shown": want.price}
        for want, offer in zip(wanted, offers, strict=True)
        if want.price is not None and want.price != offer.price
    ]
    if changed:
        raise PriceChanged(data={"products": changed})


def _line(want: Wanted, offer: Product) -> Line:
    return Line(
        product_uuid=offer.product_uuid,
        product_id=offer.product_id,
        product_name=offer.name,
        product_image=offer.image,
        price=offer.price,
        quantity=want.quantity,
    )


def _read(offer: Product, row: ProductStock | None) -> StockRead:
    return StockRead(offer.product_uuid, offer.stock, row.version if row else None)
