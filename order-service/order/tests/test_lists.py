"""Lists, filters, sorts, pages, statistics, and how many statements they may cost."""

from decimal import Decimal
from typing import Any

import pytest

from order import selectors
from order.listing import ROW_FIELDS
from order.models import Order
from order.tests.test_place import CLIENT_FIELDS, PRODUCT_FIELDS
from order.tests.world import CUP, TEA, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def five(world: World, place: Any, api: Any, alice: Any, bob: Any, frozen_clock: Any) -> dict[str, str]:
    """One order in each state the client can filter by, and one that is being cancelled."""
    made: dict[str, str] = {}
    for index, name in enumerate(("pending", "paid", "completed", "cancelled", "cancelling")):
        frozen_clock.move(minutes=1)
        order = place(product=CUP, quantity=index + 1)
        path = f"/api/orders/{order['order_uuid']}/"
        if name not in ("pending", "cancelled"):
            world.pay(order)
        if name == "completed":
            api(bob).post(f"{path}ship/", {})
            api(alice).post(f"{path}complete/", {})
        if name == "cancelling":
            world.refund_outcome = "processing"
        if name in ("cancelled", "cancelling"):
            api(alice).post(f"{path}cancel/", {"reason": "不想要了"})
        made[name] = order["order_uuid"]
    return made


def _names(
    api: Any, person: Any, five: dict[str, str], path: str = "/api/orders/", **query: str
) -> list[str]:
    by_uuid = {uuid: name for name, uuid in five.items()}
    rows = api(person).get(path, query).json()["results"]["data"]
    return [by_uuid[row["order_uuid"]] for row in rows]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("all", ["cancelling", "cancelled", "completed", "paid", "pending"]),
        ("pending_payment", ["pending"]),
        ("paid", ["cancelling", "paid"]),
        ("completed", ["completed"]),
        ("cancelled", ["cancelled"]),
        ("0", ["pending"]),
        ("1", ["cancelling", "paid"]),
    ],
)
def test_a_filter_shows_its_orders(
    api: Any, five: Any, alice: Any, bob: Any, status: str, expected: Any
) -> None:
    assert _names(api, alice, five, status=status) == expected
    assert _names(api, bob, five, "/api/orders/sold/", status=status) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("created_desc", ["cancelling", "cancelled", "completed", "paid", "pending"]),
        ("created_asc", ["pending", "paid", "completed", "cancelled", "cancelling"]),
        ("amount_desc", ["cancelling", "cancelled", "completed", "paid", "pending"]),
        ("amount_asc", ["pending", "paid", "completed", "cancelled", "cancelling"]),
    ],
)
def test_a_sort_orders_them(api: Any, five: Any, alice: Any, sort: str, expected: list[str]) -> None:
    assert _names(api, alice, five, sort=sort) == expected


def test_a_page_has_the_clients_shape(api: Any, five: Any, alice: Any) -> None:
    first = api(alice).get("/api/orders/", {"page_size": "2"}).json()
    last = api(alice).get("/api/orders/", {"page_size": "2", "page": "3"}).json()
    beyond = api(alice).get("/api/orders/", {"page_size": "2", "page": "9"}).json()

    assert set(first) == {"count", "next", "previous", "results"}
    assert (first["count"], first["previous"]) == (5, None)
    assert first["next"].endswith("/api/orders/?page_size=2&page=2")
    assert (first["results"]["code"], len(first["results"]["data"])) == ("200", 2)
    assert (last["next"], len(last["results"]["data"])) == (None, 1)
    assert beyond["results"]["data"] == []
    row = first["results"]["data"][0]
    assert row.keys() >= CLIENT_FIELDS
    assert row["products"][0].keys() >= PRODUCT_FIELDS


def test_cancelling_is_shown_as_paid(api: Any, five: Any, alice: Any) -> None:
    row = api(alice).get(f"/api/orders/{five['cancelling']}/").json()["data"]

    assert (row["status"], row["cancelling"], row["payment_status"]) == (1, True, "paid")
    assert row["cancel_reason"] == "不想要了"


def test_one_order_by_uuid_number_and_id(api: Any, five: Any, alice: Any) -> None:
    order = Order.objects.get(order_uuid=five["paid"])

    answers = [
        api(alice).get(f"/api/orders/{ref}/").json() for ref in (order.order_uuid, order.order_id, order.id)
    ]

    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["data"]["order_id"] == order.order_id


def test_statistics_are_flat_and_count_what_was_paid(
    api: Any, five: Any, alice: Any, frozen_clock: Any
) -> None:
    stats = api(alice).get("/api/orders/stats/").json()
    frozen_clock.move(days=31)
    later = api(alice).get("/api/orders/stats/").json()

    spent = sum(Decimal("9.90") * units for units in (2, 3, 5))
    assert stats == {
        "code": "200",
        "total_orders": 5,
        "pending_payment": 1,
        "paid_orders": 2,
        "completed_orders": 1,
        "cancelled_orders": 1,
        "total_amount": f"{spent:.2f}",
        "recent_orders": 5,
        "recent_amount": f"{spent:.2f}",
    }
    assert (later["recent_orders"], later["recent_amount"]) == (0, "0.00")


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_list_costs_three_statements_whatever_its_size(
    api: Any, place: Any, alice: Any, count_sql: Any, size: int
) -> None:
    for _ in range(size):
        place(product=CUP)

    with count_sql() as log:
        rows = api(alice).get("/api/orders/", {"page_size": "100"}).json()["results"]["data"]

    assert len(rows) == size
    assert log.count == 3, log


@pytest.mark.parametrize("lines", [1, 2])
def test_a_detail_costs_two_statements(api: Any, place: Any, alice: Any, count_sql: Any, lines: int) -> None:
    wanted = [{"product_uuid": str(product), "quantity": 1} for product in (TEA, CUP)][:lines]
    path = f"/api/orders/{place(products=wanted)['order_uuid']}/"

    with count_sql() as log:
        api(alice).get(path)

    assert log.count == 2, log


@pytest.mark.parametrize("path", ["/api/orders/stats/", "/api/orders/?status=paid"])
def test_an_empty_answer_costs_one_statement(api: Any, alice: Any, count_sql: Any, path: str) -> None:
    with count_sql() as log:
        api(alice).get(path)

    assert log.count == 1, log


@pytest.mark.parametrize("key", [None, "k-1"])
@pytest.mark.parametrize("lines", [1, 2])
def test_placing_stays_within_its_budget(
    api: Any, world: World, alice: Any, count_sql: Any, key: str | None, lines: int
) -> None:
    wanted = [{"product_uuid": str(product), "quantity": 1} for product in (TEA, CUP)][:lines]

    with count_sql() as log:
        answer = api(alice).post("/api/orders/", world.order_body(products=wanted), key=key)

    assert answer.status_code == 200
    # The first order of a product also makes its stock row.
    assert log.count == (10 if key is None else 13), log


def test_an_internal_read_costs_two_statements(service_api: Any, place: Any, count_sql: Any) -> None:
    path = f"/api/orders/internal/orders/{place()['order_uuid']}/"

    with count_sql() as log:
        service_api("PaymentService").get(path)

    assert log.count == 2, log


@pytest.mark.parametrize("sort", selectors.SORTS)
@pytest.mark.parametrize("status", selectors.STATUS_FILTERS)
def test_a_list_written_once_is_the_list_of_whoever_asks(
    world: World, place: Any, alice: Any, bob: Any, status: str, sort: str
) -> None:
    """The same statement answers for both people, and as an ordinary queryset would."""
    world.pay(place(quantity=2))
    place(), place(product=CUP, quantity=3)
    statuses, by = selectors.STATUS_FILTERS[status], selectors.SORTS[sort]

    for list_of, person, mine in (
        (selectors.orders_bought_by, alice, {"buyer_uuid": alice.uuid, "hidden_by_buyer": False}),
        (selectors.orders_sold_by, bob, {"seller_uuid": bob.uuid, "hidden_by_seller": False}),
        (selectors.orders_bought_by, bob, {"buyer_uuid": bob.uuid, "hidden_by_buyer": False}),
    ):
        plain = Order.objects.filter(**mine).order_by(*by).values(*ROW_FIELDS)
        plain = plain if statuses is None else plain.filter(status__in=statuses)
        listing = list_of(person.uuid, statuses=statuses, sort=by)
        assert listing.count() == plain.count()
        assert [listing[0:2], listing[2:4]] == [list(plain[0:2]), list(plain[2:4])]
