"""Bodies and queries that are wrong: 4xx with a stable code, named fields, a request id; nothing is kept."""

from typing import Any

import pytest

from order.models import Order
from order.tests.world import TEA, World

pytestmark = pytest.mark.django_db

LINE = {"product_uuid": str(TEA), "quantity": 1}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"products": []}, "products"),
    ({"products": None}, "products"),
    ({"products": "x"}, "products"),
    ({"products": [LINE] * 51}, "products"),
    ({"products": [LINE, LINE]}, "products"),
    ({"products": [{"quantity": 1}]}, "products.0.product_uuid"),
    ({"products": [{**LINE, "product_uuid": "x"}]}, "products.0.product_uuid"),
    ({"products": [{**LINE, "quantity": 0}]}, "products.0.quantity"),
    ({"products": [{**LINE, "quantity": -1}]}, "products.0.quantity"),
    ({"products": [{**LINE, "quantity": 10000}]}, "products.0.quantity"),
    ({"products": [{**LINE, "quantity": 1.5}]}, "products.0.quantity"),
    ({"products": [{**LINE, "quantity": True}]}, "products.0.quantity"),
    ({"products": [{**LINE, "quantity": [1]}]}, "products.0.quantity"),
    ({"products": [{**LINE, "price": "-1"}]}, "products.0.price"),
    ({"products": [{**LINE, "price": "0.001"}]}, "products.0.price"),
    ({"products": [{**LINE, "price": "1e2"}]}, "products.0.price"),
    ({"products": [{**LINE, "price": "NaN"}]}, "products.0.price"),
    ({"products": [{**LINE, "price": {}}]}, "products.0.price"),
    ({"products": [{**LINE, "price": True}]}, "products.0.price"),
    ({"seller_uuid": "bob"}, "seller_uuid"),
    ({"payment_method": 2}, "payment_method"),
    ({"payment_method": "cash"}, "payment_method"),
    ({"payment_method": True}, "payment_method"),
    ({"payment_method": []}, "payment_method"),
    ({"remark": "x" * 501}, "remark"),
    ({"remark": {}}, "remark"),
    ({"shipping_name": ""}, "shipping_name"),
    ({"shipping_name": "x" * 65}, "shipping_name"),
    ({"shipping_name": None}, "shipping_name"),
    ({"shipping_phone": "call me"}, "shipping_phone"),
    ({"shipping_phone": "1" * 25}, "shipping_phone"),
    ({"shipping_address": ""}, "shipping_address"),
    ({"shipping_address": "x" * 501}, "shipping_address"),
    ({"shipping_postal_code": "<script>"}, "shipping_postal_code"),
]


@pytest.mark.parametrize(("change", "field"), WRONG)
def test_a_wrong_field_is_named(
    api: Any, world: World, alice: Any, change: dict[str, Any], field: str
) -> None:
    answer = api(alice).post("/api/orders/", world.order_body(**change))

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "1001")
    assert list(problem["errors"]) == [field]
    assert problem["request_id"] == answer["X-Request-ID"]
    assert not Order.objects.exists()
    assert not world.transport.calls


@pytest.mark.parametrize("missing", ["products", "shipping_name", "shipping_phone", "shipping_address"])
def test_a_missing_field_is_named(api: Any, world: World, alice: Any, missing: str) -> None:
    body = world.order_body()
    del body[missing]

    assert list(api(alice).post("/api/orders/", body).json()["errors"]) == [missing]
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'"x"', 400),
        (b"\xff\xfe", 400),
        (b'{"remark": "\xff"}', 400),
        (b'{"price": NaN}', 400),
        (b'{"products": [{"quantity": 1, "price": 1e400}]}', 400),
        (b'{"a":' * 30 + b"1" + b"}" * 30, 400),
        (b'{"remark": "\\u0000"}', 400),
        (b'{"remark": "\\ud800"}', 400),
        (b'{"remark": "' + b"x" * (1024 * 1024) + b'"}', 413),
    ],
)
def test_a_body_that_is_no_order_is_refused(
    api: Any, world: World, alice: Any, body: bytes, status: int
) -> None:
    answer = api(alice).request("POST", "/api/orders/", body=body)

    assert answer.status_code == status
    assert answer.json()["request_id"]
    assert not Order.objects.exists()


def test_a_form_is_not_json(api: Any, world: World, alice: Any) -> None:
    answer = api(alice).request("POST", "/api/orders/", body=b"a=1", content_type="text/plain")

    assert (answer.status_code, answer.json()["code"]) == (415, "1007")


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"}, {"page": "-1"}, {"page": "x"}, {"page": "1e3"}, {"page_size": "0"},
        {"page_size": "101"}, {"status": "4"}, {"status": "5"}, {"status": "unknown"},
        {"sort": "name"}, {"sort": "-created_at"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/orders/", "/api/orders/sold/"])
def test_a_wrong_query_is_named(api: Any, alice: Any, path: str, query: dict[str, str]) -> None:
    answer = api(alice).get(path, query)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(query))


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    "body",
    [
        {"status": 1}, {"total_amount": "0.01"}, {"payable_amount": 1}, {"buyer_uuid": "x"},
        {"paid_amount": 9}, {"order_id": "CFMP2026112100000000"}, {"products": []},
        {"payment_status": "paid"}, {"version": 9}, {},
    ],
)  # fmt: skip
def test_nothing_but_address_and_remark_can_be_written(
    api: Any, place: Any, alice: Any, method: str, body: dict[str, Any]
) -> None:
    path = f"/api/orders/{place()['order_uuid']}/"
    before = api(alice).get(path).json()["data"]

    alone = api(alice).request(method, path, body)
    beside = api(alice).request(method, path, {**body, "remark": "新"})

    assert alone.status_code == 400
    assert beside.status_code == 200
    changed = {"remark": "新", "updated_at": before["updated_at"]}
    assert {**beside.json()["data"], "updated_at": before["updated_at"]} == {**before, **changed}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tracking_no": "x"}, "tracking_no"),
        ({"tracking_no": "a b c d"}, "tracking_no"),
        ({"tracking_no": "SF1;DROP"}, "tracking_no"),
        ({"carrier": "x" * 41}, "carrier"),
        ({"carrier": []}, "carrier"),
    ],
)
def test_a_wrong_parcel_is_named(
    api: Any, world: World, place: Any, bob: Any, body: dict[str, Any], field: str
) -> None:
    order = place()
    world.pay(order)

    answer = api(bob).post(f"/api/orders/{order['order_uuid']}/ship/", body)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert Order.objects.get().fulfilment_status == 0


def test_an_event_that_is_none_is_refused(service_api: Any, world: World, place: Any) -> None:
    good = world.event("payment.succeeded.v1", world.payment_for(place(), status="success"))
    door = "/event/payment_notified_cm"
    wrong: list[dict[str, Any]] = [
        {**good, "event_id": "x"},
        {**good, "version": -1},
        {**good, "data": []},
        {**good, "data": {}},
        {**good, "data": {**good["data"], "amount": "12.001"}},
        {**good, "data": {**good["data"], "amount": -1}},
        {**good, "data": {**good["data"], "order_uuid": "x"}},
        {**good, "data": {**good["data"], "paid_at": "yesterday"}},
    ]

    for event in wrong:
        answer = service_api("PaymentService").post(door, event)
        assert (answer.status_code, answer.json()["code"]) in [(400, 1001), (400, 1014)], event
    assert Order.objects.get().status == 0
