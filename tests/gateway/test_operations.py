"""What an operator does: change keys, block an address, give a new version its share, see counters, spans.

Each starts a gateway of the suite's own, since a foreign one's configuration is not ours to change.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from apisix.table import Table, load
from tests.gateway.caller import Answer, call
from tests.gateway.envoy import Running, envoy
from tests.gateway.stubs import Stubs, serving, stubs_of
from tests.gateway.tables import Document, changed, entry
from tests.gateway.tokens import Issuer, bearer, new_private_key, signed_with

pytestmark = pytest.mark.skipif(
    "GATEWAY_URL" in os.environ, reason="GATEWAY_URL names a gateway whose configuration is not ours"
)


@contextmanager
def gateway(table: Table, folder: Path, **given: Any) -> Iterator[tuple[Running, Stubs]]:
    with serving(folder) as stubs, envoy(table, folder, addresses=stubs.addresses, **given) as running:
        yield running, stubs


def ask(running: Running, path: str, token: str | None = None) -> Answer:
    return call(running.url, "GET", path, headers=bearer(token) if token else {})


class TestKeyRotation:
    """Old and new key of an issuer, side by side and then without the old one."""

    old = Issuer(new_private_key(), "the-old-secret-of-the-rotation-suite" * 2)
    new = Issuer(new_private_key(), "the-new-secret-of-the-rotation-suite" * 2)

    def both(self) -> dict[str, str]:
        keys = self.new.keys()
        return {
            **self.old.keys(),
            "JWT_RS256_NEXT_KEY": "rs-2026",
            "JWT_RS256_NEXT_PUBLIC_KEY": keys["JWT_RS256_PUBLIC_KEY"],
            "JWT_HS256_NEXT_KEY": "hs-2026",
            "JWT_HS256_NEXT_SECRET": keys["JWT_HS256_SECRET"],
        }

    def olds(self) -> list[str]:
        return [self.old.rs256(), self.old.hs256()]

    def news(self) -> list[str]:
        return [self.new.rs256(key="rs-2026"), self.new.hs256(key="hs-2026")]

    def test_both_are_good_while_keys_change(self, tmp_path: Path) -> None:
        with gateway(load(environ=self.both()), tmp_path) as (running, stubs):
            for token in (*self.olds(), *self.news()):
                assert ask(running, "/api/orders/", token).status == 200
            assert len(stubs.arrivals) == 4
            # Each key signs under its own name only.
            crossed = (
                self.old.rs256(key="rs-2026"),
                self.new.rs256(),
                self.new.hs256(),
                self.old.hs256(key="hs-2026"),
            )
            for token in crossed:
                assert ask(running, "/api/orders/", token).status == 401

    def test_afterwards_the_old_one_opens_nothing(self, tmp_path: Path) -> None:
        after = {**self.new.keys(), "JWT_RS256_KEY": "rs-2026", "JWT_HS256_KEY": "hs-2026"}
        with gateway(load(environ=after), tmp_path) as (running, _):
            assert [ask(running, "/api/orders/", token).status for token in self.news()] == [200, 200]
            assert [ask(running, "/api/orders/", token).status for token in self.olds()] == [401, 401]

    def test_a_next_key_that_nobody_set_lets_nobody_in(self, tmp_path: Path) -> None:
        guesses = ("", "$ENV://JWT_HS256_NEXT_SECRET", "${{JWT_HS256_NEXT_SECRET:=}}")
        with gateway(load(environ=self.old.keys()), tmp_path) as (running, stubs):
            for guess in guesses:
                for name in ("", "rs-2026", "hs-2026", "${{JWT_HS256_NEXT_KEY:=}}"):
                    assert ask(running, "/api/orders/", signed_with(guess, key=name)).status == 401
                    assert ask(running, "/api/orders/", self.new.rs256(key=name)).status == 401
            assert stubs.arrivals == []


# A claimed address changes nothing.
CLAIMED = {"X-Real-IP": "203.0.113.7", "X-Forwarded-For": "203.0.113.7"}


def test_an_address_is_blocked_everywhere(issuer: Issuer, tmp_path: Path) -> None:
    def block(document: Document) -> None:
        plugins = entry(document, "global_rules", "every-request")["plugins"]
        plugins["ip-restriction"] = {"blacklist": ["203.0.113.7", "127.0.0.0/8"]}

    with gateway(changed(tmp_path, issuer.keys(), block), tmp_path) as (running, stubs):
        for path in ("/api/orders/", "/api/product/1/", "/api/v1/auth/me"):
            answer = call(running.url, "GET", path, headers={**CLAIMED, **bearer(issuer.rs256())})

            assert (answer.status, answer.json["name"]) == (403, "PermissionRefused")
        assert stubs.arrivals == []


def test_or_on_one_route(issuer: Issuer, tmp_path: Path) -> None:
    rules = {
        "orders": ({"blacklist": ["203.0.113.7", "2001:db8::/32"]}, "/api/orders/", 200),
        "orders-lists": ({"blacklist": ["127.0.0.1"]}, "/api/orders/sold/", 403),
        "payments": ({"whitelist": ["127.0.0.1"]}, "/api/payments/", 200),
        "refunds": ({"whitelist": ["203.0.113.0/24"]}, "/api/refunds/", 403),
    }

    def block(document: Document) -> None:
        for route, (plugin, _, _) in rules.items():
            entry(document, "routes", route).setdefault("plugins", {})["ip-restriction"] = plugin

    with gateway(changed(tmp_path, issuer.keys(), block), tmp_path) as (running, stubs):
        for _, path, status in rules.values():
            assert (
                call(running.url, "GET", path, headers={**CLAIMED, **bearer(issuer.rs256())}).status == status
            )
        assert [arrival.path for arrival in stubs.arrivals] == ["/api/orders/", "/api/payments/"]


def test_a_new_version_gets_its_share(issuer: Issuer, tmp_path: Path) -> None:
    with stubs_of("canary") as canary, serving(tmp_path) as stubs:

        def share(document: Document) -> None:
            host, _, port = canary.addresses["canary"].rpartition(":")
            twin = {**entry(document, "upstreams", "order"), "id": "order-canary"}
            for name in ("discovery_type", "service_name", "discovery_args"):
                del twin[name]
            document["upstreams"].append({**twin, "nodes": [{"host": host, "port": int(port), "weight": 1}]})
            split = {
                "rules": [
                    {"weighted_upstreams": [{"upstream_id": "order-canary", "weight": 30}, {"weight": 70}]}
                ]
            }
            entry(document, "routes", "orders").setdefault("plugins", {})["traffic-split"] = split

        table = changed(tmp_path, issuer.keys(), share)
        with envoy(table, tmp_path, addresses=stubs.addresses) as running:
            token = issuer.rs256()
            seen = Counter(ask(running, "/api/orders/", token).json["service"] for _ in range(100))
            # Drawn by chance: 30 of 100 expected, six sigma wide.
            assert set(seen) == {"canary", "OrderService"}
            assert 3 <= seen["canary"] <= 57
            assert ask(running, "/api/orders/1/", token).json["service"] == "OrderService"


def test_counters_are_told_in_prometheus_format_and_nothing_else(issuer: Issuer, tmp_path: Path) -> None:
    with gateway(load(environ=issuer.keys()), tmp_path) as (running, _):
        ask(running, "/api/orders/", issuer.rs256())
        told = call(running.metrics, "GET", "/apisix/prometheus/metrics")

        assert told.status == 200
        assert "# TYPE envoy_cluster_upstream_rq_total counter" in told.text
        assert 'envoy_cluster_upstream_rq_total{envoy_cluster_name="order"}' in told.text
        for method, path in [
            ("GET", "/"),
            ("GET", "/stats"),
            ("GET", "/config_dump"),
            ("GET", "/apisix/prometheus/metrics/../../../config_dump"),
            ("GET", "/apisix/prometheus/metrics/"),
            ("POST", "/apisix/prometheus/metrics"),
            ("POST", "/quitquitquit"),
        ]:
            assert call(running.metrics, method, path).status == 404
        assert ask(running, "/apisix/prometheus/metrics").status == 404
        assert issuer.secret not in told.text


def test_spans_go_to_the_collector(issuer: Issuer, tmp_path: Path) -> None:
    with stubs_of("collector") as collector:
        table = load(environ=issuer.keys())
        with gateway(table, tmp_path, collector=collector.addresses["collector"]) as (running, stubs):
            trace = "0af7651916cd43dd8448eb211c80319c"
            caller = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", **bearer(issuer.rs256())}
            for _ in range(20):
                call(running.url, "GET", "/api/orders/", headers=caller)

            assert _within(15, lambda: bool(collector.arrivals))
            sent = collector.arrivals[0]
            assert (sent.method, sent.path) == ("POST", "/v1/traces")
            assert b"gateway" in sent.body and bytes.fromhex(trace) in sent.body
            # The service continues the same trace, under the gateway's span.
            arrived = stubs.arrivals[0].headers["traceparent"].split("-")
            assert arrived[1] == trace
            assert arrived[2] != "b7ad6b7169203331"


def test_without_a_collector_there_are_no_spans(issuer: Issuer, tmp_path: Path) -> None:
    with gateway(load(environ=issuer.keys()), tmp_path) as (running, stubs):
        given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        call(running.url, "GET", "/api/product/1/", headers={"traceparent": given})

        assert stubs.arrivals[0].headers["traceparent"] == given


def _within(seconds: float, question: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not (found := question()) and time.monotonic() < end:
        time.sleep(0.1)
    return found
