"""Internal paths do not exist outside, however they are spelt and whoever asks."""

import pytest

from tests.gateway.conftest import Gateway

ORDER = "01900000-0000-7000-8000-000000000001"
INTERNAL = [
    "/internal",
    "/internal/",
    "/internal/payment/1",
    "/internal/payment/validate-amount",
    "/api/internal/notifications/create/",
    "/api/internal/risk/evaluate/",
    "/api/orders/internal",
    "/api/orders/internal/",
    f"/api/orders/internal/{ORDER}/",
    f"/api/orders/internal/orders/{ORDER}/",
    "/event/payment_notified_cm",
    "/event/inbox",
    "/refund/refund",
    "/health",
    "/livez",
    "/readyz",
    "/metrics",
    "/api/schema/",
    "/admin/",
    "/api/product/1/update-stock/",
    "/api/product/1/update-stock",
    "/api/products/1/restore-stock/",
]
SPELLINGS = [
    "//api/orders/internal/orders/{order}/",
    "/api//orders//internal/orders/{order}/",
    "/api/orders/./internal/orders/{order}/",
    "/api/orders/x/../internal/orders/{order}/",
    "/api/orders/sold/../internal/{order}/",
    "/api/product/../orders/internal/{order}/",
    "/api/product/%2e%2e/orders/internal/{order}/",
    "/api/product/.%2e/orders/internal/{order}/",
    "/api/product/..%2forders/internal/{order}/",
    "/api/product/..%5corders/internal/{order}/",
    "/api/product/..\\orders\\internal\\{order}/",
    "/api/product/..;/orders/internal/{order}/",
    "/api/orders/%69nternal/{order}/",
    "/api/orders/%69nternal/cancel/",
    "/api/orders/%2569nternal/{order}/",
    "/api/orders/intern%61l/orders/{order}/",
    "/api%2forders%2finternal/orders/{order}/",
    "/api/orders%2finternal%2f{order}/",
    "/api/orders/internal;x=1/{order}/",
    "/api/orders;x=1/internal/{order}/",
    "/api/orders/INTERNAL/{order}/",
    "/API/orders/internal/{order}/",
    "/api/orders/internal/{order}",
    "/api/orders/internal/{order}?x=/api/orders/",
    "/api/orders/internal/{order}#/api/orders/",
    "/api/v/1/../../orders/internal/{order}/",
    "/api/v/1/api/orders/internal/{order}/",
    "/api/v/1/internal/payment/1",
    "/api/v/1/event/inbox",
    "/api/v/1/refund/refund",
    "/%65vent/inbox",
    "/event%2finbox",
    "/./event/inbox",
    "/shop/../event/inbox",
    "/shop/%2e%2e/event/inbox",
]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def never_seen(gateway: Gateway, method: str, path: str, token: str | None) -> None:
    answer = gateway.call(method, path, token=token, body=b"{}" if method != "GET" else None)

    # A spelling may be refused, or resolved to a path of a neighbour; a service of ours never hears of it.
    if gateway.stubs is None or not gateway.arrivals():
        assert answer.status in (400, 404)
        gateway.refused(answer, "NotFound", "InvalidInput")
        return
    assert gateway.last().service in ("ProductService", "UserService")
    assert "-stock" not in gateway.last().path


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", INTERNAL)
def test_internal_paths_are_not_found(gateway: Gateway, alice: str, method: str, path: str) -> None:
    never_seen(gateway, method, path, alice)


@pytest.mark.parametrize("path", INTERNAL[:12])
def test_and_say_no_more_to_a_stranger(gateway: Gateway, path: str) -> None:
    answer = gateway.call("GET", path)

    assert answer.status == 404
    gateway.refused(answer, "NotFound")


@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_in_every_spelling(gateway: Gateway, alice: str, method: str, spelling: str) -> None:
    never_seen(gateway, method, spelling.format(order=ORDER), alice)
