"""NotificationService: what people were told about an order. Telling them is the outbox's work, not a
call.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from common.errors import PeerBroken
from common.service_client import service_client

PEER = "NotificationService"
LONGEST = 100


def notifications_about(order_uuid: UUID) -> list[Mapping[str, Any]]:
    """The notifications of all people about one order, at most 100."""
    params = {"related_id": str(order_uuid), "page_size": LONGEST}
    answer = service_client.get(PEER, "/api/notifications/", params=params).data
    results = answer.get("results") if isinstance(answer, Mapping) else None
    rows = results.get("data") if isinstance(results, Mapping) else results
    if not isinstance(rows, list):
        raise PeerBroken(peer=PEER, reason="no results")
    return [row for row in rows if isinstance(row, Mapping)]
