"""Many purchases at once through the gateway: steps that suites over the running stack share."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import UUID

import requests

from scripts.demo import ADDRESS
from scripts.storyteller import Person, eventually, press
from tests.conftest import Stack

T = TypeVar("T")
R = TypeVar("R")
Order = dict[str, Any]

BOB = "01900000-0000-7000-8000-000000000b0b"
TEA_SET, BOOKMARK, BICYCLE, ARMCHAIR = 1, 2, 10, 12
# Risk control's rules about many payments, and many declines: these suites do more than a person would.
VELOCITY = (4, 5, 6, 7)
ALIPAY, PRODUCTS = "http://127.0.0.1:8090", "http://127.0.0.1:8005"


def product_uuid(number: int) -> str:
    return str(UUID(f"01900000-0000-7000-9000-{number:012x}"))


def at_once(act: Callable[[T], R], things: Iterable[T], threads: int = 8) -> list[R]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(act, things))


class Shop:
    """Alice buys from Bob, Olive operates."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.gateway = stack, stack.gateway
        self.alice, self.carol, self.olive = (
            Person(name, self.gateway).log_in() for name in ("Alice", "Carol", "Olive")
        )
        changes = [{"policy_id": number, "is_enabled": False} for number in VELOCITY]
        self.olive.call("PUT", "/api/security/policies/update/", {"policies": changes}, 200)

    def place(self, product: int = BOOKMARK, quantity: int = 1, buyer: Person | None = None) -> Order:
        answer = (buyer or self.alice).post("/api/orders/", basket(product, quantity))
        order: Order = answer["data"]
        return order

    def place_many(self, count: int) -> list[Order]:
        return at_once(lambda _: self.place(), range(count))

    def create(self, order: Order) -> Order:
        """The order with its payment: `payment_uuid`, `payment_data`."""
        answer = self.alice.post("/api/payment/create/", payment_of(order))
        return {**order, **answer["data"]}

    def pay(self, order: Order) -> Order:
        """Create the payment and pay at the cashier; the order is paid when Alipay has told us."""
        created = self.create(order)
        press(created["payment_data"]["url"], "cashier-pay")
        return created

    def pay_many(self, count: int) -> list[Order]:
        paid = at_once(self.pay, self.place_many(count))
        for order in paid:
            self.until(order, "is paid", lambda seen: seen["payment_status"] == "paid")
        return paid

    def order(self, order: Order) -> Order:
        seen: Order = self.alice.get(f"/api/orders/{order['order_id']}/")["data"]
        return seen

    def payment(self, order: Order) -> Order:
        seen: Order = self.alice.get(f"/api/payment/{order['order_uuid']}/")["data"]
        return seen

    def until(
        self, order: Order, sentence: str, holds: Callable[[Order], bool], seconds: float = 60
    ) -> Order:
        seen: Order = eventually(lambda: self.order(order), holds, f"{order['order_id']} {sentence}", seconds)
        return seen

    def until_payment(
        self, order: Order, sentence: str, holds: Callable[[Order], bool], seconds: float = 60
    ) -> Order:
        seen: Order = eventually(
            lambda: self.payment(order), holds, f"payment of {order['order_id']} {sentence}", seconds
        )
        return seen

    def audit(self) -> None:
        """Both commands exit 1 on any difference."""
        audits = [("payment-service", "audit_money"), ("order-service", "audit_orders")]
        for done in at_once(lambda audit: self.stack.manage(*audit), audits):
            assert done.stdout.rstrip().endswith(" 0 differences"), done.stdout


def basket(product: int, quantity: int) -> dict[str, Any]:
    lines = [{"product_uuid": product_uuid(product), "quantity": quantity}]
    return {"products": lines, "seller_uuid": BOB, "payment_method": 0, **ADDRESS}


def payment_of(order: Order) -> dict[str, Any]:
    return {
        "order_uuid": order["order_uuid"],
        "amount": order["total_amount"],
        "payment_method": "alipay",
        "payment_subject": order["order_id"],
    }


def trade(order: Order) -> dict[str, Any]:
    """What Alipay knows about the order's payment; its `trade` is None until the buyer has looked at it."""
    number = UUID(order["payment_uuid"]).hex
    answer = requests.get(f"{ALIPAY}/sim/trades/{number}/", timeout=10)
    if answer.status_code == 404:  # no QR code either: Alipay was away when it was asked for one
        return {"trade": None, "notifications": [], "refunds": []}
    answer.raise_for_status()
    known: dict[str, Any] = answer.json()
    return known


def stock_set(product: int, units: int) -> None:
    """Only before anything of it is sold: the order service would not know why units vanish."""
    url = f"{PRODUCTS}/sim/products/{product}/"
    requests.post(url, json={"stock": units}, timeout=10).raise_for_status()


def stock_left(product: int) -> int:
    return int(requests.get(f"{PRODUCTS}/api/product/{product}/", timeout=10).json()["stock"])
