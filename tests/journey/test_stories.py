"""The four stories of the demo, each a test: what `make demo` narrates must hold on a fresh stack."""

from collections.abc import Iterator

import pytest

from scripts.demo import Story
from scripts.storyteller import StoryBroken
from tests.conftest import Stack


@pytest.fixture(scope="module")
def story(stack: Stack) -> Story:
    return Story(stack.gateway)


@pytest.fixture(autouse=True)
def books(stack: Stack) -> Iterator[None]:
    """Whatever a story did, the ledger, the stock and the histories agree afterwards."""
    yield
    stack.manage("payment-service", "audit_money")
    stack.manage("order-service", "audit_orders")


@pytest.mark.parametrize("name", ["golden", "cancelled", "partly_refunded", "held"])
def test_the_story_holds(story: Story, name: str) -> None:
    getattr(story, name)()


def test_a_story_that_does_not_hold_breaks_loudly(story: Story) -> None:
    """The demo's guard: a wrong price must not be narrated away."""
    with pytest.raises(StoryBroken, match="answers"):
        story.alice.post("/api/orders/", {"products": []})


def test_the_published_clients_simulated_payment_is_refused(story: Story) -> None:
    order = story.place(1, 1)
    payment = story.create_payment(order)

    body = {"payment_id": payment["payment_id"], "status": 2, "transaction_id": "SIMULATED"}
    answer = story.alice.session.post(
        f"{story.alice.gateway}/api/payment/callback/alipay/", json=body, timeout=10
    )

    assert answer.text != "success"
    assert story.payment(order)["status"] != "success"
    assert story.order(order)["status"] == 0
