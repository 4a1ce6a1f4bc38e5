"""What a service hears about the caller comes from the verified token, whatever headers the caller sends."""

import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.tokens import ALICE, Issuer

MALLORY = "01900000-0000-7000-8000-00000000bad0"
SPOOFED = [
    "UUID",
    "uuid",
    "X-User-UUID",
    "x-user-uuid",
    "X_User_UUID",
    "X-User_UUID",
    "x_user_uuid",
    "X-User-Id",
    "X-USER-ROLES",
    "X_User_Roles",
    "X-Consumer-Username",
    "X-Consumer-Custom-ID",
    "X_Consumer_Username",
    "X-Service-Authorization",
    "x_service_authorization",
    "X-Service_Authorization",
    "X-Deadline-Ms",
    "X_Deadline_Ms",
]


def environ_name(header: str) -> str:
    """The variable a WSGI server makes of a header: the reason why underscores matter."""
    return header.upper().replace("-", "_")


@pytest.mark.parametrize("header", SPOOFED)
def test_a_spoofed_header_never_arrives(gateway: Gateway, alice: str, header: str) -> None:
    gateway.arrivals()
    gateway.call("GET", "/api/orders/", token=alice, headers={header: MALLORY})

    arrived = gateway.last().headers
    assert MALLORY not in arrived.values()
    assert {name for name in arrived if environ_name(name) == environ_name(header)} <= {"x-user-uuid"}
    assert arrived["x-user-uuid"] == ALICE


@pytest.mark.parametrize("header", SPOOFED)
def test_nor_where_no_token_is_asked_for(gateway: Gateway, header: str) -> None:
    gateway.arrivals()
    gateway.call("GET", "/api/product/1/", headers={header: MALLORY})

    assert environ_name(header) not in {environ_name(name) for name in gateway.last().headers}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"user_uuid": ALICE, "user_id": "7", "sub": "8"}, ALICE),
        ({"user_uuid": None, "user_id": ALICE, "sub": "8"}, ALICE),
        ({"user_uuid": None, "sub": ALICE}, ALICE),
        ({"user_uuid": "", "user_id": ALICE}, ALICE),
        ({"user_uuid": {"a": 1}, "user_id": ALICE}, ALICE),
        ({"user_uuid": [ALICE], "user_id": True, "sub": ALICE}, ALICE),
        ({"user_uuid": None, "user_id": 7, "sub": ALICE}, "7"),
    ],
)
def test_the_user_is_read_from_the_first_claim_there_is(
    gateway: Gateway, issuer: Issuer, claims: dict[str, str | None], expected: str
) -> None:
    gateway.arrivals()
    gateway.call("GET", "/api/orders/", token=issuer.rs256(**claims))

    assert gateway.last().headers["x-user-uuid"] == expected


def test_the_service_gets_the_token_to_verify_it_again(gateway: Gateway, alice: str) -> None:
    gateway.arrivals()
    gateway.call("GET", "/api/orders/", token=alice)

    assert gateway.last().headers["authorization"] == f"Bearer {alice}"


def test_the_callers_address_cannot_be_claimed(gateway: Gateway, alice: str) -> None:
    gateway.arrivals()
    claimed = {"X-Forwarded-For": "8.8.8.8", "X-Real-IP": "8.8.8.8", "Forwarded": "for=8.8.8.8"}
    gateway.call("GET", "/api/orders/", token=alice, headers=claimed)

    assert "8.8.8.8" not in str(gateway.last().headers)
    assert gateway.last().headers["x-real-ip"] == "127.0.0.1"


def test_every_request_has_an_id(gateway: Gateway, alice: str) -> None:
    made = gateway.call("GET", "/api/orders/", token=alice).headers["x-request-id"]
    given = gateway.call("GET", "/api/orders/", token=alice, headers={"X-Request-ID": "chosen-by-the-client"})

    assert len(made) >= 32
    assert given.headers["x-request-id"] == "chosen-by-the-client"
    if gateway.stubs is not None:
        assert [arrival.headers["x-request-id"] for arrival in gateway.arrivals()] == [
            made,
            "chosen-by-the-client",
        ]
