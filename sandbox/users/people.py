"""The people of every story: the same UUIDs in demos, tests and documentation."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.utils.dateparse import parse_datetime

PASSWORD = "sandbox-demo"
SETTLED = "2025-01-15T02:00:00Z"


@dataclass(frozen=True)
class Person:
    user_id: UUID
    username: str
    privilege: int = 0
    is_always_new: bool = False

    @property
    def email(self) -> str:
        return f"{self.username.lower()}@example.com"


def _uuid(tail: str) -> UUID:
    return UUID(f"01900000-0000-7000-8000-{tail:0>12}")


ALICE = Person(_uuid("a11c"), "Alice")
BOB = Person(_uuid("0b0b"), "Bob")
CAROL = Person(_uuid("ca01"), "Carol")
MALLORY = Person(_uuid("bad0"), "Mallory")
OLIVE = Person(_uuid("011e"), "Olive", privilege=1)
NINA = Person(_uuid("0e1a"), "Nina", is_always_new=True)
PEOPLE = (ALICE, BOB, CAROL, MALLORY, OLIVE, NINA)


def seed_people(account_model: Any) -> int:
    """Adds who is missing, leaves the others alone; returns how many were added."""
    added = 0
    for person in PEOPLE:
        _, created = account_model.objects.get_or_create(
            user_id=person.user_id,
            defaults={
                "username": person.username,
                "email": person.email,
                "password": make_password(PASSWORD),
                "privilege": person.privilege,
                "is_always_new": person.is_always_new,
                "created_at": parse_datetime(SETTLED),
            },
        )
        added += created
    return added
