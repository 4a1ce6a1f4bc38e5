"""Rolling upgrade, tried: every request is answered, every order ends once, and there is a way back."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from scripts.storyteller import eventually
from tests.conftest import Stack
from tests.rolling.customers import Books, Customers
from tests.shop import Order, at_once, trade
from tests.upgrades import story
from tests.upgrades.next_release import BEFORE, MIGRATION, PRIORITY
from tests.upgrades.story import CANCELLED, World

# Steps of the next release's cancellation.
REFUND, FINISH = 4, 5
Entry = dict[str, Any]
SERVICES = ("order", "payment", "notification")


@dataclass(frozen=True)
class Upgrade:
    """The way up and the way back, while people buy."""

    migrated: str
    books: Books
    left: Order  # its saga is of the version that only the next release knows
    waiting: str  # what the old release says of that saga, when it has long worked off its own


@pytest.fixture(scope="module")
def upgrade(world: World) -> Upgrade:
    old, new = world.old, world.new
    with Customers(world.shop).busy() as books:
        old_row = world.paid(old, old)
        migrated = new.manage("migrate")
        world.cancel(old, old_row)
        new.start()
        at_once(lambda sides: story.everything_crossed(world, *sides), [(old, new), (new, old)])
        left = story.waits_for_its_money(world, new)
        story.comes_to(new, left, FINISH)
        new.stop()
        story.gets_its_money(world, left, old)
        story.works_off_its_own(world, old)
        waiting = old.runs()[left["order_uuid"]]
    return Upgrade(migrated, books, left, waiting)


@pytest.fixture(scope="module")
def again(world: World, upgrade: Upgrade) -> World:
    """The next release comes back."""
    world.new.start()
    story.ends(world.new, upgrade.left)
    return world


@pytest.fixture
def both(again: World) -> World:
    """Whoever was killed runs again."""
    for side in (again.old, again.new):
        if not side.runs_now:
            side.start()
    return again


def test_every_request_gets_a_good_answer(upgrade: Upgrade) -> None:
    assert f"{MIGRATION}... OK" in upgrade.migrated
    assert upgrade.books.broken == []
    assert len(upgrade.books.paid) > 10


def test_on_the_way_back_a_newer_saga_waits_and_is_seen(upgrade: Upgrade) -> None:
    assert upgrade.waiting.startswith("order_cancel v2 ")
    assert f"(running at {FINISH})" in upgrade.waiting  # its money has come; nobody here may finish it
    assert upgrade.waiting.endswith("tries 0  waits for a release that knows this version")


def test_it_goes_on_when_its_release_comes_back(again: World, upgrade: Upgrade) -> None:
    assert again.new.order(upgrade.left)["status"] == CANCELLED


def test_each_release_reads_what_the_other_wrote(again: World) -> None:
    for writer, order in again.placed:
        plain, rich = again.old.order(order), again.new.order(order)
        fresh = {name: rich.pop(name) for name in rich.keys() - plain.keys()}
        assert plain == rich
        assert fresh["priority"] == (PRIORITY if writer == "new" else BEFORE)
        assert (fresh["promised_at"] is not None) == (writer == "new")


def test_a_newer_saga_whose_release_was_killed_is_left_alone_by_the_older(both: World) -> None:
    old, new = both.old, both.new
    order = both.paid(old, new)
    story.killed_in_the_middle(both, new, order)
    left = old.runs()[order["order_uuid"]]
    assert left.startswith("order_cancel v2 ") and f"(running at {REFUND})" in left

    story.works_off_its_own(both, old)
    assert old.runs()[order["order_uuid"]] == left

    new.start()
    story.ends(new, order)
    _refunded_once(new.until(order, status=CANCELLED, payment_status="refunded"), order)


def test_an_older_saga_whose_release_was_killed_is_taken_up_by_the_newer(both: World) -> None:
    old, new = both.old, both.new
    order = both.paid(new, old)
    story.killed_in_the_middle(both, old, order)
    assert new.runs()[order["order_uuid"]].startswith("order_cancel v1 ")

    story.ends(new, order)
    _refunded_once(new.until(order, status=CANCELLED, payment_status="refunded"), order)


def _refunded_once(seen: Order, order: Order) -> None:
    assert seen["refunded_amount"] == seen["total_amount"]
    assert [refund["state"] for refund in trade(order)["refunds"]] == ["REFUND_SUCCESS"]


def test_an_event_in_two_versions_is_told_in_both_and_heard_once(both: World) -> None:
    told = [_told(both, order) for order in both.cancelled]
    assert {events["order.cancelled.v1"] for events in told} == {1}
    assert {events["order.cancelled.v2"] for events in told} == {0, 1}  # only the newer release tells it

    messages = both.shop.carol.get("/api/notifications/?page_size=100")["results"]["data"]
    cancelled = [row["content"] for row in messages if row["title"] == "订单已取消"]
    assert len(cancelled) == len(both.cancelled)
    for order in both.cancelled:
        assert sum(order["order_id"] in content for content in cancelled) == 1


def _told(world: World, order: Order) -> Counter[str]:
    """The order's events by type, when each of them has been delivered."""
    path = f"/api/orders/{order['order_id']}/timeline/"

    def events() -> list[Entry]:
        entries = world.old.buyer.get(path)["data"]["entries"]
        return [entry for entry in entries if entry["kind"] == "event"]

    def delivered(found: list[Entry]) -> bool:
        return {entry["state"] for entry in found} == {"delivered"}

    told = eventually(events, delivered, f"each event of {order['order_id']} is delivered")
    return Counter(entry["what"] for entry in told)


def test_in_the_end_nothing_is_parked_dead_or_missing(both: World) -> None:
    both.shop.audit()
    both.new.manage("audit_orders")
    at_once(lambda service: _is_at_rest(both.shop.stack, f"{service}-service"), SERVICES)


def _is_at_rest(stack: Stack, folder: str) -> None:
    """`outbox_status` exits 1 while there are dead letters."""
    stack.manage(folder, "outbox_status")
    assert stack.manage(folder, "saga", "list", "--state", "parked").stdout == ""
