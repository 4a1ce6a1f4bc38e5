"""A transport that only remembers, and events to carry."""

import uuid
from typing import Any

from django.db import transaction

from common.outbox.publish import Event, publish
from common.outbox.transport import EventTransport


class Recorder(EventTransport):
    """A transport that remembers what it carried and fails as it is told to."""

    def __init__(self) -> None:
        self.carried: list[Any] = []
        self.errors: list[Exception] = []

    def deliver(self, row: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.carried.append((row.type, row.version, row.destination))


def tell(*versions: int, aggregate: uuid.UUID | None = None, type: str = "parcel.received.v1") -> uuid.UUID:
    aggregate = aggregate or uuid.uuid4()
    with transaction.atomic():
        for version in versions:
            publish(Event(type, aggregate, version, {"amount": "12.00"}))
    return aggregate
