"""Placing an order: server prices, snapshot, stock held, addresses encrypted, a key that makes it once."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from common.errors import PeerBroken, PeerTimeout, PeerUnavailable
from common.testing.people import BOB, CAROL
from order.models import Order, OrderIdempotencyKey, OrderItem, OrderOutbox, ProductStock, StockHold
from order.services import place as placing
from order.tests.world import CUP, TEA, Goods, World

pytestmark = pytest.mark.django_db

# Every field that the published client reads of an order, and of a product in it (reference 6).
CLIENT_FIELDS = {
    "order_id", "order_uuid", "status", "created_at", "payment_method", "buyer_id", "seller_id", "buyer_uuid",
    "seller_uuid", "cancel_reason", "payment_time", "remark", "shipping_name", "shipping_phone",
    "shipping_address", "shipping_postal_code", "total_amount", "updated_at", "products",
}  # fmt: skip
PRODUCT_FIELDS = {"product_id", "product_uuid", "product_name", "price", "quantity", "product_image"}


def _nothing_kept() -> bool:
    kinds = (Order, OrderItem, OrderOutbox, StockHold)
    return not any(kind.objects.exists() for kind in kinds) and not ProductStock.objects.exclude(unsent=0)


def test_the_order_has_every_field_the_client_reads(place: Any, alice: Any) -> None:
    order = place(
        products=[{"product_uuid": str(TEA), "quantity": 2}, {"product_uuid": str(CUP), "quantity": 3}]
    )

    assert order.keys() >= CLIENT_FIELDS
    assert all(product.keys() >= PRODUCT_FIELDS for product in order["products"])
    assert order["order_id"].startswith("CFMP20261121")
    assert len(order["order_id"]) == 20
    assert (order["status"], order["payment_method"], order["payment_time"]) == (0, 0, None)
    assert order["total_amount"] == order["payable_amount"] == "627.70"
    assert order["buyer_uuid"] == order["buyer_id"] == str(alice.uuid)
    assert order["shipping_phone"] == "13800138000"
    assert order["created_at"] == "2026-11-21T02:00:00Z"
    assert order["expires_at"] == "2026-11-21T02:30:00Z"
    assert order["products"][0] == {
        "product_id": 1,
        "product_uuid": str(TEA),
        "product_name": "龙井茶 Longjing tea",
        "price": "299.00",
        "quantity": 2,
        "product_image": "/media/1.svg",
    }


def test_the_date_in_the_number_is_shanghais(place: Any, world: World, frozen_clock: Any) -> None:
    frozen_clock.move(hours=15)  # 17:00 UTC is past midnight in Shanghai

    assert place()["order_id"].startswith("CFMP20261122")


def test_the_envelope_is_what_the_client_looks_for(api: Any, world: World, alice: Any) -> None:
    answer = api(alice).post("/api/orders/", world.order_body()).json()

    assert (answer["code"], answer["message"]) == ("200", "订单创建成功")


def test_units_are_held_here_and_sent_once(place: Any, world: World, drain: Any) -> None:
    place(quantity=3)
    assert world.goods[TEA].stock == 10
    assert list(ProductStock.objects.values_list("remote_stock", "in_flight", "unsent")) == [(10, 0, -3)]

    drain()

    assert world.goods[TEA].stock == 7
    assert list(ProductStock.objects.values_list("remote_stock", "in_flight", "unsent")) == [(7, 0, 0)]


def test_the_snapshot_outlives_the_product(place: Any, api: Any, world: World, alice: Any) -> None:
    order = place()
    world.goods[TEA].title, world.goods[TEA].price = "other", "1.00"

    seen = api(alice).get(f"/api/orders/{order['order_uuid']}/").json()["data"]

    assert (seen["total_amount"], seen["products"][0]["product_name"]) == ("299.00", "龙井茶 Longjing tea")


@pytest.mark.parametrize("price", ["299.00", 299, 299.0, "299"])
def test_the_price_the_buyer_saw_is_accepted_when_it_is_right(place: Any, price: Any) -> None:
    order = place(products=[{"product_uuid": str(TEA), "quantity": 1, "price": price}])

    assert order["total_amount"] == "299.00"


def test_a_stale_price_is_a_typed_problem(api: Any, world: World, alice: Any) -> None:
    body = world.order_body(products=[{"product_uuid": str(TEA), "quantity": 1, "price": "298.99"}])

    answer = api(alice).post("/api/orders/", body)

    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["code"], problem["name"]) == ("5005", "PriceChanged")
    changed = {"product_uuid": str(TEA), "price": "299.00", "shown": "298.99"}
    assert problem["data"] == {"products": [changed]}
    assert _nothing_kept()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"products": [{"product_uuid": str(UUID(int=5)), "quantity": 1}]}, 400, "5006"),
        ({"products": [{"product_uuid": str(TEA), "quantity": 11}]}, 409, "5004"),
        ({"seller_uuid": str(CAROL.uuid)}, 400, "5017"),
    ],
)
def test_what_cannot_be_sold_is_refused(
    api: Any, world: World, alice: Any, change: dict[str, Any], status: int, code: str
) -> None:
    answer = api(alice).post("/api/orders/", world.order_body(**change))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert _nothing_kept()


def test_short_stock_says_what_is_left(api: Any, world: World, alice: Any, place: Any) -> None:
    place(quantity=4)

    answer = api(alice).post("/api/orders/", world.order_body(quantity=7)).json()

    assert answer["data"] == {"products": [{"product_uuid": str(TEA), "wanted": 7, "available": 6}]}
    assert Order.objects.count() == 1


def test_one_short_product_keeps_the_others_too(api: Any, world: World, alice: Any) -> None:
    wanted = [{"product_uuid": str(CUP), "quantity": 1}, {"product_uuid": str(TEA), "quantity": 11}]

    assert api(alice).post("/api/orders/", world.order_body(products=wanted)).status_code == 409
    assert _nothing_kept()


@pytest.mark.parametrize("status", [1, 2, 3])
def test_only_what_is_on_sale_is_sold(api: Any, world: World, alice: Any, status: int) -> None:
    world.goods[TEA].status = status

    assert api(alice).post("/api/orders/", world.order_body()).json()["code"] == "5003"
    assert _nothing_kept()


def test_a_seller_does_not_buy_from_himself(api: Any, world: World) -> None:
    assert api(BOB).post("/api/orders/", world.order_body()).json()["code"] == "5007"
    assert _nothing_kept()


def test_goods_of_two_sellers_are_two_orders(api: Any, world: World, alice: Any) -> None:
    other = UUID(int=77)
    world.goods[other] = Goods(other, 77, "Carol's", "1.00", 5, seller=CAROL.uuid)
    wanted = [{"product_uuid": str(TEA), "quantity": 1}, {"product_uuid": str(other), "quantity": 1}]

    answer = api(alice).post("/api/orders/", world.order_body(products=wanted, seller_uuid=None))

    assert answer.json()["code"] == "5017"
    assert _nothing_kept()


def test_a_sum_beyond_the_column_is_refused(api: Any, world: World, alice: Any) -> None:
    world.goods[TEA].price, world.goods[TEA].stock = "99999999.99", 10

    answer = api(alice).post("/api/orders/", world.order_body(quantity=2))

    assert (answer.status_code, answer.json()["code"]) == (400, "1014")
    assert _nothing_kept()


@pytest.mark.parametrize(("error", "status"), [(PeerTimeout, 504), (PeerUnavailable, 503), (PeerBroken, 502)])
def test_without_the_product_service_nothing_is_sold(
    api: Any, world: World, alice: Any, error: Any, status: int
) -> None:
    world.transport.fail("ProductService", error=error)

    assert api(alice).post("/api/orders/", world.order_body()).status_code == status
    assert _nothing_kept()


@pytest.mark.parametrize("field", ["price", "stock", "user_info", "title"])
def test_a_product_that_makes_no_sense_is_not_sold(api: Any, world: World, alice: Any, field: str) -> None:
    good = {
        "product_id": 1, "title": "t", "price": "1.00", "stock": 5, "status": 0,
        "user_info": {"user_id": str(BOB.uuid)},
    }  # fmt: skip
    world.transport.on("GET", "ProductService", "/api/product/{uuid}/", {**good, field: None})

    assert api(alice).post("/api/orders/", world.order_body()).status_code == 502
    assert _nothing_kept()


def test_an_address_is_ciphertext_at_rest_and_found_by_index(place: Any, world: World) -> None:
    place()

    with connection.cursor() as cursor:
        cursor.execute("SELECT shipping_name, shipping_phone, shipping_address FROM `order`")
        stored = cursor.fetchone()
    assert not any(text in str(stored) for text in ("王小明", "13800138000", "上海"))
    row = Order.objects.get()
    assert row.shipping_phone_last4 == "8000"
    assert placing.blind_index("138 0013 8000") == row.shipping_phone_index
    everything = [str(list(model.objects.values())) for model in (OrderOutbox, OrderIdempotencyKey)]
    assert not any("13800138000" in text or "王小明" in text for text in everything)


def test_a_number_that_is_taken_is_drawn_again(place: Any, alice: Any) -> None:
    taken = place()["order_id"]
    draws = iter([taken, taken, "CFMP2026112100000007"])

    order = placing.order_place(
        buyer_uuid=alice.uuid,
        seller_uuid=BOB.uuid,
        lines=[placing.Line(TEA, "1", "tea", "", Decimal("299.00"), 1)],
        reads=[],
        shipping=placing.Shipping("n", "13800138000", "a"),
        number=lambda: next(draws),
    )

    assert order.order_id == "CFMP2026112100000007"
    assert (Order.objects.count(), StockHold.objects.count()) == (2, 2)


def test_the_same_key_gives_the_same_order(api: Any, world: World, alice: Any) -> None:
    first = api(alice).post("/api/orders/", world.order_body(), key="k-1")
    again = api(alice).post("/api/orders/", world.order_body(), key="k-1")

    assert first.json() == again.json()
    assert ("Idempotent-Replay" in first, again["Idempotent-Replay"]) == (False, "true")
    assert Order.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(api: Any, world: World, alice: Any, carol: Any) -> None:
    api(alice).post("/api/orders/", world.order_body(), key="k-1")

    other = api(alice).post("/api/orders/", world.order_body(quantity=2), key="k-1")
    theirs = api(carol).post("/api/orders/", world.order_body(quantity=2), key="k-1")

    assert (other.status_code, other.json()["code"]) == (422, "1010")
    assert theirs.status_code == 200  # a key is private to its caller
    assert Order.objects.count() == 2


def test_a_refusal_is_replayed_but_an_outage_is_not(api: Any, world: World, alice: Any) -> None:
    world.transport.fail("ProductService", error=PeerUnavailable)
    assert api(alice).post("/api/orders/", world.order_body(), key="k-1").status_code == 503
    world.transport.heal()

    assert api(alice).post("/api/orders/", world.order_body(), key="k-1").status_code == 200
    assert Order.objects.count() == 1


def test_an_answer_that_was_lost_is_rebuilt(api: Any, world: World, alice: Any) -> None:
    first = api(alice).post("/api/orders/", world.order_body(), key="k-1").json()
    # A crash between the commit and the answer leaves the key bound and unanswered.
    OrderIdempotencyKey.objects.update(answer_status=None, answer=None, lease_until="2026-11-21T01:00:00Z")

    again = api(alice).post("/api/orders/", world.order_body(), key="k-1")

    assert again.json()["data"]["order_uuid"] == first["data"]["order_uuid"]
    assert again["Idempotent-Replay"] == "true"
    assert Order.objects.count() == 1
