"""Nobody's business: every caller × every path × every method. The table below is the whole answer.

Columns: Alice (the buyer), Bob (the seller), Mallory (a stranger), Olive (administrates), nobody, and the
three siblings with their service tokens. A number is the HTTP status each gets; nothing may move for a
refusal.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from common.ids import new_uuid
from common.testing.people import ALICE, BOB, MALLORY, OLIVE
from payment.models import Payment, PaymentEvent, PaymentTransition, Refund

pytestmark = pytest.mark.django_db

WHO = ("alice", "bob", "mallory", "olive", "nobody", "OrderService", "NotificationService", "PaymentService")
PEOPLE = {"alice": ALICE, "bob": BOB, "mallory": MALLORY, "olive": OLIVE}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

ALIPAY = "/api/v1/payment/alipay"
#    method, path                                    alice bob  mall oliv none orde noti paym
TABLE = [
    ("POST", "/api/payment/create/",                  (200, 404, 404, 404, 401, 200, 403, 403)),
    ("GET", "/api/payment/records/",                  (200, 200, 200, 200, 401, 401, 401, 401)),
    ("GET", "/api/payment/{order}/",                  (200, 404, 404, 200, 401, 200, 200, 403)),
    ("POST", "/api/payment/{pending}/cancel/",        (200, 404, 404, 200, 401, 200, 403, 403)),
    ("POST", "/api/payment/{order}/refund/",          (200, 200, 404, 200, 401, 200, 403, 403)),
    ("GET", "/api/payments/",                         (200, 200, 200, 200, 401, 200, 403, 403)),
    ("POST", "/api/payments/",                        (200, 404, 404, 404, 401, 200, 403, 403)),
    ("POST", "/api/payments/{payment}/refund/",       (200, 200, 404, 200, 401, 200, 403, 403)),
    ("GET", "/api/refunds/",                          (200, 200, 200, 200, 401, 401, 401, 401)),
    ("POST", "/api/refunds/{refund}/approve/",        (403, 200, 404, 200, 401, 401, 401, 401)),
    ("POST", "/api/refunds/{refund}/reject/",         (403, 200, 404, 200, 401, 401, 401, 401)),
    ("POST", f"{ALIPAY}/create",                      (200, 404, 404, 404, 401, 401, 401, 401)),
    ("GET", f"{ALIPAY}/query/{{trade}}",              (200, 404, 404, 200, 401, 401, 401, 401)),
    ("GET", f"{ALIPAY}/verify/{{trade}}",             (200, 404, 404, 200, 401, 401, 401, 401)),
    ("POST", f"{ALIPAY}/refund",                      (200, 404, 404, 200, 401, 401, 401, 401)),
    ("POST", f"{ALIPAY}/close/{{pending_trade}}",     (200, 404, 404, 200, 401, 401, 401, 401)),
    # The open door: nobody's token matters, only Alipay's signature.
    ("POST", f"{ALIPAY}/notify",                      (400,) * 8),
    ("POST", "/api/payment/callback/alipay/",         (400,) * 8),
    ("POST", "/api/payment/callback/card/",           (400,) * 8),
    ("POST", "/api/payment/callback/wechat/",         (400,) * 8),
    ("GET", "/api/payment/return/alipay/",            (400,) * 8),
    ("POST", "/event/inbox",                          (401, 401, 401, 401, 401, 403, 200, 403)),
]  # fmt: skip
REFUSED = [(method, path, dict(zip(WHO, row, strict=True))) for method, path, row in TABLE]
ALLOWED = [
    (m, path, who) for m, path, row in TABLE for who, code in zip(WHO, row, strict=True) if code == 200
]
PATHS = sorted({path for _, path, _ in TABLE})


@pytest.fixture
def names(shop: Any) -> dict[str, str]:
    """Things of Alice's and Bob's that the paths name."""
    order = shop.order()
    payment = shop.paid(order)
    pending = shop.pending()
    waiting = shop.paid(late := shop.order())
    shop.change(late, status=1, fulfilment=1)
    refund = shop.refund(waiting, "5.00").json()["data"]["refund_id"]
    unpaid = shop.order()
    return {
        "order": str(order.uuid),
        "payment": str(payment.payment_uuid),
        "trade": payment.out_trade_no,
        "pending": str(pending.payment_uuid),
        "pending_trade": pending.out_trade_no,
        "refund": refund,
        "unpaid": str(unpaid.uuid),
    }


def body_of(shop: Any, path: str, names: dict[str, str]) -> dict[str, Any]:
    """A body that would work for whoever may."""
    if path.endswith(("/create/", "/payments/")):
        snapshot = shop.orders[names["unpaid"]].snapshot()
        return {"order_uuid": names["unpaid"], "payment_method": "alipay", "order": snapshot}
    if path.endswith("/alipay/create"):
        return {"orderId": names["unpaid"]}
    if path.endswith("/alipay/refund"):
        return {"outTradeNo": names["trade"], "refundAmount": "1.00", "refundReason": "x"}
    if path == "/event/inbox":
        return {
            "event_id": str(new_uuid()),
            "type": "risk.decided.v1",
            "aggregate_id": str(new_uuid()),
            "version": 1,
            "occurred_at": "2026-11-21T02:00:00Z",
            "data": {"payment_uuid": names["payment"], "decision": "stop"},
        }
    return {"refund_amount": "1.00"} if path.endswith("/refund/") else {}


def call(shop: Any, who: str, method: str, path: str, names: dict[str, str]) -> Any:
    """`who` calls; people and siblings bring their own tokens."""
    if who == "nobody":
        client = shop.api()
    else:
        client = shop.api(PEOPLE[who]) if who in PEOPLE else shop.service_api(who)
    body = body_of(shop, path, names) if method != "GET" else None
    return client.request(method, path.format(**names), body)


def state() -> list[Any]:
    """All that a refused call may not change."""
    return [
        list(Payment.objects.order_by("id").values_list("id", "status", "version")),
        list(Refund.objects.order_by("id").values_list("id", "status", "version")),
        PaymentEvent.objects.count(),
        PaymentTransition.objects.count(),
    ]


@pytest.mark.parametrize(("method", "path", "row"), REFUSED)
def test_whom_the_table_refuses(
    shop: Any, names: dict[str, str], method: str, path: str, row: dict[str, int]
) -> None:
    before = state()

    for who, status in row.items():
        if status == 200:
            continue
        answer = call(shop, who, method, path, names)
        assert answer.status_code == status, (who, answer.content)
        assert names["trade"] not in answer.content.decode() and b'"amount":' not in answer.content, who
    assert state() == before


@pytest.mark.parametrize(("method", "path", "who"), ALLOWED)
def test_whom_the_table_lets_in(shop: Any, names: dict[str, str], method: str, path: str, who: str) -> None:
    answer = call(shop, who, method, path, names)

    assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("path", PATHS)
def test_every_other_method_is_405_for_everybody(shop: Any, names: dict[str, str], path: str) -> None:
    before = state()
    known = {method for method, known_path, _ in TABLE if known_path == path}

    for method in sorted(set(METHODS) - known):
        for who in ("alice", "nobody", "OrderService"):
            assert call(shop, who, method, path, names).status_code == 405, (method, who)
    assert state() == before


def test_lists_show_each_their_own(shop: Any, names: dict[str, str]) -> None:
    def seen(person: Any, path: str) -> int:
        return shop.api(person).get(path).json()["count"]

    assert [seen(person, "/api/payment/records/") for person in (ALICE, BOB, MALLORY, OLIVE)] == [3, 0, 0, 0]
    assert [seen(person, "/api/payments/") for person in (ALICE, BOB, MALLORY, OLIVE)] == [3, 0, 0, 3]


def test_a_bare_identity_header_means_nothing(shop: Any, names: dict[str, str]) -> None:
    spoofed = {
        "UUID": str(ALICE.uuid),
        "X-User-UUID": str(ALICE.uuid),
        "X-Consumer-Username": "cfmp",
        "X-User-Roles": "ADMIN",
    }

    alone = shop.api(None, **spoofed).get(f"/api/payment/{names['order']}/")
    with_own = shop.api(MALLORY, **spoofed).get(f"/api/payment/{names['order']}/")

    assert (alone.status_code, with_own.status_code) == (401, 404)


def test_a_user_cannot_hand_over_a_snapshot(shop: Any) -> None:
    """The `order` of a create counts only in OrderService's own signed call."""
    order = shop.order()
    cheap = order.snapshot() | {"payable_amount": 0.01, "buyer_uuid": str(MALLORY.uuid)}

    body = {"order_uuid": str(order.uuid), "payment_method": "alipay", "order": cheap}

    stolen = shop.api(MALLORY).post("/api/payment/create/", body | {"user_uuid": str(MALLORY.uuid)})
    own = shop.api(ALICE).post("/api/payment/create/", body)

    assert stolen.status_code == 404
    assert own.status_code == 200 and own.json()["data"]["amount"] == "12.00"


@pytest.mark.parametrize(
    "change",
    [
        {"order": None},
        {"order": {}},
        {"user_uuid": str(MALLORY.uuid)},
        {"order_uuid": str(new_uuid())},
        {"amount": "0.01"},
    ],
)
def test_a_siblings_snapshot_must_agree_with_its_call(shop: Any, change: dict[str, Any]) -> None:
    order = shop.order()
    body = {
        "order_uuid": str(order.uuid),
        "user_uuid": str(order.buyer),
        "payment_method": 0,
        "order": order.snapshot(),
    } | change

    answer = shop.service_api("OrderService").post("/api/payment/create/", body)

    assert answer.status_code in (400, 422) and not Payment.objects.exists()


def test_the_seller_and_an_administrator_do_not_see_the_cashier(shop: Any) -> None:
    payment = shop.pending()

    data = shop.api(OLIVE).get(f"/api/payment/{payment.order_uuid}/").json()["data"]

    assert data["payment_data"] is None and "events" not in data


def test_a_guess_at_ids_finds_nothing(shop: Any, names: dict[str, str]) -> None:
    payment = Payment.objects.get(payment_uuid=names["payment"])
    guesses = [payment.id - 1, payment.id + 1, 1, 2**53 - 1]

    for guess in guesses:
        path = f"/api/payments/{guess}/refund/?{urlencode({'refund_amount': '1.00'})}"
        assert shop.api(MALLORY).post(path, {"refund_amount": "1.00"}).status_code == 404
    assert shop.api(MALLORY).post(f"/api/payments/{payment.id}/refund/", {}).status_code == 404
