"""UserService, as the delivery worker needs it: does this person exist, and how are they reached."""

from dataclasses import dataclass
from uuid import UUID

from common.errors import PeerBroken, PeerRejected
from common.service_client import service_client

PEER = "UserService"


@dataclass(frozen=True, slots=True)
class Person:
    """Where a person is reached; an empty address means that channel has nowhere to go."""

    user_uuid: UUID
    username: str = ""
    email: str = ""


def user_find(user_uuid: UUID) -> Person | None:
    """The person, or None when UserService knows nobody by that UUID. Raises the other peer errors."""
    try:
        answer = service_client.get(PEER, f"/api/v1/user/{user_uuid}/")
    except PeerRejected as refused:
        if refused.peer_status == 404:
            return None
        raise
    data = answer.data
    if not isinstance(data, dict):
        raise PeerBroken(peer=PEER, reason="no object")
    # The published service answers flat, some issuers wrap it in an envelope.
    person = data["data"] if isinstance(data.get("data"), dict) else data
    return Person(user_uuid, str(person.get("username") or ""), str(person.get("email") or ""))
