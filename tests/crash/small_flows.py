"""Flows of the small sagas, which another program's work begins, and of what is refused on the way.

Their runs are handed over while their worker stands still, put off, and made due one by one.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import requests

from scripts.storyteller import eventually, press
from tests.crash.flows import LONG_AGO, World, ask, decide, looked_at, paid
from tests.crash.programs import Twin
from tests.shop import ALIPAY, BICYCLE, TEA_SET, Order, at_once, basket, product_uuid, trade

RELEASE, STOP, STRAY = "payment.release", "payment.stop", "order_stray_payment"
# Seven bicycles: dear enough to be looked at afterwards, not to be held.
BICYCLES = 7
FAR = timedelta(days=300)
ELSEWHERE = "杭州市西湖区龙井路 1 号"
# What Alipay will never do, however often it is asked.
REFUSAL = "ACQ.TRADE_NOT_ALLOW_REFUND"


# --- beginnings ----------------------------------------------------------------------------------------
def wished(world: World, twin: Twin, count: int) -> list[Order]:
    """Orders that are not placed yet; the client has made up their keys."""
    return [{"product_uuid": product_uuid(TEA_SET), "key": str(uuid4())} for _ in range(count)]


def with_a_client(world: World, twin: Twin, count: int) -> list[Order]:
    """Their client wants to be told."""
    return at_once(lambda order: _created_with_client(world, order), world.shop.place_many(count))


def _created_with_client(world: World, order: Order) -> Order:
    wish = {"orderNo": order["order_id"], "notifyUrl": world.client.url}
    data = world.shop.alice.post("/api/v1/payment/alipay/create", wish)["data"]
    payment = {"payment_uuid": str(UUID(data["outTradeNo"])), "payment_data": {"url": data["paymentUrl"]}}
    return {**order, **payment}


def reviewed(world: World, twin: Twin, count: int) -> list[Order]:
    """They went on to the cashier, where the buyer looks at them; Olive has not decided yet."""
    orders = [world.shop.create(world.shop.place(BICYCLE, BICYCLES)) for _ in range(count)]
    at_once(_scan, orders)
    return orders


def not_to_be_refunded(world: World, twin: Twin, count: int) -> list[Order]:
    orders = paid(world, twin, count)
    no = {
        "kind": "business_error",
        "operation": "alipay.trade.refund",
        "sub_code": REFUSAL,
        "remaining": None,
    }
    for order in orders:
        _fault({**no, "subject": UUID(order["payment_uuid"]).hex})
    return orders


def not_to_be_asked_about(world: World, twin: Twin, count: int) -> list[Order]:
    """Alipay says nothing believable about these trades."""
    orders = looked_at(world, twin, count)
    silent = {"kind": "unknown", "operation": "alipay.trade.query", "remaining": None}
    for order in orders:
        _fault({**silent, "subject": UUID(order["payment_uuid"]).hex})
    return orders


def move_house(world: World, twin: Twin, order: Order) -> int | None:
    change = {"shipping_address": ELSEWHERE}
    return ask(world, twin, f"/api/orders/{order['order_id']}/", change, method="PATCH")


def place(world: World, twin: Twin, case: Order) -> int | None:
    return ask(world, twin, "/api/orders/", _wish(case), key=case["key"])


def release_is_due(world: World, twin: Twin, order: Order) -> None:
    world.books.run_is_due(RELEASE, order["payment_uuid"], datetime.now(UTC) - LONG_AGO)


def stop_is_due(world: World, twin: Twin, order: Order) -> None:
    world.books.run_is_due(STOP, order["payment_uuid"], datetime.now(UTC) - LONG_AGO)


def client_is_due(world: World, twin: Twin, order: Order) -> None:
    world.books.client_is_told(order["payment_uuid"], datetime.now(UTC) - LONG_AGO)


def stray_is_due(world: World, twin: Twin, order: Order) -> None:
    world.books.run_is_due(STRAY, order["order_uuid"], datetime.now(UTC) - LONG_AGO)


# --- what others hand over ------------------------------------------------------------------------------
def released(world: World, orders: list[Order]) -> None:
    at_once(lambda order: decide(world, order, "release"), orders)
    _put_off(world, RELEASE, [order["payment_uuid"] for order in orders])


def stopped(world: World, orders: list[Order]) -> None:
    at_once(lambda order: decide(world, order, "stop"), orders)
    _put_off(world, STOP, [order["payment_uuid"] for order in orders])


def paid_and_not_told(world: World, orders: list[Order]) -> None:
    at_once(lambda order: press(order["payment_data"]["url"], "cashier-pay"), orders)
    for order in orders:
        world.shop.until_payment(order, "is paid", lambda seen: seen["status"] == "success")
        world.books.client_is_told(order["payment_uuid"], datetime.now(UTC) + FAR)


def paid_although_cancelled(world: World, orders: list[Order]) -> None:
    """The payment came to be after the cancellation had looked for one: nobody closed it, and it is paid."""
    for order in orders:
        world.books.order_of_payment(order["payment_uuid"], str(uuid4()))
    at_once(
        lambda order: world.shop.alice.post(f"/api/orders/{order['order_id']}/cancel/", {"reason": "r"}),
        orders,
    )
    for order in orders:
        world.books.order_of_payment(order["payment_uuid"], order["order_uuid"])
    at_once(lambda order: press(order["payment_data"]["url"], "cashier-pay"), orders)
    _put_off(world, STRAY, [order["order_uuid"] for order in orders])


# --- ends ------------------------------------------------------------------------------------------------
def is_placed_once(world: World, case: Order) -> None:
    """The client that heard nothing asks again with its key, and there is one order."""
    answer = world.shop.alice.session.post(
        f"{world.shop.gateway}/api/orders/",
        json=_wish(case),
        headers={"Idempotency-Key": case["key"]},
        timeout=30,
    )
    assert answer.status_code in (200, 201), answer.text
    assert world.books.orders_with_remark(case["key"]) == 1


def client_knows(world: World, order: Order) -> None:
    """At least once, and the same message each time."""
    told = set(world.client.told[order["order_id"]])
    assert len(told) == 1, told


def is_stopped(world: World, order: Order) -> None:
    payment, there = world.shop.payment(order), trade(order)["trade"]
    assert payment["status"] == "cancelled", payment
    assert there["status"] == "TRADE_CLOSED", there


def is_returned(world: World, order: Order) -> None:
    """All of it, once; the order stays cancelled."""
    payment, there = world.shop.payment(order), trade(order)["trade"]
    assert (payment["status"], len(payment["refunds"])) == ("refunded", 1), payment
    assert there["refunded_amount"] == order["total_amount"], there
    assert world.shop.order(order)["status"] == 3


def stays_paid(world: World, order: Order) -> None:
    """The refund was refused: the order goes on as if nobody had wanted it cancelled."""
    seen, payment = world.shop.order(order), world.shop.payment(order)
    assert (seen["status"], seen["cancelling"], seen["payment_status"]) == (1, False, "paid"), seen
    assert {one["refund_status"] for one in payment["refunds"]} <= {"failed"}, payment
    assert trade(order)["trade"]["refunded_amount"] == "0.00"


def has_moved_or_not(world: World, order: Order) -> None:
    """A client that heard nothing may not have been heard; with the new address the old payment is closed."""
    seen = world.shop.order(order)
    assert (seen["status"], seen["cancelling"]) == (0, False), seen
    if seen["shipping_address"] == ELSEWHERE:
        assert world.shop.payment(order)["status"] == "cancelled"
        assert trade(order)["trade"]["status"] == "TRADE_CLOSED"


def has_not_moved(world: World, order: Order) -> None:
    seen = world.shop.order(order)
    assert (seen["status"], seen["cancelling"]) == (0, False), seen
    assert seen["shipping_address"] != ELSEWHERE


def _wish(case: Order) -> dict[str, Any]:
    return {**basket(TEA_SET, 1), "remark": case["key"]}


def _scan(order: Order) -> None:
    number = UUID(order["payment_uuid"]).hex
    requests.post(f"{ALIPAY}/sim/trades/{number}/scan/", timeout=10).raise_for_status()


def _fault(fault: dict[str, Any]) -> None:
    requests.post(f"{ALIPAY}/sim/faults/", json=fault, timeout=10).raise_for_status()


def _put_off(world: World, saga: str, entities: list[str]) -> None:
    """Wait until each run is stored; it waits from then on for its test."""
    for entity in entities:
        eventually(
            lambda entity=entity: world.books.run_is_there(saga, entity), bool, f"{saga} of {entity}", 60
        )
        world.books.run_is_due(saga, entity, datetime.now(UTC) + FAR)
