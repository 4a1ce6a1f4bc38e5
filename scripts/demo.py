"""The golden journey and its three sister stories, narrated; exits 1 as soon as a step does not hold.

Room: a command, run by `make demo` against a running stack (`make start`). It ends with the audits of money
and orders, which must print zero differences.
"""

import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from common.config import read_environment
from common.faults import in_plain_words
from common.ports import url_of
from scripts.storyteller import Person, StoryBroken, eventually, expect, press

ROOT = Path(__file__).resolve().parent.parent
with in_plain_words():
    GATEWAY = os.environ.get("GATEWAY_URL") or url_of("gateway", read_environment())
ADDRESS = {
    "shipping_name": "爱丽丝",
    "shipping_phone": "13800000001",
    "shipping_address": "上海市浦东新区世纪大道 100 号",
    "shipping_postal_code": "200120",
}
ORDINARY, CHEAP, PRECIOUS = 1, 2, 12
STARTED = time.monotonic()


def say(sentence: str) -> None:
    print(f"  {time.monotonic() - STARTED:6.1f}s  {sentence}", flush=True)


def title(sentence: str) -> None:
    print(f"\n{sentence}", flush=True)


class Story:
    """Alice buys from Bob; Olive operates. One instance tells all four stories."""

    def __init__(self, gateway: str = GATEWAY) -> None:
        self.alice, self.bob, self.olive = (Person(n, gateway).log_in() for n in ("Alice", "Bob", "Olive"))
        say(f"Alice logs in as {self.alice.uuid}, Bob as {self.bob.uuid}, Olive as {self.olive.uuid}")

    # --- small steps -------------------------------------------------------------------------------
    def goods(self, product_id: int) -> dict[str, Any]:
        answer: dict[str, Any] = self.alice.get(f"/api/product/{product_id}/")
        return answer

    def place(self, product_id: int, quantity: int) -> dict[str, Any]:
        goods = self.goods(product_id)
        line = {"product_uuid": goods["product_uuid"], "quantity": quantity, "price": goods["price"]}
        body = {
            "products": [line],
            "seller_uuid": self.bob.uuid,
            "payment_method": 0,
            "remark": "demo",
            **ADDRESS,
        }
        order: dict[str, Any] = self.alice.post("/api/orders/", body)["data"]
        expected = Decimal(str(goods["price"])) * quantity
        expect(Decimal(str(order["total_amount"])) == expected, "the server prices the basket", order)
        say(f"order {order['order_id']} over {order['total_amount']} for {quantity} × {goods['title']}")
        return order

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.alice.get(f"/api/orders/{order['order_id']}/")["data"]
        return answer

    def payment(self, order: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.alice.get(f"/api/payment/{order['order_uuid']}/")["data"]
        return answer

    def create_payment(self, order: dict[str, Any]) -> dict[str, Any]:
        body = {
            "order_uuid": order["order_uuid"],
            "amount": order["total_amount"],
            "payment_method": "alipay",
            "payment_subject": f"Order {order['order_id']}",
        }
        answer = self.alice.post("/api/payment/create/", body)
        expect("创建成功" in answer["message"], "the client finds 创建成功", answer)
        data: dict[str, Any] = answer["data"]
        say(f"payment {data['payment_uuid']} created")
        return data

    def pay(self, order: dict[str, Any], payment_data: dict[str, Any] | None = None) -> None:
        payment_data = payment_data or self.create_payment(order)["payment_data"]
        expect(payment_data and payment_data["url"], "there is a cashier address", payment_data)
        answer = press(payment_data["url"], "cashier-pay")
        expect(answer.status_code in (200, 302, 303), "the cashier takes the money", answer.status_code)
        say("Alice pays at the cashier")
        paid = eventually(
            lambda: self.payment(order),
            lambda p: p["status"] == "success",
            "the signed notify books the payment",
        )
        say(f"Alipay's signed notify arrived: payment success, transaction {paid['transaction_id']}")
        self.wait_order(
            order, "the order is paid", lambda o: o["status"] == 1 and o["payment_status"] == "paid"
        )

    def wait_order(self, order: dict[str, Any], sentence: str, holds: Any) -> dict[str, Any]:
        seen: dict[str, Any] = eventually(lambda: self.order(order), holds, sentence)
        fulfilment = ("unshipped", "receiving", "received")[int(seen["fulfilment_status"])]
        say(f"{sentence}: status {seen['status']}, {fulfilment}, {seen['payment_status']}")
        return seen

    def told(self, person: Person, order: dict[str, Any], word: str) -> None:
        def about_order() -> list[str]:
            rows = person.get("/api/notifications/?page_size=100")["results"]["data"]
            return [f"{r['title']} {r['content']}" for r in rows if order["order_id"] in r["content"]]

        texts = eventually(
            about_order, lambda found: any(word in t for t in found), f"{person.name} is told {word}"
        )
        example = next(text for text in texts if word in text)
        say(f"{person.name} has {len(texts)} message(s) about it, e.g. “{example}”")

    # --- the four stories --------------------------------------------------------------------------
    def golden(self) -> None:
        title("1. The golden journey: bought, paid, shipped, received, completed")
        order = self.place(ORDINARY, 2)
        self.pay(order)
        self.told(self.alice, order, "支付")
        self.told(self.bob, order, "支付")
        self.bob.post(
            f"/api/orders/{order['order_id']}/ship/", {"carrier": "SF", "tracking_no": "SF10000001"}
        )
        say("Bob ships it with SF10000001")
        self.wait_order(order, "the carrier delivers it", lambda o: int(o["fulfilment_status"]) == 2)
        self.alice.post(f"/api/orders/{order['order_id']}/complete/")
        self.wait_order(order, "Alice confirms; the order is completed", lambda o: o["status"] == 2)
        timeline = self.alice.get(f"/api/orders/{order['order_id']}/timeline/")["data"]
        say(
            f"its timeline has {len(timeline['entries'] if isinstance(timeline, dict) else timeline)} entries"
        )

    def cancelled(self) -> None:
        title("2. Paid, then cancelled: the money goes back, the stock returns")
        before = int(self.goods(CHEAP)["stock"])
        order = self.place(CHEAP, 3)
        self.pay(order)
        reserved = eventually(
            lambda: int(self.goods(CHEAP)["stock"]), lambda s: s <= before - 3, "the stock is taken"
        )
        say(f"ProductService shows {reserved} of {before} left")
        self.alice.post(f"/api/orders/{order['order_id']}/cancel/", {"reason": "changed my mind"})
        done = self.wait_order(order, "the order is cancelled", lambda o: o["status"] == 3)
        expect(
            Decimal(str(done["refunded_amount"])) == Decimal(str(done["total_amount"])),
            "all is refunded",
            done,
        )
        eventually(
            lambda: self.payment(order), lambda p: p["status"] == "refunded", "the payment is refunded"
        )
        after = eventually(
            lambda: int(self.goods(CHEAP)["stock"]), lambda s: s >= before, "the stock is restored"
        )
        say(f"refunded {done['refunded_amount']} at Alipay; ProductService shows {after} again")
        self.told(self.alice, order, "退款")

    def partly_refunded(self) -> None:
        title("3. Partly refunded")
        order = self.place(ORDINARY, 1)
        self.pay(order)
        refund = self.alice.post(
            f"/api/payment/{order['order_uuid']}/refund/",
            {"refund_amount": "100.00", "refund_reason": "scratched"},
        )["data"]
        say(f"refund {refund['refund_id']} over {refund['refund_amount']}: {refund['refund_status']}")
        part = eventually(
            lambda: self.payment(order),
            lambda p: p["status"] == "part_refunded",
            "the payment is partly refunded",
        )
        expect(Decimal(str(part["refunded_amount"])) == Decimal("100.00"), "exactly 100.00 went back", part)
        self.wait_order(order, "the order keeps its status", lambda o: o["payment_status"] == "part_refunded")

    def held(self) -> None:
        title("4. A suspicious payment is stopped by risk control and released by a reviewer")
        order = self.place(PRECIOUS, 1)
        created = self.create_payment(order)
        expect(created["under_review"] and created["payment_data"] is None, "the payment is held", created)
        say("risk control holds it: no cashier address yet")
        assessment = eventually(lambda: self.open_review(order), bool, "Olive sees the review")
        path = f"/api/security/assessments/{assessment['assessment_uuid']}/decide/"
        self.olive.post(path, {"decision": "release", "reason": "buyer called back"})
        say(f"Olive releases assessment {assessment['assessment_uuid']} (score {assessment.get('score')})")
        released = eventually(
            lambda: self.payment(order), lambda p: bool(p["payment_data"]), "the payment goes on"
        )
        self.pay(order, released["payment_data"])

    def open_review(self, order: dict[str, Any]) -> dict[str, Any] | None:
        rows = self.olive.get("/api/security/assessments/?page_size=100")["results"]["data"]
        return next((row for row in rows if row.get("order_uuid") == order["order_uuid"]), None)


def audit() -> None:
    """Replay the ledger and check orders and stock; both commands exit 1 on any difference."""
    title("5. The books")
    for folder, command in (("payment-service", "audit_money"), ("order-service", "audit_orders")):
        done = subprocess.run(
            [sys.executable, "manage.py", command],
            cwd=ROOT / folder,
            capture_output=True,
            text=True,
            check=False,
        )
        print("  " + "\n  ".join(done.stdout.strip().splitlines()[-4:]), flush=True)
        expect(done.returncode == 0, f"{command} finds no difference", done.stdout + done.stderr)


def main() -> int:
    print(f"The order suite, told through {GATEWAY}", flush=True)
    try:
        story = Story()
        story.golden()
        story.cancelled()
        story.partly_refunded()
        story.held()
        audit()
    except StoryBroken as broken:
        print(f"\nThe story breaks here: {broken}", file=sys.stderr)
        return 1
    print(f"\nAll four stories hold ({time.monotonic() - STARTED:.1f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
