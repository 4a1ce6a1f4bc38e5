"""The people and their tokens are good for the services' own verifiers."""

from datetime import timedelta

import pytest

from common import config
from common.errors import TokenInvalid
from common.signing import ServiceVerifier, UserTokenVerifier, user_uuid_of
from common.testing.clock import FrozenClock
from common.testing.people import ALICE, MALLORY, OLIVE, PEOPLE, mint_user_token
from common.testing.service_tokens import service_authorization, service_token

SETTINGS = config.load("OrderService")
USERS = UserTokenVerifier(SETTINGS.jwt_keys, SETTINGS.jwt_key_claim)


@pytest.mark.parametrize("key", ["cfmp-sandbox", "cfmp-hs256"])
@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name)
def test_a_token_is_its_persons(person: object, key: str) -> None:
    claims = USERS.verify(mint_user_token(person, key=key))  # type: ignore[arg-type]

    assert user_uuid_of(claims) == person.uuid  # type: ignore[attr-defined]


def test_everyone_is_someone_else() -> None:
    assert len({person.uuid for person in PEOPLE}) == len({person.email for person in PEOPLE}) == 6
    assert str(ALICE.uuid) == "01900000-0000-7000-8000-00000000a11c"


def test_only_olive_operates() -> None:
    admins = [person for person in PEOPLE if "ADMIN" in USERS.verify(person.token).get("roles", [])]

    assert admins == [OLIVE] == [person for person in PEOPLE if person.privilege == 1]


def test_the_published_issuer_says_little() -> None:
    claims = USERS.verify(mint_user_token(OLIVE, key="cfmp-hs256"))

    assert set(claims) == {"user_id", "username", "key", "exp"}


def test_claims_can_be_changed_and_dropped() -> None:
    claims = USERS.verify(mint_user_token(ALICE, user_uuid=None, scope="payment:read"))

    assert "user_uuid" not in claims
    assert claims["scope"] == "payment:read"


def test_a_token_ends_by_the_tests_clock() -> None:
    with FrozenClock() as frozen:
        token = mint_user_token(MALLORY, lifetime=timedelta(minutes=5))
        USERS.verify(token)
        frozen.move(minutes=5)
        with pytest.raises(TokenInvalid):
            USERS.verify(token)


def test_a_sibling_can_be_played() -> None:
    payment = ServiceVerifier(SETTINGS.service_public_keys, "PaymentService")

    assert payment.verify(service_token("OrderService", "PaymentService")) == "OrderService"
    assert list(service_authorization("OrderService", "PaymentService")) == ["X-Service-Authorization"]
