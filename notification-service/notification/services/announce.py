"""Turn an event into messages for the people it concerns, once per event and person."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from common import clock
from common.outbox.inbox import IncomingEvent, accept
from common.transactions import transactional
from notification.errors import EventIncomplete
from notification.events import told_by
from notification.messages import LONGEST_PARAMETER, MESSAGES
from notification.models import Notification
from notification.services.create import notifications_store
from notification.states import NotificationType

CONSUMER = "notification"
CRITICAL = frozenset(key for key, message in MESSAGES.items() if message.critical)
# What a client may want to open from a message: ids only.
LINKS = ("order_uuid", "order_id", "payment_uuid", "refund_uuid", "assessment_uuid")


@transactional
def notifications_announce(*, event: IncomingEvent) -> str:
    """Store the messages of `event`; returns "told", "silent" (concerns nobody) or "duplicate".

    Facts add up, so an event that comes late is told like any other, at the time it happened.
    Raises EventIncomplete when the event does not say whom to tell.
    """
    if accept(event, CONSUMER) == "duplicate":
        return "duplicate"
    notifications = list(_messages(event))
    if not notifications:
        return "silent"
    notifications_store(notifications, critical=CRITICAL)
    return "told"


def _messages(event: IncomingEvent) -> Iterator[Notification]:
    told: set[UUID] = set()
    happened_at = min(event.occurred_at, clock.now())
    for field, key in told_by(event.type, event.data):
        reader = _reader(event, field)
        if reader in told:
            continue
        told.add(reader)
        yield Notification(
            user_uuid=reader,
            type=NotificationType.TRANSACTION,
            template_key=key,
            params=_params(event.data, key),
            related_id=str(event.data.get("order_uuid") or event.aggregate_id)[:64],
            related_data=_links(event),
            event_id=event.event_id,
            created_at=happened_at,
        )


def _reader(event: IncomingEvent, field: str) -> UUID:
    try:
        return UUID(str(event.data[field]))
    except (KeyError, ValueError) as error:
        raise EventIncomplete(fields={f"data.{field}": ["UUID"]}) from error


def _params(data: dict[str, Any], key: str) -> dict[str, str]:
    """What the text speaks of, and nothing else of the event."""
    wanted = MESSAGES[key].parameters()
    return {name: str(data[name])[:LONGEST_PARAMETER] for name in sorted(wanted) if data.get(name)}


def _links(event: IncomingEvent) -> dict[str, str]:
    links = {name: str(event.data[name])[:64] for name in LINKS if event.data.get(name)}
    return {"event_type": event.type, **links}
