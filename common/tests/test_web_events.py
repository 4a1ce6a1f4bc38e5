"""The door of events: who may post, what form they have, what becomes of them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from common.tests.views import ParcelEventAPIView
from common.web.events import IncomingEvent

Api = Callable[..., Any]
DOOR = "/event/parcel"
EVENT = {
    "event_id": "01900000-0000-7000-8000-000000000001",
    "type": "payment.succeeded.v1",
    "aggregate_id": "01900000-0000-7000-8000-000000000002",
    "version": 3,
    "occurred_at": "2026-11-21T02:00:00Z",
    "data": {"amount": "12.00", "extra": {"a": [1]}},
}


@pytest.fixture(autouse=True)
def seen() -> Iterator[list[IncomingEvent]]:
    ParcelEventAPIView.seen.clear()
    yield ParcelEventAPIView.seen
    ParcelEventAPIView.seen.clear()


def test_an_event_reaches_its_handler_typed(service_api: Api, seen: list[IncomingEvent]) -> None:
    answer = service_api("PaymentService").post(DOOR, EVENT)

    assert answer.status_code == 200
    assert answer.json() == {"code": 200, "message": "success", "data": {"outcome": "handled"}}
    [event] = seen
    assert str(event.event_id) == EVENT["event_id"]
    assert (event.type, event.version, event.data) == (EVENT["type"], 3, EVENT["data"])
    assert event.occurred_at.isoformat() == "2026-11-21T02:00:00+00:00"


def test_an_unknown_type_is_ignored_and_said_so(service_api: Api, seen: list[IncomingEvent]) -> None:
    answer = service_api("PaymentService").post(DOOR, {**EVENT, "type": "payment.danced.v1"})

    assert answer.status_code == 200
    assert answer.json()["data"] == {"outcome": "ignored"}
    assert seen == []


@pytest.mark.parametrize("field", sorted(EVENT))
def test_an_event_without_a_part_is_refused(service_api: Api, seen: list[IncomingEvent], field: str) -> None:
    answer = service_api("PaymentService").post(DOOR, {k: v for k, v in EVENT.items() if k != field})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert seen == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", -1), ("version", "x"), ("version", 2**53), ("type", "Payment"), ("type", "a" * 200),
     ("data", []), ("event_id", "7"), ("occurred_at", "yesterday")],
)  # fmt: skip
def test_a_malformed_part_is_refused(
    service_api: Api, seen: list[IncomingEvent], field: str, value: Any
) -> None:
    answer = service_api("PaymentService").post(DOOR, {**EVENT, field: value})

    assert answer.status_code == 400
    assert seen == []


def test_only_named_siblings_may_post(
    api: Api, service_api: Api, alice: Any, olive: Any, seen: list[IncomingEvent]
) -> None:
    answers = [
        api().post(DOOR, EVENT),
        api(alice).post(DOOR, EVENT),
        api(olive).post(DOOR, EVENT),
        service_api("NotificationService").post(DOOR, EVENT),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 403]
    assert seen == []
