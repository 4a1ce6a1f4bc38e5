"""Browsers on other origins: the published client asks for the header UUID (which is then stripped)."""

import pytest

from tests.gateway.conftest import Gateway

ORIGIN = "https://shop.example"
ASKED = [
    "authorization",
    "content-type",
    "uuid",
    "idempotency-key",
    "cm-user-region",
    "cm-user-language",
    "x-cloudmall-access-token",
    "x-cloudmall-anonymous-user-key",
]


@pytest.mark.parametrize(
    "path",
    [
        "/api/orders/",
        "/api/payment/create/",
        "/api/v/4/shopping/cal_price/v4_4",
        "/api/v1/auth/login-with-password/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_preflight(gateway: Gateway, path: str, method: str) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ",".join(ASKED),
    }
    answer = gateway.call("OPTIONS", path, headers=asked)

    assert answer.status in (200, 204)
    assert answer.headers["access-control-allow-origin"] in (ORIGIN, "*")
    assert method in answer.headers["access-control-allow-methods"]
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert set(ASKED) <= allowed
    assert "access-control-allow-credentials" not in answer.headers


def test_a_preflight_asks_nobody(gateway: Gateway) -> None:
    """No service hears of it, not even of an internal path, whose request is refused afterwards."""
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    for path in ("/api/orders/", "/api/v/4/shopping/cal_price/v4_4", "/api/orders/internal/1/", "/no/path"):
        assert gateway.call("OPTIONS", path, headers=asked).status in (200, 204, 404)
    assert gateway.call("POST", "/api/orders/internal/1/", headers={"Origin": ORIGIN}).status == 404
    if gateway.stubs is not None:
        assert gateway.arrivals() == []


def test_the_answer_itself_may_be_read(gateway: Gateway, alice: str) -> None:
    answer = gateway.call("GET", "/api/orders/", token=alice, headers={"Origin": ORIGIN})

    assert answer.headers["access-control-allow-origin"] in (ORIGIN, "*")
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert exposed == {"Idempotent-Replay", "Retry-After", "X-Request-ID"}


def test_so_may_a_refusal(gateway: Gateway) -> None:
    answer = gateway.call("GET", "/api/orders/", headers={"Origin": ORIGIN})

    assert answer.status == 401
    assert answer.headers["access-control-allow-origin"] in (ORIGIN, "*")
