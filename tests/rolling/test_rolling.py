"""A rolling restart under load: every request gets its answer, and nothing happens twice."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import Stack, running_stack
from tests.nacos.conftest import demand
from tests.rolling.customers import Books, Customers
from tests.rolling.fleet import DRAIN_SECONDS, FOUND_BY, SERVICES, Fleet, two_of_each
from tests.shop import Shop, at_once


@dataclass(frozen=True)
class Day:
    """A day on which everything was restarted."""

    shop: Shop
    books: Books


@pytest.fixture(scope="module", params=list(FOUND_BY))
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    if request.param == "nacos":
        demand()
    with running_stack(DRAIN_SECONDS=DRAIN_SECONDS, **FOUND_BY[request.param]) as stack:
        yield stack


@pytest.fixture(scope="module")
def day(stack: Stack) -> Iterator[Day]:
    with two_of_each(stack) as fleet:
        shop = Shop(stack)
        with Customers(shop).busy() as books:
            restart_everything(fleet)
        yield Day(shop, books)


def restart_everything(fleet: Fleet) -> None:
    """Each service's instances one by one, the services side by side."""

    def restart(name: str) -> None:
        fleet.restart_first(name)
        fleet.restart_worker(name)
        fleet.restart_second(name)

    at_once(restart, SERVICES)


def test_every_request_gets_a_good_answer(day: Day) -> None:
    assert day.books.broken == []
    assert day.books.answers > 100


def test_every_order_was_placed_once(day: Day) -> None:
    alice = day.shop.alice
    for key, order in day.books.placed.items():
        alice.session.headers["Idempotency-Key"] = key
        assert order["order_id"] == day.shop.place()["order_id"]
    del alice.session.headers["Idempotency-Key"]

    assert alice.get("/api/orders/")["count"] == len(day.books.placed)


def test_every_payment_arrives_and_the_books_agree(day: Day) -> None:
    for order in day.books.paid:
        day.shop.until(order, "is paid", lambda seen: seen["payment_status"] == "paid")
    day.shop.audit()
