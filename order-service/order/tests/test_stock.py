"""Stock: the last units go to as many buyers as there are units, whatever races; the sender sends once."""

import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.models import Q

from common.errors import PeerBroken, PeerTimeout, PeerUnavailable
from common.testing.people import BOB
from common.testing.race import race
from common.transactions import in_transaction
from order.errors import StockShort
from order.models import Order, ProductStock, StockHold, StockPush
from order.services.place import Line, Shipping, order_place
from order.services.stock import StockRead, stock_learn, stock_reserve
from order.tests.world import TEA, World

BUYERS = 200
UNITS = 10


def _row() -> ProductStock:
    return ProductStock.objects.get(pk=TEA)


def _available() -> int:
    row = _row()
    return row.remote_stock + row.in_flight + row.unsent


@pytest.mark.breaks_invariants
@pytest.mark.django_db(transaction=True)
def test_with_the_guard_off_more_is_sold_than_there_is() -> None:
    ProductStock.objects.create(product_uuid=TEA, remote_stock=UNITS)
    looked = threading.Barrier(40)

    def buy() -> str:
        seen = _available()
        looked.wait(timeout=30)  # everybody has looked before anybody takes
        if seen < 1:
            return "sold out"
        in_transaction(lambda: stock_reserve(uuid4(), {TEA: 1}, guard=lambda quantities: Q()))
        return "got it"

    results = race([buy] * 40)

    assert results.count("got it") > UNITS
    assert _available() < 0


@pytest.mark.django_db(transaction=True)
def test_two_hundred_buyers_for_the_last_ten_units() -> None:
    ProductStock.objects.create(product_uuid=TEA, remote_stock=UNITS)

    # Two hundred threads; a server's connections are fewer, so at most a hundred are inside at a time.
    inside = threading.BoundedSemaphore(100)

    def buy() -> str:
        with inside:
            try:
                order_place(
                    buyer_uuid=uuid4(),
                    seller_uuid=BOB.uuid,
                    lines=[Line(TEA, "1", "tea", "", Decimal("299.00"), 1)],
                    reads=[],
                    shipping=Shipping("n", "13800138000", "a"),
                )
                return "got it"
            except StockShort:
                return "sold out"
            finally:
                connections.close_all()

    results = race([buy] * BUYERS)

    assert (results.count("got it"), results.count("sold out")) == (UNITS, BUYERS - UNITS)
    assert (_available(), Order.objects.count(), StockHold.objects.count()) == (0, UNITS, UNITS)


@pytest.mark.django_db(transaction=True)
def test_orders_and_cancellations_at_once_lose_no_unit(
    place: Any, world: World, api: Any, alice: Any, drain: Any
) -> None:
    first = [place() for _ in range(5)]

    def cancel(order: dict[str, Any]) -> int:
        return api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {}).status_code

    def buy() -> int:
        return api(alice).post("/api/orders/", world.order_body()).status_code

    results = race([lambda order=order: cancel(order) for order in first] + [buy] * 8)

    assert results[:5] == [200] * 5
    bought = results[5:].count(200)
    assert set(results[5:]) <= {200, 409}
    assert _available() == UNITS - bought
    drain()
    assert world.goods[TEA].stock == UNITS - bought


@pytest.mark.breaks_invariants
@pytest.mark.django_db
class TestWhatProductServiceSays:
    """`remote_stock` follows the neighbour, but never a reading that a push of ours overtook."""

    def _learn(self, stock: int, version: int | None) -> int:
        in_transaction(lambda: stock_learn([StockRead(TEA, stock, version)]))
        return _row().remote_stock

    def test_the_first_reading_makes_the_row(self) -> None:
        assert self._learn(10, None) == 10

    def test_a_later_reading_is_taken_over(self) -> None:
        self._learn(10, None)
        assert self._learn(7, _row().version) == 7

    def test_two_first_readings_make_one_row(self) -> None:
        self._learn(10, None)
        assert self._learn(99, None) == 10

    def test_a_reading_from_before_a_push_is_worthless(self) -> None:
        self._learn(10, None)
        stale = _row().version
        self._learn(7, stale)
        assert self._learn(10, stale) == 7

    def test_nothing_is_taken_over_while_a_delta_is_on_its_way(self) -> None:
        self._learn(10, None)
        ProductStock.objects.update(in_flight=-2)
        assert self._learn(8, _row().version) == 10


@pytest.mark.django_db
class TestTheSender:
    """One delta, one call.

    A time-out is decided by reading; what reading cannot decide waits for a person.
    """

    def test_deltas_are_summed_and_sent_once(self, place: Any, world: World, drain: Any) -> None:
        for quantity in (1, 2, 3):
            place(quantity=quantity)

        drain()
        drain()

        (call,) = world.transport.calls_to("ProductService", "POST")
        assert (call.path, call.json) == (f"/api/product/{TEA}/update-stock/", {"quantity": -6})
        assert "Idempotency-Key" not in call.headers  # the neighbour knows none: a repeat would count twice
        assert world.goods[TEA].stock == 4

    def test_what_comes_back_before_it_was_sent_is_never_sent(
        self, place: Any, world: World, drain: Any, api: Any, alice: Any
    ) -> None:
        order = place()
        api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})

        drain()

        assert not world.transport.calls_to("ProductService", "POST")
        assert world.goods[TEA].stock == 10

    def test_the_restore_dialect_gives_back_by_its_own_path(
        self, place: Any, world: World, drain: Any, api: Any, alice: Any, settings: Any
    ) -> None:
        settings.CFMP = replace(settings.CFMP, product_stock_api="restore")
        order = place()
        drain()
        api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})
        drain()

        paths = [call.path for call in world.transport.calls_to("ProductService", "POST")]
        assert paths == [f"/api/product/{TEA}/update-stock/", f"/api/products/{TEA}/restore-stock/"]
        assert world.goods[TEA].stock == 10

    @pytest.mark.parametrize("error", [PeerTimeout, PeerBroken])
    @pytest.mark.parametrize("after_effect", [False, True])
    def test_an_unheard_answer_is_decided_by_reading(
        self, place: Any, world: World, drain: Any, frozen_clock: Any, error: Any, after_effect: bool
    ) -> None:
        place(quantity=3)
        world.transport.fail("ProductService", method="POST", error=error, times=1, after_effect=after_effect)
        drain()
        assert _row().in_flight == -3
        assert _available() == 7
        drain()  # within the grace: the call may still be at work over there
        assert len(world.transport.calls_to("ProductService", "POST")) == 1

        frozen_clock.move(seconds=16)
        drain()  # decides
        drain()  # sends again what was not taken

        assert (world.goods[TEA].stock, _row().remote_stock, _row().in_flight) == (7, 7, 0)
        sent = len(world.transport.calls_to("ProductService", "POST"))
        assert sent == (1 if after_effect else 2)

    def test_a_call_that_was_never_sent_is_sent_later(
        self, place: Any, world: World, drain: Any, frozen_clock: Any
    ) -> None:
        place()
        world.transport.fail("ProductService", method="POST", error=PeerUnavailable)
        drain()
        assert (_row().in_flight, _row().unsent) == (0, -1)

        world.transport.heal()
        frozen_clock.move(seconds=6)
        drain()

        assert world.goods[TEA].stock == 9

    def test_an_unreadable_product_is_read_later(
        self, place: Any, world: World, drain: Any, frozen_clock: Any
    ) -> None:
        place()
        world.transport.fail("ProductService", method="GET")
        drain()
        assert not StockPush.objects.exists()

        world.transport.heal()
        frozen_clock.move(seconds=6)
        drain()

        assert world.goods[TEA].stock == 9

    def _park(self, place: Any, world: World, drain: Any, frozen_clock: Any) -> None:
        """A time-out, and somebody else changed the stock meanwhile: nobody can tell."""
        place(quantity=2)
        world.transport.fail("ProductService", method="POST", times=1, after_effect=True)
        drain()
        world.goods[TEA].stock -= 1
        frozen_clock.move(seconds=16)
        drain()

    def test_what_reading_cannot_decide_is_parked_not_guessed(
        self, place: Any, world: World, drain: Any, frozen_clock: Any, api: Any, alice: Any
    ) -> None:
        self._park(place, world, drain, frozen_clock)

        assert (_row().state, _row().in_flight) == (1, -2)
        answer = api(alice).post("/api/orders/", world.order_body())
        assert (answer.status_code, answer.json()["name"]) == (409, "StockUnknown")
        frozen_clock.move(hours=1)
        drain()
        assert len(world.transport.calls_to("ProductService", "POST")) == 1

    @pytest.mark.parametrize(("word", "stock"), [("--applied", 7), ("--not-applied", 5)])
    def test_an_operator_resolves_it(
        self, place: Any, world: World, drain: Any, frozen_clock: Any, capsys: Any, word: str, stock: int
    ) -> None:
        self._park(place, world, drain, frozen_clock)
        call_command("stock_resolve")
        assert "sent -2 at stock 10" in capsys.readouterr().out
        with pytest.raises(CommandError, match="say --applied or --not-applied"):
            call_command("stock_resolve", str(TEA))

        call_command("stock_resolve", str(TEA), word)
        drain()

        assert (_row().state, _row().in_flight, _row().unsent) == (0, 0, 0)
        assert world.goods[TEA].stock == _available() == stock
        with pytest.raises(CommandError, match="not parked"):
            call_command("stock_resolve", str(TEA), word)

    def test_a_delta_the_neighbour_refuses_is_parked(
        self, place: Any, world: World, drain: Any, frozen_clock: Any
    ) -> None:
        place(quantity=8)
        world.goods[TEA].stock = 5  # somebody else sold five

        drain()
        assert (_row().state, _row().unsent, _row().in_flight) == (1, -8, 0)

        world.goods[TEA].stock = 9
        with pytest.raises(CommandError, match="no push is open"):
            call_command("stock_resolve", str(TEA), "--applied")
        call_command("stock_resolve", str(TEA))
        drain()
        assert (world.goods[TEA].stock, _row().state) == (1, 0)

    def test_an_unknown_product_cannot_be_resolved(self, place: Any, world: World) -> None:
        place()
        with pytest.raises(CommandError):
            call_command("stock_resolve", str(UUID(int=9)))
        with pytest.raises(CommandError):
            call_command("stock_resolve", str(TEA))
        assert _row().state == 0

    def test_a_sender_that_died_after_the_call_is_taken_over(
        self, place: Any, world: World, drain: Any, frozen_clock: Any
    ) -> None:
        place(quantity=3)
        update = world._update_stock

        class Crash(BaseException):
            pass

        def dies(call: Any) -> Any:
            update(call)
            world.transport.on("POST", "ProductService", "/api/product/{uuid}/update-stock/", update)
            raise Crash

        world.transport.on("POST", "ProductService", "/api/product/{uuid}/update-stock/", dies)
        with pytest.raises(Crash):
            drain()

        frozen_clock.move(seconds=61)
        drain()

        assert (world.goods[TEA].stock, _available()) == (7, 7)
        assert len(world.transport.calls_to("ProductService", "POST")) == 1
