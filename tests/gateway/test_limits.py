"""Sizes, rates and patience."""

import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.tokens import Issuer

BOB = "01900000-0000-7000-8000-000000000b0b"
CAROL = "01900000-0000-7000-8000-00000000ca01"


def too_large(gateway: Gateway, path: str, size: int, token: str | None = None) -> None:
    answer = gateway.call("POST", path, token=token, body=b"x" * size)

    assert answer.status == 413
    assert answer.json["name"] == "BodyTooLarge"
    assert gateway.arrivals() == []


def test_a_large_body_is_refused(gateway: Gateway, alice: str) -> None:
    too_large(gateway, "/api/orders/", 1_048_577, alice)


def test_a_body_just_within_the_limit_passes(gateway: Gateway, alice: str) -> None:
    gateway.arrivals()
    answer = gateway.call("POST", "/api/orders/", token=alice, body=b"x" * 1_000_000)

    assert answer.status == 200
    assert len(gateway.last().body) == 1_000_000


@pytest.mark.parametrize("path", ["/api/v1/payment/alipay/notify", "/api/payment/callback/alipay/"])
def test_a_notify_is_small(gateway: Gateway, path: str) -> None:
    too_large(gateway, path, 65_537)

    assert gateway.call("POST", path, body=b"x" * 60_000).status == 200


def test_a_body_of_unknown_length_is_limited_too(gateway: Gateway) -> None:
    gateway.arrivals()
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    answer = gateway.call(
        "POST",
        "/api/v1/payment/alipay/notify",
        headers={"Transfer-Encoding": "chunked"},
        body=chunk * 4 + b"0\r\n\r\n",
    )

    assert answer.status == 413
    assert gateway.arrivals() == []


def test_a_body_of_exactly_the_limit_passes(gateway: Gateway, alice: str) -> None:
    gateway.arrivals()

    assert gateway.call("POST", "/api/orders/", token=alice, body=b"x" * 1_048_576).status == 200
    assert gateway.call("POST", "/api/payment/callback/card/", body=b"x" * 65_536).status == 200


@pytest.mark.parametrize(("chunks", "status"), [(31, 200), (33, 413)])
def test_so_is_one_with_a_token(gateway: Gateway, alice: str, chunks: int, status: int) -> None:
    gateway.arrivals()
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    headers = {"Transfer-Encoding": "chunked"}
    answer = gateway.call(
        "POST", "/api/orders/", token=alice, headers=headers, body=chunk * chunks + b"0\r\n\r\n"
    )

    assert answer.status == status
    assert len(gateway.arrivals()) == (1 if status == 200 else 0)


def test_a_page_that_anybody_may_open_is_limited_by_address(tight: Gateway) -> None:
    answers = [tight.call("GET", "/api/payment/return/alipay/") for _ in range(60)]
    refused = [answer for answer in answers if answer.status == 429]

    assert len(refused) >= 10  # 40 at once, ten more each second
    assert refused[0].headers["retry-after"] == "1"
    assert refused[0].json["name"] == "TooManyRequests"


def test_a_user_is_limited_over_all_paths_and_alone(tight: Gateway, issuer: Issuer) -> None:
    bob, carol = issuer.rs256(user_uuid=BOB), issuer.hs256(user_id=CAROL)
    paths = ["/api/orders/", "/api/payment/records/", "/api/refunds/", "/payments", "/shopping/orders"]

    assert [tight.call("GET", path, token=bob).status for path in paths] == [200] * 5
    refused = tight.call("GET", "/api/orders/stats/", token=bob)
    assert refused.status == 429
    assert refused.json["name"] == "TooManyRequests"
    assert refused.headers["retry-after"] == "10"
    assert tight.call("GET", "/api/orders/", token=carol).status == 200


def test_guessing_passwords_is_limited_by_address(tight: Gateway) -> None:
    def log_in() -> int:
        # A claimed address must not buy new attempts.
        return tight.call(
            "POST", "/api/v1/auth/login-with-password/", headers={"X-Forwarded-For": "8.8.8.8"}, body=b"{}"
        ).status

    assert [log_in() for _ in range(6)] == [200] * 4 + [429] * 2
    assert tight.call("POST", "/api/v1/auth/login/", body=b"{}").headers["retry-after"] == "60"


def test_a_provider_is_never_limited_by_address(tight: Gateway) -> None:
    statuses = {tight.call("POST", "/api/v1/payment/alipay/notify", body=b"a=b").status for _ in range(60)}

    assert statuses == {200}


def test_a_service_that_does_not_answer_is_a_timeout(tight: Gateway) -> None:
    answer = tight.call("GET", "/api/product/slowly/")

    assert answer.status == 504
    assert answer.json["name"] == "PeerTimeout"


def test_a_service_that_is_gone_is_unavailable(tight: Gateway, issuer: Issuer) -> None:
    answer = tight.call("GET", "/api/notifications/", token=issuer.rs256(), headers={"Accept-Language": "en"})

    assert answer.status == 503
    assert answer.json["name"] == "PeerUnavailable"
    assert answer.json["message"] == "The service is unavailable, try again later"
