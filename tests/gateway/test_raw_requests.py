"""Requests as only an attacker writes them, byte by byte: doubled and folded headers, odd targets, smuggling.

What reached a service is shown by stubs alone; the statuses hold for any gateway.
"""

import pytest

from tests.gateway.caller import Answer, send
from tests.gateway.conftest import Gateway
from tests.gateway.tokens import ALICE, Issuer

MALLORY = "01900000-0000-7000-8000-00000000bad0"
REFUSED = {400, 403, 404, 405, 413, 414, 431, 501, 505}


def request(line: str, *headers: str, body: str = "") -> bytes:
    text = "\r\n".join([line, *headers, "Connection: close", "", body])
    return text.encode("latin-1")


def orders(token: str, *headers: str) -> bytes:
    return request(
        "GET /api/orders/ HTTP/1.1", "Host: shop.example", f"Authorization: Bearer {token}", *headers
    )


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-User-UUID: {MALLORY}", f"x-user-uuid: {MALLORY}"],
        [f"UUID: {MALLORY}", f"Uuid: {MALLORY}", f"X-USER-UUID:{MALLORY}"],
        [f"X-User-UUID:\t{MALLORY} \t"],
        [f"X-User-UUID: {ALICE},{MALLORY}"],
        [f"X-User-UUID : {MALLORY}"],
        [f"X-User-UUID\t: {MALLORY}"],
        [f" X-User-UUID: {MALLORY}"],
        ["X-Harmless: a", f" X-User-UUID: {MALLORY}"],
        ["X-Harmless: a", f"\tX-User-UUID: {MALLORY}"],
        ["X-User-UUID:", f" {MALLORY}"],
        [f"X-Harmless: a\nX-User-UUID: {MALLORY}"],
        [f"X-Harmless: a\rX-User-UUID: {MALLORY}"],
        [f"X-User-UUID\0: {MALLORY}"],
        [f"X-User-UUID: {MALLORY}\0"],
        [f"X-User-UUID\xa0: {MALLORY}"],
        [f"X.User.UUID: {MALLORY}"],
        [f"X_User-UUID: {MALLORY}", f"X-User_UUID: {MALLORY}", f"X_USER_UUID: {MALLORY}"],
        [f"HTTP_X_USER_UUID: {MALLORY}", f"HTTP-X-User-UUID: {MALLORY}"],
        [f"X-User-UUID-: {MALLORY}", f"-X-User-UUID: {MALLORY}"],
        [f": {MALLORY}", f"X-User-Uuid: {MALLORY}"],
        [*(f"X-Pad-{number}: x" for number in range(60)), f"X-User-UUID: {MALLORY}", f"UUID: {MALLORY}"],
        [*(f"X-Pad-{number}: x" for number in range(150)), f"X-User-UUID: {MALLORY}", f"UUID: {MALLORY}"],
    ],
    ids=lambda headers: repr(headers[-3:]),
)
def test_identity_cannot_be_spoofed(gateway: Gateway, alice: str, headers: list[str]) -> None:
    answers = send(gateway.url, orders(alice, *headers))

    # 401: a folded line belongs to the header above it, the token.
    assert [answer.status for answer in answers] in ([200], [400], [401], [431])
    for arrival in gateway.arrivals():
        # A WSGI server makes one variable of x-user-uuid and x_user_uuid: none of them may be Mallory.
        names = {name.replace("_", "-"): value for name, value in arrival.headers.items()}
        assert names["x-user-uuid"] == ALICE
        assert "uuid" not in names


@pytest.mark.parametrize(
    "listed", ["X-User-UUID", "Authorization", "x-user-uuid, authorization", "X-Request-ID"]
)
def test_identity_cannot_be_taken_off_on_the_way(gateway: Gateway, alice: str, listed: str) -> None:
    """A header that the client names in Connection is not the gateway's to drop."""
    send(gateway.url, orders(alice, f"Connection: keep-alive, {listed}"))

    for arrival in gateway.arrivals():
        assert arrival.headers["x-user-uuid"] == ALICE
        assert arrival.headers["authorization"] == f"Bearer {alice}"
        assert arrival.headers["x-request-id"]


class TestSeveralTokens:
    """Whoever sends two tokens is the user of both or nobody."""

    def test_two_authorizations(self, gateway: Gateway, issuer: Issuer, alice: str) -> None:
        for other in ("not.a.token", issuer.unsigned(), issuer.rs256(exp=1)):
            for pair in ((alice, other), (other, alice)):
                lines = [f"Authorization: Bearer {token}" for token in pair]
                answers = send(gateway.url, request("GET /api/orders/ HTTP/1.1", "Host: x", *lines))
                assert answers[0].status in (400, 401)
        assert gateway.arrivals() == []

    def test_two_headers_of_two_users(self, gateway: Gateway, issuer: Issuer, alice: str) -> None:
        """The services read Authorization first; the gateway must not tell them of the other one."""
        other = issuer.rs256(user_uuid=MALLORY)
        send(gateway.url, orders(alice, f"x-cloudmall-access-token: {other}"))

        assert [arrival.headers["x-user-uuid"] for arrival in gateway.arrivals()] in ([], [ALICE])

    def test_two_headers_of_two_issuers(self, gateway: Gateway, issuer: Issuer) -> None:
        by_rs256, by_hs256 = issuer.rs256(), issuer.hs256(user_id=MALLORY)
        send(gateway.url, orders(by_rs256, f"x-cloudmall-access-token: {by_hs256}"))
        seen = [arrival.headers["x-user-uuid"] for arrival in gateway.arrivals()]
        gateway.arrivals().clear()
        send(gateway.url, orders(by_hs256, f"x-cloudmall-access-token: {by_rs256}"))

        assert seen in ([], [ALICE])
        assert [arrival.headers["x-user-uuid"] for arrival in gateway.arrivals()] in ([], [MALLORY])

    def test_a_bad_token_beside_a_good_one(self, gateway: Gateway, issuer: Issuer, alice: str) -> None:
        send(gateway.url, orders(alice, f"x-cloudmall-access-token: {issuer.rs256(exp=1)}"))

        assert [arrival.headers["x-user-uuid"] for arrival in gateway.arrivals()] in ([], [ALICE])


@pytest.mark.parametrize(
    "target",
    [
        "http://shop.example/api/orders/internal/1/",
        "http://shop.example//event/inbox",
        "http://shop.example/api/product/%2e%2e/orders/internal/1/",
        "http://order:8001/api/orders/internal/1/",
        "https://shop.example/internal/payment/1",
        "//order:8001/event/inbox",
        "/event/inbox\0",
        "/\0event/inbox",
        "/event\0/inbox",
        "/event%00/inbox",
        "/event./inbox",
        "/event/./inbox",
        "/event /inbox",
        "/event%20/inbox",
        "/event%09/inbox",
        "/event%0d%0a/inbox",
        "/ev\xe9nt/inbox",
        "/%c0%afevent/inbox",
        "/%ef%bc%8fevent/inbox",
        "/api/orders/internal./1/",
        "/api/orders/.internal/1/",
        "/api/orders/internal%2e/1/",
        "/api/orders/internal%00/1/",
        "/api/orders/internal%3b/1/",
        "/api/orders/internal%23/1/",
        "/api/orders/internal%3f/1/",
        "/api/orders/%2finternal/1/",
        "/api/orders/%5cinternal/1/",
        "/api/orders/%252e%252e/event/inbox",
        "/api/v/1/shopping/..%2f..%2f..%2f..%2fevent/inbox",
        "/api/v/..;/event/inbox",
        "/api/v/4;x=/../../event/inbox",
        "event/inbox",
        "*",
        "?/event/inbox",
        "#/event/inbox",
    ],
    ids=repr,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_target_reaches_an_internal_path(gateway: Gateway, alice: str, method: str, target: str) -> None:
    body = "{}" if method == "POST" else ""
    line = f"{method} {target} HTTP/1.1"
    length = [f"Content-Length: {len(body)}"] if body else []
    answers = send(
        gateway.url, request(line, "Host: shop.example", f"Authorization: Bearer {alice}", *length, body=body)
    )

    assert {answer.status for answer in answers} <= REFUSED
    assert gateway.arrivals() == []


@pytest.mark.parametrize("line", ["CONNECT 127.0.0.1:8001 HTTP/1.1", "CONNECT order:8001 HTTP/1.1"])
def test_it_is_no_tunnel(gateway: Gateway, line: str) -> None:
    answers = send(gateway.url, request(line, "Host: order:8001"))

    assert all(answer.status in REFUSED for answer in answers)
    assert gateway.arrivals() == []


INNER = f"GET /api/orders/internal/1/ HTTP/1.1\r\nHost: x\r\nX-User-UUID: {MALLORY}\r\n\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 4", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 4"],
        ["Content-Length: 0", f"Content-Length: {len(INNER)}"],
        ["Content-Length: 0, 4"],
        ["Content-Length: +0"],
        ["Content-Length: 0x4"],
        ["Content-Length: -1"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: identity"],
        ["Transfer-Encoding: identity, chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding : chunked"],
        ["Transfer-Encoding:\x0bchunked"],
        ["Transfer_Encoding: chunked"],
    ],
    ids=repr,
)
def test_no_request_hides_in_another(gateway: Gateway, lines: list[str]) -> None:
    """Whatever the outer request's length is taken for, the inner one never reaches a service unjudged."""
    head = "\r\n".join(["POST /api/v1/payment/alipay/notify HTTP/1.1", "Host: x", *lines, "", ""])
    for start in ("0\r\n\r\n", ""):
        send(gateway.url, (head + start + INNER).encode("latin-1"))

    for arrival in gateway.arrivals():
        assert arrival.path == "/api/v1/payment/alipay/notify"
        assert "x-user-uuid" not in arrival.headers


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_a_request_without_host_is_judged_too(gateway: Gateway, version: str) -> None:
    answers = send(gateway.url, request(f"GET /api/orders/internal/1/ {version}"))

    assert [answer.status for answer in answers] in ([400], [404], [426])
    assert gateway.arrivals() == []


def test_a_large_body_is_refused_before_it_is_sent(gateway: Gateway, alice: str) -> None:
    announced = request(
        "POST /api/orders/ HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {alice}",
        "Content-Length: 104857600",
        "Expect: 100-continue",
    )
    statuses = [answer.status for answer in send(gateway.url, announced)]

    assert 200 not in statuses
    assert gateway.arrivals() == []


def test_a_head_without_end_is_refused(gateway: Gateway) -> None:
    answers: list[Answer] = send(gateway.url, b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 200_000)

    assert [answer.status for answer in answers] in ([431], [400], [])
    assert gateway.arrivals() == []
