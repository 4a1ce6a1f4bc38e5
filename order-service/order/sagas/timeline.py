"""One order's story in order of time: moves, events, sagas, carrier, payment, notifications. Unstored,
reads only.

A peer that does not answer leaves a gap that is named; the rest is still told.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from common import clock
from common.errors import PeerError
from common.outbox.models import OutboxState
from common.sagas.models import SagaState
from order.clients import notification, payment
from order.models import Order
from order.selectors import Viewer, events_of, logistics_of, sagas_of, transitions_of
from order.states import LogisticsStatus

Entry = dict[str, Any]


def order_timeline(order: Order, viewer: Viewer) -> dict[str, Any]:
    """`entries`, oldest first, each with `at`, `kind` and `what`; `missing` names the peers that did not
    answer.

    A person sees their own notifications, an operator everybody's.
    """
    entries = _moves(order) + _events(order) + _carrier(order) + _sagas(order)
    missing: list[str] = []
    entries += _asked("PaymentService", missing, lambda: _payments(order.order_uuid))
    entries += _asked("NotificationService", missing, lambda: _notifications(order.order_uuid, viewer))
    return {
        "order_uuid": str(order.order_uuid),
        "order_id": order.order_id,
        "entries": sorted(entries, key=_moment),
        "missing": missing,
    }


def _moment(entry: Entry) -> datetime:
    # Texts do not sort: one has microseconds, the next has none. What cannot be read comes last.
    try:
        return datetime.fromisoformat(entry["at"])
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)


def _asked(peer: str, missing: list[str], read: Callable[[], list[Entry]]) -> list[Entry]:
    try:
        return read()
    except PeerError:
        missing.append(peer)
        return []


def _moves(order: Order) -> list[Entry]:
    return [
        _entry(
            move["created_at"], "transition", move["event"], **{k: move[k] for k in move if k != "created_at"}
        )
        for move in transitions_of(order.order_uuid)
    ]


def _events(order: Order) -> list[Entry]:
    return [
        _entry(
            row.occurred_at,
            "event",
            row.type,
            version=row.version,
            to=row.destination,
            state=OutboxState(row.state).label,
        )
        for row in events_of(order.order_uuid)
    ]


def _carrier(order: Order) -> list[Entry]:
    return [
        _entry(
            report["occurred_at"],
            "logistics",
            LogisticsStatus(report["status"]).name.lower(),
            description=report["description"],
            location=report["location"],
        )
        for report in logistics_of(order.order_uuid)
    ]


def _sagas(order: Order) -> list[Entry]:
    return [
        _entry(row.created_at, "saga", row.name, state=SagaState(row.state).label, uuid=str(row.uuid))
        for row in sagas_of(order.order_uuid)
    ]


def _payments(order_uuid: UUID) -> list[Entry]:
    seen = payment.payment_read(order_uuid)
    events = (seen.raw.get("events") or []) if seen else []
    return [
        {**event, "at": str(event.get("at", "")), "kind": "payment", "what": str(event.get("kind", ""))}
        for event in events
        if isinstance(event, Mapping)
    ]


def _notifications(order_uuid: UUID, viewer: Viewer) -> list[Entry]:
    mine = str(viewer.user_uuid)
    return [
        {
            "at": str(row.get("created_at", "")),
            "kind": "notification",
            "what": str(row.get("title", "")),
            **_who(row),
        }
        for row in notification.notifications_about(order_uuid)
        if viewer.is_operator or str(row.get("user_uuid")) == mine
    ]


def _who(row: Mapping[str, Any]) -> Entry:
    return {"id": row.get("id"), "user_uuid": row.get("user_uuid"), "read": row.get("read")}


def _entry(at: Any, kind: str, what: str, **rest: Any) -> Entry:
    return {"at": clock.rfc3339(at), "kind": kind, "what": what, **rest}
