"""Who gets in: only a token of a known key, by that key's own algorithm, that will expire and has not."""

import time

import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.tokens import ALICE, Issuer, bearer, new_private_key, signed_with

ORDERS = "/api/orders/"


def refused(gateway: Gateway, headers: dict[str, str], *, name: str = "TokenInvalid") -> None:
    answer = gateway.call("GET", ORDERS, headers=headers)

    assert answer.status == 401
    gateway.refused(answer, name)
    if gateway.stubs is not None:
        assert gateway.arrivals() == []


def test_both_issuers_are_known(gateway: Gateway, issuer: Issuer) -> None:
    assert gateway.call("GET", ORDERS, token=issuer.rs256()).status == 200
    assert gateway.call("GET", ORDERS, token=issuer.hs256()).status == 200


def test_a_token_may_come_in_the_shopping_clients_header(gateway: Gateway, issuer: Issuer) -> None:
    answer = gateway.call("GET", ORDERS, headers={"x-cloudmall-access-token": issuer.rs256()})

    assert answer.status == 200
    if gateway.stubs is not None:
        assert gateway.last().headers["x-user-uuid"] == ALICE


def test_no_token(gateway: Gateway) -> None:
    refused(gateway, {}, name="AuthenticationRequired")


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic YWxpY2U6eA==", "Bearer not.a.token", "Bearer a.b.c.d"]
)
def test_no_token_worth_the_name(gateway: Gateway, value: str) -> None:
    answer = gateway.call("GET", ORDERS, headers={"Authorization": value})

    assert answer.status == 401
    gateway.refused(answer, "AuthenticationRequired", "TokenInvalid")


def test_expired(gateway: Gateway, issuer: Issuer) -> None:
    refused(gateway, bearer(issuer.rs256(exp=int(time.time()) - 30)))
    refused(gateway, bearer(issuer.hs256(exp=int(time.time()) - 30)))


def test_never_expiring(gateway: Gateway, issuer: Issuer) -> None:
    refused(gateway, bearer(issuer.rs256(exp=None)))
    refused(gateway, bearer(issuer.hs256(exp=None)))


def test_not_yet_valid(gateway: Gateway, issuer: Issuer) -> None:
    refused(gateway, bearer(issuer.rs256(nbf=int(time.time()) + 600)))


def test_signed_by_a_stranger(gateway: Gateway) -> None:
    stranger = Issuer(new_private_key(), "some-other-secret-of-enough-length" * 2)

    refused(gateway, bearer(stranger.rs256()))
    refused(gateway, bearer(stranger.hs256()))


def test_unsigned(gateway: Gateway, issuer: Issuer) -> None:
    refused(gateway, bearer(issuer.unsigned()))


def test_algorithm_confusion(gateway: Gateway, issuer: Issuer) -> None:
    refused(gateway, bearer(issuer.hmac_with_public_key()))


def test_another_algorithm_of_the_same_key(gateway: Gateway, issuer: Issuer) -> None:
    for token in issuer.other_algorithms():
        refused(gateway, bearer(token))


def test_a_key_that_comes_along_is_no_key(gateway: Gateway, issuer: Issuer) -> None:
    for token in issuer.bringing_its_own_key():
        refused(gateway, bearer(token))


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", ""])
def test_the_header_decides_nothing(gateway: Gateway, issuer: Issuer, typ: str) -> None:
    """A key id or type that we never asked for neither helps nor harms."""
    token = issuer.with_header(typ=typ, kid="whatever")

    assert gateway.call("GET", ORDERS, token=token).status in (200, 401)
    if gateway.stubs is not None:
        assert {arrival.headers["x-user-uuid"] for arrival in gateway.arrivals()} <= {ALICE}


@pytest.mark.parametrize("exp", ["9999999999", "soon", True, [9999999999], -1, 0, 1e-9, {}])
def test_an_expiry_that_is_no_time_to_come(gateway: Gateway, issuer: Issuer, exp: object) -> None:
    refused(gateway, bearer(signed_with(issuer.secret, key="cfmp-hs256", exp=exp)))


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("junk", ["", "=", "A", "\x7f", "%00", "." * 3])
def test_a_torn_token(gateway: Gateway, issuer: Issuer, part: int, junk: str) -> None:
    parts = issuer.rs256().split(".")
    parts[part] = junk
    answer = gateway.call("GET", ORDERS, headers={"Authorization": f"Bearer {'.'.join(parts)}"})

    assert answer.status in (400, 401)
    if gateway.stubs is not None:
        assert gateway.arrivals() == []


def test_tampered(gateway: Gateway, issuer: Issuer) -> None:
    header, claims, signature = issuer.rs256().split(".")
    other = issuer.rs256(user_uuid="01900000-0000-7000-8000-00000000bad0").split(".")[1]

    refused(gateway, bearer(f"{header}.{other}.{signature}"))
    refused(gateway, bearer(f"{header}.{claims}.{'A' * len(signature)}"))


@pytest.mark.parametrize("key", [None, "cfmp-hs256", "nobody", "", 7])
def test_the_key_claim_must_name_the_key_that_signed(gateway: Gateway, issuer: Issuer, key: object) -> None:
    refused(gateway, bearer(issuer.rs256(key=key)))


def test_the_same_for_the_other_issuer(gateway: Gateway, issuer: Issuer) -> None:
    refused(gateway, bearer(issuer.hs256(key="cfmp-sandbox")))


class TestOptionalUser:
    """Paths where nobody in particular may ask: no token is anonymous, a bad one is still refused."""

    path = "/api/v/4.4.0/shopping/cal_price/v4_4"

    def test_anonymous(self, gateway: Gateway) -> None:
        answer = gateway.call("POST", self.path, body=b"{}")

        assert answer.status != 401
        if gateway.stubs is not None:
            assert "x-user-uuid" not in gateway.last().headers

    def test_known(self, gateway: Gateway, issuer: Issuer) -> None:
        gateway.arrivals()
        gateway.call("POST", self.path, token=issuer.hs256(), body=b"{}")

        assert gateway.last().headers["x-user-uuid"] == ALICE

    def test_forged(self, gateway: Gateway, issuer: Issuer) -> None:
        for token in (issuer.unsigned(), issuer.rs256(exp=1), issuer.rs256(key="nobody")):
            answer = gateway.call("POST", self.path, token=token, body=b"{}")

            assert answer.status == 401
            assert answer.json["code"] == 1003
