"""Who is calling: a person, a sibling service, or nobody.

Permissions and business rules about them live elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from common.web import privileges

ADMIN_ROLE = "ADMIN"


@dataclass(frozen=True, slots=True)
class Principal:
    """The verified caller of one request; `request.user` is one.

    `roles` is None when the token carried no such claim: only then does `is_admin` ask UserService.
    `anonymous_key` names a shopper who is not logged in (header `x-cloudmall-anonymous-user-key`).
    """

    kind: Literal["user", "service", "anonymous"]
    user_uuid: UUID | None = None
    roles: frozenset[str] | None = None
    scopes: frozenset[str] = frozenset()
    service: str | None = None
    username: str = ""
    token: str = ""
    anonymous_key: str = ""

    @property
    def is_authenticated(self) -> bool:
        return self.kind != "anonymous"

    @property
    def is_user(self) -> bool:
        return self.kind == "user"

    @property
    def is_service(self) -> bool:
        return self.kind == "service"

    @property
    def is_admin(self) -> bool:
        """Whether this person administers the shop.

        May call UserService (cached): ask it on admin paths only.
        """
        if not self.is_user or self.user_uuid is None:
            return False
        if self.roles is not None:
            return ADMIN_ROLE in self.roles
        return privileges.is_administrator(self.user_uuid)

    @property
    def actor(self) -> str:
        """How histories and logs name the caller: `user:<uuid>`, `service:<name>` or `anonymous`."""
        if self.is_user:
            return f"user:{self.user_uuid}"
        return f"service:{self.service}" if self.is_service else "anonymous"

    @property
    def scope_key(self) -> str:
        """What keeps one caller's idempotency keys apart from another's."""
        return f"{self.actor}:{self.anonymous_key}" if self.kind == "anonymous" else self.actor

    def has_scope(self, scope: str) -> bool:
        return scope in self.scopes

    def __repr__(self) -> str:
        # The token must never reach a log line through a traceback's locals or an f-string.
        return f"Principal({self.actor})"


def anonymous() -> Principal:
    """The principal of a request without credentials."""
    return Principal(kind="anonymous")


def from_user_claims(claims: dict[str, Any], *, user_uuid: UUID, token: str) -> Principal:
    """The person a verified user token speaks of."""
    return Principal(
        kind="user",
        user_uuid=user_uuid,
        roles=_names(claims["roles"]) if "roles" in claims else None,
        scopes=_names(claims.get("scope", claims.get("scopes", ()))),
        username=str(claims.get("username", "")),
        token=token,
    )


def _names(value: object) -> frozenset[str]:
    """Roles and scopes come as a list or as one space-separated string (RFC 8693).

    Anything else grants nothing.
    """
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list | tuple):
        return frozenset(item for item in value if isinstance(item, str))
    return frozenset()
