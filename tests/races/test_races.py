"""Everybody at once, through the gateway, several processes and two or three services at a time."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID

import requests

from scripts.storyteller import eventually, press
from tests.shop import ALIPAY, Order, Shop, basket, payment_of, stock_left, trade

VASE, VASES = 7, 10
CROWD = 8
NOTIFY = "/api/v1/payment/alipay/notify"


def race(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """All of them at the same moment; their results in order."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        ready.wait(timeout=60)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def ask(shop: Shop, path: str, body: object) -> tuple[int, dict[str, Any]]:
    """Alice's POST over a connection of its own."""
    token = {"Authorization": str(shop.alice.session.headers["Authorization"])}
    answer = requests.post(shop.gateway + path, json=body, headers=token, timeout=60)
    return answer.status_code, answer.json()


def test_two_hundred_buyers_for_the_last_ten_units(shop: Shop) -> None:
    answers = race([lambda: ask(shop, "/api/orders/", basket(VASE, 1))] * 200)

    statuses = [status for status, _ in answers]
    short = [body["name"] for status, body in answers if status == 409]
    assert (statuses.count(200), statuses.count(409)) == (VASES, 200 - VASES), set(statuses)
    assert set(short) == {"StockShort"}
    eventually(lambda: stock_left(VASE), lambda left: left == 0, "ProductService has sold its last")


def test_payers_of_one_order_at_both_doors_share_one_payment(shop: Shop) -> None:
    order = shop.place()
    at_payment = lambda: ask(shop, "/api/payment/create/", payment_of(order))  # noqa: E731
    at_order = lambda: ask(shop, f"/api/orders/{order['order_id']}/pay/", {})  # noqa: E731

    answers = race([at_payment, at_order] * (CROWD // 2))

    assert {status for status, _ in answers} <= {200, 201, 202}, answers
    assert len({body["data"]["payment_uuid"] for _, body in answers}) == 1
    url = eventually(lambda: shop.create(order), lambda seen: seen["payment_data"], "it can be paid")
    assert any(race([lambda: _try_to_pay(url)] * 2))
    shop.until(order, "is paid", lambda seen: seen["payment_status"] == "paid")
    assert len(trade(url)["notifications"]) == 1


def test_one_notification_eight_times_at_once_pays_once(shop: Shop) -> None:
    order = shop.create(shop.place())
    form = _unheard_notification(order)

    answers = race([lambda: requests.post(shop.gateway + NOTIFY, form, headers=FORM, timeout=60)] * CROWD)

    assert {answer.text for answer in answers} == {"success"}
    shop.until(order, "is paid", lambda seen: seen["payment_status"] == "paid")
    timeline = shop.alice.get(f"/api/orders/{order['order_id']}/timeline/")["data"]["entries"]
    assert [entry["what"] for entry in timeline if entry["kind"] == "transition"].count("pay") == 1, timeline
    booked = [entry for entry in timeline if entry["kind"] == "payment" and entry["what"] == "charge"]
    assert [entry["outcome"] for entry in booked].count("success") == 1, booked


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _unheard_notification(order: Order) -> bytes:
    """Paid at the cashier; Alipay's notification is caught on its way."""
    number = UUID(order["payment_uuid"]).hex
    catch = {"target": "notify", "kind": "drop", "subject": number}
    requests.post(f"{ALIPAY}/sim/faults/", json=catch, timeout=10).raise_for_status()
    press(order["payment_data"]["url"], "cashier-pay")

    def caught() -> list[str]:
        events = requests.get(f"{ALIPAY}/sim/events/?out_trade_no={number}&kind=notify", timeout=10).json()[
            "events"
        ]
        return [event["sent"].split("\n", 1)[1] for event in events]

    found: list[str] = eventually(caught, bool, "Alipay sends its notification")
    return found[0].encode()


def test_cancelling_against_paying_loses_no_money(shop: Shop) -> None:
    """Whoever is first: in the end the order is cancelled and Alipay keeps nothing of it."""
    orders = [shop.create(order) for order in shop.place_many(CROWD)]
    cancels = [
        lambda order=order: ask(shop, f"/api/orders/{order['order_id']}/cancel/", {"reason": "r"})
        for order in orders
    ]
    pays = [lambda order=order: _try_to_pay(order) for order in orders]

    answers = race([act for pair in zip(cancels, pays, strict=True) for act in pair])

    assert {status for status, _ in answers[::2]} <= {200, 202}, answers[::2]
    for order in orders:
        shop.until(order, "is cancelled", lambda seen: seen["status"] == 3)
        eventually(lambda order=order: _kept(order), lambda kept: kept == 0, "Alipay keeps nothing")


def _try_to_pay(order: Order) -> bool:
    try:
        return press(order["payment_data"]["url"], "cashier-pay").ok
    except AssertionError:  # somebody was faster: the cashier has closed, or has its money
        return False


def _kept(order: Order) -> Decimal:
    there = trade(order)["trade"]
    if there is None or there["paid_at"] is None:
        return Decimal(0)
    return Decimal(there["total_amount"]) - Decimal(there["refunded_amount"])


def test_refunds_against_a_cancellation_give_back_what_was_paid(shop: Shop) -> None:
    """Two services want the same money back at once."""
    orders = shop.pay_many(3)
    part = {"refund_amount": "4.00", "refund_reason": "scratched"}
    acts: list[Callable[[], Any]] = []
    for order in orders:
        refund = lambda order=order: ask(shop, f"/api/payment/{order['order_uuid']}/refund/", part)  # noqa: E731
        cancel = lambda order=order: ask(shop, f"/api/orders/{order['order_id']}/cancel/", {})  # noqa: E731
        acts += [refund, cancel, refund]

    race(acts)

    for order in orders:
        seen = shop.until(order, "has come to rest", lambda seen: not seen["cancelling"])
        payment = shop.until_payment(
            order, "has no refund under way", lambda seen: "processing" not in _refunds(seen)
        )
        assert Decimal(trade(order)["trade"]["refunded_amount"]) == Decimal(str(payment["refunded_amount"]))
        assert Decimal(str(payment["refunded_amount"])) <= Decimal(str(payment["amount"]))
        assert seen["status"] in (1, 3)
        if seen["status"] == 3:
            shop.until(order, "has all back", lambda seen: seen["refunded_amount"] == seen["total_amount"])


def _refunds(payment: Order) -> list[str]:
    return [refund["refund_status"] for refund in payment["refunds"]]


def test_the_books_agree_whoever_won(shop: Shop) -> None:
    shop.audit()
