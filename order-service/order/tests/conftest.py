"""The world around the order service in a test: its neighbours behind the fake transport."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from order.tests.world import World


@pytest.fixture
def world(fake_transport: Any, frozen_clock: Any, service_api: Any) -> Iterator[World]:
    """Neighbours that behave as documented, faults included, and a clock that stands still."""
    yield World(fake_transport, service_api)


@pytest.fixture
def place(api: Callable[..., Any], world: World, alice: Any, bob: Any) -> Callable[..., dict[str, Any]]:
    """`place(quantity=2)`: an order of Alice's, placed through the API; its `data`."""

    def run(buyer: Any = alice, **changes: Any) -> dict[str, Any]:
        answer = api(buyer).post("/api/orders/", world.order_body(**changes))
        assert answer.status_code == 200, answer.content
        return answer.json()["data"]

    return run
