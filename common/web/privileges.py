"""Asks UserService what a token alone cannot tell.

Is this person an administrator, is this token still good.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from uuid import UUID

from common.errors import PeerRejected, TokenInvalid
from common.service_client import service_client

ADMINISTRATOR = 1
PRIVILEGE_SECONDS = 60.0
TOKEN_SECONDS = 5.0


class _ShortMemory:
    """A small thread-safe map whose entries are forgotten after `seconds`.

    The oldest leave when it is full.
    """

    def __init__(self, seconds: float, size: int = 4096) -> None:
        self._seconds, self._size = seconds, size
        self._entries: OrderedDict[str, tuple[float, bool]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> bool | None:
        with self._lock:
            entry = self._entries.get(key)
        return entry[1] if entry and entry[0] > time.monotonic() else None

    def put(self, key: str, value: bool) -> None:
        with self._lock:
            self._entries[key] = (time.monotonic() + self._seconds, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


_administrators = _ShortMemory(PRIVILEGE_SECONDS)
_living_tokens = _ShortMemory(TOKEN_SECONDS)


def is_administrator(user_uuid: UUID) -> bool:
    """Whether UserService says `privilege == 1`, remembered for a minute.

    Raises the peer errors when UserService cannot say: nobody is let in on a guess.
    """
    key = str(user_uuid)
    known = _administrators.get(key)
    if known is None:
        known = _ask_privilege(key)
        _administrators.put(key, known)
    return known


def _ask_privilege(user_uuid: str) -> bool:
    try:
        answer = service_client.get("UserService", f"/api/v1/user/{user_uuid}/")
    except PeerRejected:
        return False
    person = answer.data
    if isinstance(person, dict) and isinstance(person.get("data"), dict):
        person = person["data"]
    # `True == 1` in Python; a boolean is not what the neighbour documents.
    return (
        isinstance(person, dict)
        and type(person.get("privilege")) is int
        and person["privilege"] == ADMINISTRATOR
    )


def require_living(token: str) -> None:
    """Ask UserService whether `token` was revoked (AUTH_VERIFY=remote); a yes is remembered for five seconds.

    Raises TokenInvalid when it is refused, and the peer errors when UserService cannot say.
    """
    digest = hashlib.sha256(token.encode()).hexdigest()
    if _living_tokens.get(digest):
        return
    try:
        service_client.post("UserService", "/api/auth/verify-token/", json={"token": token})
    except PeerRejected as refusal:
        raise TokenInvalid from refusal
    _living_tokens.put(digest, True)


def forget() -> None:
    """Drop everything remembered (between tests)."""
    _administrators.clear()
    _living_tokens.clear()
