"""The people of every story, with the same UUIDs in all services and in the sandbox, and their tokens.

Room: testing. Alice and Carol buy, Bob sells, Mallory may not, Olive operates, Nina is new here.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from common import clock, config
from common.embedded import JWT_HS256_KEY, JWT_KEY, embedded_environment

PASSWORD = "sandbox-demo"
TOKEN_LIFETIME = timedelta(hours=12)


@dataclass(frozen=True)
class Person:
    """Someone with an account at UserService. `privilege` 1 marks an administrator."""

    name: str
    uuid: UUID
    privilege: int = 0
    roles: tuple[str, ...] = field(default=())

    @property
    def email(self) -> str:
        return f"{self.name.lower()}@example.com"

    @property
    def username(self) -> str:
        return self.name.lower()

    @property
    def token(self) -> str:
        """A good token, made now."""
        return mint_user_token(self)

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def _uuid(tail: str) -> UUID:
    return UUID(f"01900000-0000-7000-8000-{tail:0>12}")


ALICE = Person("Alice", _uuid("a11c"))
BOB = Person("Bob", _uuid("0b0b"))
CAROL = Person("Carol", _uuid("ca01"))
MALLORY = Person("Mallory", _uuid("bad0"))
OLIVE = Person("Olive", _uuid("011e"), privilege=1, roles=("ADMIN",))
NINA = Person("Nina", _uuid("0e1a"))
PEOPLE = (ALICE, BOB, CAROL, MALLORY, OLIVE, NINA)


def mint_user_token(
    person: Person, *, key: str = JWT_KEY, lifetime: timedelta = TOKEN_LIFETIME, **claims: Any
) -> str:
    """A token of `person` from an embedded issuer: RS256, or HS256 with the published issuer's few claims
    for `key="cfmp-hs256"`. `claims` are put over the usual ones; one that is None is left out."""
    usual = _published_claims(person, lifetime) if key == JWT_HS256_KEY else _claims(person, lifetime)
    payload = {name: value for name, value in {**usual, "key": key, **claims}.items() if value is not None}
    algorithm, material = _issuer(key)
    return jwt.encode(payload, material, algorithm=algorithm)


def _published_claims(person: Person, lifetime: timedelta) -> dict[str, Any]:
    ends = int((clock.now() + lifetime).timestamp())
    return {"user_id": str(person.uuid), "username": person.username, "exp": ends}


def _claims(person: Person, lifetime: timedelta) -> dict[str, Any]:
    return {
        **_published_claims(person, lifetime),
        "user_uuid": str(person.uuid),
        "roles": list(person.roles) or None,
        "iat": int(clock.now().timestamp()),
    }


def _issuer(key: str) -> tuple[str, Any]:
    made = embedded_environment(config.var_dir_of(config.read_environment()), "sandbox")
    if key == JWT_HS256_KEY:
        return "HS256", made["SANDBOX_JWT_HS256_SECRET"]
    return "RS256", _loaded(made["SANDBOX_JWT_PRIVATE_KEY"])


@lru_cache(maxsize=4)
def _loaded(pem: str) -> Any:
    # Reading the key takes far longer than signing with it, and suites sign thousands of times.
    return load_pem_private_key(pem.encode(), None)
