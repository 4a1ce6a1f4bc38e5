"""What a flow is, and the larger ones: how they begin, and what must be true in the end. `table` lists all.

A flow is prepared by the whole stack, then set going once for every point at which its program may die.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import requests

from scripts.storyteller import eventually, press
from tests.crash.books import Books
from tests.crash.client import Client
from tests.crash.programs import Twin, WebTwin
from tests.shop import ALIPAY, ARMCHAIR, Order, Shop, at_once, product_uuid, stock_left, trade

LONG_AGO = timedelta(seconds=5)
PART = "1.00"


@dataclass(frozen=True)
class Flow:
    """`prepare` makes as many cases as are asked for; `begin` sets one going (in a web twin it answers a
    status); `ended` raises until the case has come to its end, then says nothing."""

    program: str
    prepare: Callable[["World", Twin, int], list[Order]]
    begin: Callable[["World", Twin, Order], Any]
    ended: Callable[["World", Order], None]
    # Points of dying: never fewer (a flow whose calls are not seen would pass without dying), nor more.
    least: int
    most: int
    # What only time would bring, to a case whose process is dead.
    later: Callable[["World", Order], None] = lambda world, order: None
    # Once the flow's own program has been stopped: what the other programs have to do before it is its turn.
    handed: Callable[["World", list[Order]], None] = lambda world, orders: None
    # What a client may hear from a web twin that does not die.
    answers: tuple[int, ...] = (200, 201)

    @property
    def is_web(self) -> bool:
        return self.program in ("order", "payment")


@dataclass(frozen=True)
class World:
    """Everything a flow needs: the shop from outside, the books for what only time would bring, and a client
    that is told."""

    shop: Shop
    books: Books
    client: Client


def about(order: Order) -> list[str]:
    """The words by which the program's calls about this case are known."""
    words = [order[name] for name in ("order_uuid", "payment_uuid", "product_uuid") if order.get(name)]
    return [*words, UUID(order["payment_uuid"]).hex] if order.get("payment_uuid") else words


# --- beginnings ----------------------------------------------------------------------------------------
def placed(world: World, twin: Twin, count: int) -> list[Order]:
    return world.shop.place_many(count)


def opened(world: World, twin: Twin, count: int) -> list[Order]:
    return at_once(world.shop.create, placed(world, twin, count))


def looked_at(world: World, twin: Twin, count: int) -> list[Order]:
    """The buyer has looked at the cashier's page: now Alipay knows the trade."""
    orders = opened(world, twin, count)
    for order in orders:
        number = UUID(order["payment_uuid"]).hex
        requests.post(f"{ALIPAY}/sim/trades/{number}/scan/", timeout=10).raise_for_status()
    return orders


def paid(world: World, twin: Twin, count: int) -> list[Order]:
    return world.shop.pay_many(count)


def told_to_the_twin(world: World, twin: Twin, count: int) -> list[Order]:
    """Alipay will notify the twin instead of the gateway."""
    assert isinstance(twin, WebTwin)
    orders = looked_at(world, twin, count)
    for order in orders:
        world.books.alipay_tells(order, f"{twin.address}/api/v1/payment/alipay/notify")
    return orders


def held(world: World, twin: Twin, count: int) -> list[Order]:
    """Too dear to pass: risk control holds the payment until Olive decides."""
    return [world.shop.create(world.shop.place(ARMCHAIR)) for _ in range(count)]


def unsold(world: World, twin: Twin, count: int) -> list[Order]:
    """A product each, of which nothing was sold yet."""
    return [{"product": number, "product_uuid": product_uuid(number)} for number in range(3, 3 + count)]


def ask(world: World, twin: Twin, path: str, body: object = None, **how: str) -> int | None:
    assert isinstance(twin, WebTwin)
    return twin.ask(str(world.shop.alice.session.headers["Authorization"]), path, body, **how)


def cancel(world: World, twin: Twin, order: Order) -> int | None:
    return ask(world, twin, f"/api/orders/{order['order_id']}/cancel/", {"reason": "changed my mind"})


def pay_by_order(world: World, twin: Twin, order: Order) -> int | None:
    return ask(world, twin, f"/api/orders/{order['order_id']}/pay/", {})


def create(world: World, twin: Twin, order: Order) -> int | None:
    body = {"order_uuid": order["order_uuid"], "payment_method": "alipay", "amount": order["total_amount"]}
    return ask(world, twin, "/api/payment/create/", {**body, "payment_subject": order["order_id"]})


def refund_part(world: World, twin: Twin, order: Order) -> int | None:
    body = {"refund_amount": PART, "refund_reason": "scratched"}
    return ask(world, twin, f"/api/payment/{order['order_uuid']}/refund/", body)


def close(world: World, twin: Twin, order: Order) -> int | None:
    return ask(world, twin, f"/api/payment/{order['payment_uuid']}/cancel/", {})


def expire(world: World, twin: Twin, order: Order) -> None:
    world.books.set_order(order, expires_at=datetime.now(UTC) - LONG_AGO)


def pay_unheard(world: World, twin: Twin, order: Order) -> None:
    """Paid at the cashier; Alipay's notification is lost, so the sweeper has to ask."""
    lose = {"target": "notify", "kind": "lose", "subject": UUID(order["payment_uuid"]).hex}
    requests.post(f"{ALIPAY}/sim/faults/", json=lose, timeout=10).raise_for_status()
    press(order["payment_data"]["url"], "cashier-pay")
    is_looked_for(world, order)


def is_looked_for(world: World, order: Order) -> None:
    """The sweeper's next look at the payment is now: a dead one had put it off by minutes."""
    world.books.set_payment(order, sync_due_at=datetime.now(UTC) - LONG_AGO)


def refund_unheard(world: World, twin: Twin, order: Order) -> None:
    """Alipay answers nothing believable to the refund, so the sweeper has to ask, and to repeat it."""
    silent = {"kind": "unknown", "operation": "alipay.trade.refund", "when": "before"}
    silent["subject"] = UUID(order["payment_uuid"]).hex
    requests.post(f"{ALIPAY}/sim/faults/", json=silent, timeout=10).raise_for_status()
    body = {"refund_amount": PART, "refund_reason": "scratched"}
    world.shop.alice.post(f"/api/payment/{order['order_uuid']}/refund/", body)
    refund_is_looked_for(world, order)


def refund_is_looked_for(world: World, order: Order) -> None:
    """The sweeper's next look at the refund is now: a dead one had put it off by minutes."""
    world.books.refund_is_looked_for(order, datetime.now(UTC) - LONG_AGO)


def pay(world: World, twin: Twin, order: Order) -> None:
    press(order["payment_data"]["url"], "cashier-pay")


def release(world: World, twin: Twin, order: Order) -> None:
    decide(world, order, "release")


def decide(world: World, order: Order, decision: str) -> None:
    path = f"/api/security/assessments/?order_uuid={order['order_uuid']}"
    mine = world.shop.olive.get(path)["results"]["data"][0]
    path = f"/api/security/assessments/{mine['assessment_uuid']}/decide/"
    world.shop.olive.post(path, {"decision": decision, "reason": "buyer called back"})


def sell_one(world: World, twin: Twin, case: Order) -> None:
    case["left"] = stock_left(case["product"])
    world.shop.place(case["product"])


def pay_and_be_told(world: World, twin: Twin, order: Order) -> int | None:
    """Paid at the cashier: Alipay's notification kills the twin, or is taken."""
    press(order["payment_data"]["url"], "cashier-pay")
    eventually(
        lambda: twin.has_died or trade(order)["notifications"][0]["state"] == "delivered",
        bool,
        "Alipay has told the twin",
    )
    return None if twin.has_died else 200


# --- ends: each reads anew, so that it can be asked until it holds ----------------------------------------
def is_cancelled(world: World, order: Order) -> None:
    seen = world.shop.order(order)
    assert (seen["status"], seen["refunded_amount"]) == (3, "0.00"), seen
    assert world.shop.payment(order)["status"] == "cancelled"
    assert trade(order)["trade"] is None or trade(order)["trade"]["status"] == "TRADE_CLOSED"


def is_given_back(world: World, order: Order) -> None:
    seen, payment, there = world.shop.order(order), world.shop.payment(order), trade(order)
    assert (seen["status"], seen["refunded_amount"]) == (3, seen["total_amount"]), seen
    assert payment["status"] == "refunded", payment
    assert there["trade"]["refunded_amount"] == seen["total_amount"], there


def is_partly_given_back_or_not_at_all(world: World, order: Order) -> None:
    """A client that heard nothing may not have been heard; but nothing hangs, and Alipay says the same."""
    payment, there = world.shop.payment(order), trade(order)["trade"]
    assert [refund["refund_status"] for refund in payment["refunds"]] in ([], ["completed"]), payment
    assert str(payment["refunded_amount"]) == there["refunded_amount"], (payment, there)
    assert there["refunded_amount"] in ("0.00", PART), there
    assert world.shop.order(order)["refunded_amount"] == there["refunded_amount"]


def is_partly_given_back(world: World, order: Order) -> None:
    """Once, whoever died on the way: the client was told that it is under way."""
    assert trade(order)["trade"]["refunded_amount"] == PART, trade(order)
    is_partly_given_back_or_not_at_all(world, order)


def is_closed(world: World, order: Order) -> None:
    """Whoever asks again hears that it is closed."""
    answer = world.shop.alice.post(f"/api/payment/{order['payment_uuid']}/cancel/", {})
    assert answer["data"]["status"] == "cancelled", answer
    assert world.shop.order(order)["status"] == 0


def can_be_paid(world: World, order: Order) -> None:
    """The buyer's client asks again and finds the one living payment; it is paid once."""
    if not order.get("pressed"):
        again = world.shop.create(order)
        assert again["payment_data"] and again["payment_data"]["url"], again
        press(again["payment_data"]["url"], "cashier-pay")
        order.update(again, pressed=True)
    is_paid(world, order)


def is_paid(world: World, order: Order) -> None:
    seen = world.shop.order(order)
    assert (seen["status"], seen["payment_status"]) == (1, "paid"), seen
    assert world.shop.payment(order)["status"] == "success"
    assert trade(order)["trade"]["refunded_amount"] == "0.00"


def is_released(world: World, order: Order) -> None:
    payment = world.shop.payment(order)
    assert payment["payment_data"] and not payment["under_review"], payment


def is_taken_from_the_shelf(world: World, case: Order) -> None:
    assert stock_left(case["product"]) == case["left"] - 1
    assert world.books.stock_of(case["product_uuid"]) == (case["left"] - 1, 0, 0)
