"""The shared fixtures (people, clients, frozen clock, fake neighbours, invariants) and this service's own."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

pytest_plugins = ["common.testing.plugin"]

ORDER = UUID("01900000-0000-7000-8000-0000000000a1")
PAYMENT = UUID("01900000-0000-7000-8000-0000000000b1")
AN_HOUR_AGO = "2026-11-21T01:00:00Z"


@pytest.fixture(autouse=True)
def this_service(settings: Any) -> None:
    """A suite run against another service's settings would pass for the wrong reasons."""
    assert settings.SERVICE_NAME == "NotificationService"


@pytest.fixture(autouse=True)
def user_service(fake_transport: Any) -> Any:
    """UserService on the fake wire: it knows the people of the stories, and nobody else."""
    from datetime import timedelta

    from common import clock
    from common.testing.people import NINA, PEOPLE
    from common.web import privileges

    people = {str(person.uuid): person for person in PEOPLE}

    def answer(call: Any) -> Any:
        person = people.get(call.path.split("/")[-2])
        if person is None:
            return 404, {"success": False}
        young = (clock.now() - timedelta(minutes=10)).isoformat()
        return {
            "user_id": str(person.uuid),
            "username": person.username,
            "email": person.email,
            "privilege": person.privilege,
            "created_at": young if person is NINA else "2025-01-15T02:00:00Z",
        }

    privileges.forget()
    fake_transport.on("GET", "UserService", "/api/v1/user/{uuid}/", answer)
    return fake_transport


@pytest.fixture
def policies(db: None) -> None:
    """The seeded policies, also after a transactional test has emptied the tables."""
    from security.models import SecurityPolicy, SecurityPosture
    from security.policies import DEFAULT_POLICIES

    for row in DEFAULT_POLICIES:
        SecurityPolicy.objects.get_or_create(policy_id=row["policy_id"], defaults=row)
    SecurityPosture.objects.get_or_create(pk=1)


@pytest.fixture
def event(alice: Any, bob: Any) -> Callable[..., dict[str, Any]]:
    """`event("order.paid.v1", reason="…")`: an event about Alice's order from Bob, as the wire carries it."""
    from common.ids import new_uuid

    def build(type_: str, *, version: int = 1, event_id: UUID | None = None, **data: Any) -> dict[str, Any]:
        about = {
            "order_uuid": str(ORDER),
            "order_id": "CFMP2026112112345678",
            "buyer_uuid": str(alice.uuid),
            "seller_uuid": str(bob.uuid),
            "user_uuid": str(alice.uuid),
            "payment_uuid": str(PAYMENT),
            "product_name": "Teapot",
            "total_amount": "299.00",
            "amount": "299.00",
            "refund_amount": "100.00",
            "refunded_amount": "100.00",
        }
        return {
            "event_id": str(event_id or new_uuid()),
            "type": type_,
            "aggregate_id": str(ORDER if type_.startswith("order") else PAYMENT),
            "version": version,
            "occurred_at": AN_HOUR_AGO,
            "data": {name: value for name, value in {**about, **data}.items() if value is not None},
        }

    return build


@pytest.fixture
def deliver(service_api: Any) -> Callable[[dict[str, Any]], str]:
    """Bring an event to the door as its sender's relay does; returns the outcome."""

    def post(event: dict[str, Any]) -> str:
        sender = {"order": "OrderService", "payment": "PaymentService", "risk": "NotificationService"}
        service = sender.get(event["type"].split(".")[0], "OrderService")
        answer = service_api(service).post("/event/inbox", event, key=event["event_id"])
        assert answer.status_code == 200, answer.content
        outcome: str = answer.json()["data"]["outcome"]
        return outcome

    return post


@pytest.fixture
def write(service_api: Any) -> Callable[..., dict[str, Any]]:
    """`write(alice, type=2)`: store a message for a person as a sibling does; returns the answer's data."""

    def post(person: Any, **changes: Any) -> dict[str, Any]:
        body = {
            "user_uuid": str(person.uuid),
            "type": 0,
            "title": "订单创建成功",
            "content": "您的订单已创建成功，订单号：CFMP202506080001",
            "related_id": str(ORDER),
        }
        answer = service_api("OrderService").post("/api/internal/notifications/create/", {**body, **changes})
        assert answer.status_code == 200, answer.content
        data: dict[str, Any] = answer.json()["data"]
        return data

    return post
