"""Stock in our own rows: reserved in the order's transaction, given back or sold later, pushed by the sender.

Every change is one conditional UPDATE for all products of an order; its row count decides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Case, F, IntegerField, Q, Value, When
from django.db.models.lookups import GreaterThanOrEqual

from common import clock
from order.errors import StockShort, StockUnknown
from order.models import ProductStock, StockHold
from order.states import HoldState, StockState


@dataclass(frozen=True, slots=True)
class StockRead:
    """What ProductService answered, and the `version` our row had before it was asked (None: no row yet)."""

    product_uuid: UUID
    stock: int
    version: int | None


Quantities = Mapping[UUID, int]


def _per_product(values: Quantities) -> Case:
    cases = [When(product_uuid=product, then=Value(value)) for product, value in values.items()]
    return Case(*cases, output_field=IntegerField())


def covered(quantities: Quantities) -> Any:
    """The guard: what is left is enough. Without it two buyers of the last unit would both get it."""
    return GreaterThanOrEqual(F("remote_stock") + F("in_flight") + F("unsent"), _per_product(quantities))


def stock_learn(reads: Sequence[StockRead]) -> None:
    """Take over what ProductService said, unless a push of ours ran meanwhile.

    In the caller's transaction.
    """
    missing = [read for read in reads if read.version is None]
    if missing:
        rows = [ProductStock(product_uuid=read.product_uuid, remote_stock=read.stock) for read in missing]
        ProductStock.objects.bulk_create(rows, ignore_conflicts=True)
    known = [read for read in reads if read.version is not None]
    if known:
        _refresh(known)


def _refresh(reads: Sequence[StockRead]) -> None:
    # An unchanged version with nothing in flight means that the read was not overtaken by a push.
    still = Q()
    for read in reads:
        still |= Q(product_uuid=read.product_uuid, version=read.version)
    stock = _per_product({read.product_uuid: read.stock for read in reads})
    ProductStock.objects.filter(still, in_flight=0).exclude(remote_stock=stock).update(
        remote_stock=stock, version=F("version") + 1, updated_at=clock.now()
    )


def stock_reserve(
    order_uuid: UUID, quantities: Quantities, *, guard: Callable[[Quantities], Any] = covered
) -> None:
    """Hold `quantities` (units per product) for the order, all or none. In the caller's transaction.

    Raises StockUnknown when a product is parked for an operator, StockShort when one is not covered.
    """
    rows = ProductStock.objects.filter(product_uuid__in=quantities, state=StockState.OK)
    moved = rows.filter(guard(quantities)).update(
        unsent=F("unsent") - _per_product(quantities), updated_at=clock.now()
    )
    if moved != len(quantities):
        raise _why_not(quantities)
    StockHold.objects.bulk_create(
        StockHold(order_uuid=order_uuid, product_uuid=product, quantity=quantity)
        for product, quantity in quantities.items()
    )


def _why_not(quantities: Quantities) -> StockShort | StockUnknown:
    rows = ProductStock.objects.in_bulk(list(quantities))
    if any(row.state == StockState.UNKNOWN for row in rows.values()):
        return StockUnknown()
    left = {product: row.remote_stock + row.in_flight + row.unsent for product, row in rows.items()}
    short = [
        {"product_uuid": str(product), "wanted": wanted, "available": max(0, left.get(product, 0))}
        for product, wanted in quantities.items()
        if left.get(product, 0) < wanted
    ]
    return StockShort(data={"products": short})


def stock_release(order_uuid: UUID) -> bool:
    """Give the order's units back; False when they were not held any more. In the caller's transaction."""
    if not _move_holds(order_uuid, HoldState.RELEASED):
        return False
    quantities = dict(StockHold.objects.filter(order_uuid=order_uuid).values_list("product_uuid", "quantity"))
    ProductStock.objects.filter(product_uuid__in=quantities).update(
        unsent=F("unsent") + _per_product(quantities), updated_at=clock.now()
    )
    return True


def stock_sell(order_uuid: UUID) -> bool:
    """The order's units are gone for good; False when they were not held any more."""
    return _move_holds(order_uuid, HoldState.SOLD)


def _move_holds(order_uuid: UUID, state: HoldState) -> bool:
    held = StockHold.objects.filter(order_uuid=order_uuid, state=HoldState.HELD)
    return held.update(state=state, updated_at=clock.now()) > 0
