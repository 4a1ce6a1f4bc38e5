"""What happens while two releases run: an upgrade under way, the way back, and each of them killed."""

from dataclasses import dataclass, field
from threading import Thread

import requests

from scripts.storyteller import eventually, press
from tests.checkout import PATIENCE
from tests.crash.books import Books
from tests.shop import Order, Shop
from tests.upgrades import alipay
from tests.upgrades.releases import Release

PENDING, PAID, COMPLETED, CANCELLED = range(4)


@dataclass
class World:
    """Both releases. `placed` has every order with the name of the release that placed it."""

    shop: Shop
    books: Books
    old: Release
    new: Release
    placed: list[tuple[str, Order]] = field(default_factory=list)
    cancelled: list[Order] = field(default_factory=list)

    def place(self, side: Release) -> Order:
        order = side.place()
        self.placed.append((side.name, order))
        return order

    def paid(self, side: Release, other: Release) -> Order:
        """Placed at one side, paid at the other."""
        order = other.pay(self.place(side))
        press(order["payment_data"]["url"], "cashier-pay")
        side.until(order, status=PAID, payment_status="paid")
        return order

    def cancel(self, side: Release, order: Order) -> None:
        side.cancel(order)
        self.cancelled.append(order)


def everything_crossed(world: World, first: Release, second: Release) -> None:
    """Each step of an order's life at the other side than the one before."""
    pending = world.place(first)
    second.buyer.call("PATCH", f"/api/orders/{pending['order_id']}/", {"remark": "ring twice"}, 200)
    world.cancel(first, pending)
    refunded = world.paid(first, second)
    world.cancel(second, refunded)
    kept = world.paid(first, second)
    first.seller.post(f"/api/orders/{kept['order_id']}/ship/", {"carrier": "SF", "tracking_no": "SF10000001"})
    second.until(kept, fulfilment_status=2)
    second.buyer.post(f"/api/orders/{kept['order_id']}/complete/")
    first.until(refunded, status=CANCELLED, payment_status="refunded")
    first.until(kept, status=COMPLETED)


def waits_for_its_money(world: World, side: Release) -> Order:
    """A cancellation begun at `side` whose refund Alipay has not made yet."""
    order = world.paid(world.old, side)
    alipay.refund_is_unknown(order)
    side.cancel(order, status=202)
    alipay.refund_is_asked(order)
    world.cancelled.append(order)
    return order


def comes_to(side: Release, order: Order, step: int) -> None:
    """Its saga has nothing to do before this step any more."""
    here = f"(running at {step})"
    uuid = order["order_uuid"]
    eventually(side.runs, lambda runs: here in runs[uuid], f"{order['order_id']} comes to step {step}")


def gets_its_money(world: World, order: Order, seen_by: Release) -> None:
    alipay.refund_is_looked_for(world.books, order)
    seen_by.until(order, status=CANCELLED, payment_status="refunded")


def works_off_its_own(world: World, side: Release) -> None:
    """A run that the worker of `side` has to carry on: whatever else was due has been looked at by then."""
    order = waits_for_its_money(world, side)
    gets_its_money(world, order, side)
    ends(side, order)


def ends(side: Release, *orders: Order) -> None:
    """None of the orders' sagas is under way any more."""
    ours = {order["order_uuid"] for order in orders}
    eventually(
        side.runs, lambda runs: not ours & runs.keys(), f"the {side.name} release ends {ours}", PATIENCE
    )


def killed_in_the_middle(world: World, side: Release, order: Order) -> None:
    """`side` dies while it asks for the order's money back: the question is out, the answer is not in."""
    alipay.refund_is_slow(order)
    caller = Thread(target=_ask_in_vain, args=(side, order))
    caller.start()
    alipay.refund_is_asked(order)
    side.kill()
    caller.join(PATIENCE)
    world.cancelled.append(order)


def _ask_in_vain(side: Release, order: Order) -> None:
    try:
        side.cancel(order)
    except requests.ConnectionError:
        return
    raise AssertionError(f"the {side.name} release answered before it was killed")
