"""The checker finds what would leave a route open, and the translation refuses what it does not know."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apisix.check import OPEN, problems
from apisix.embedded.bootstrap import Listen, translate
from apisix.embedded.replies import ERRORS, MISSING
from apisix.table import (
    TABLE,
    WITHOUT_KEYS,
    WITHOUT_REGISTRY,
    Route,
    Table,
    TableError,
    load,
    load_config,
)
from tests.gateway.tables import Document, changed, entry, put
from tests.gateway.tokens import new_private_key, public_key_of

KEYS = {
    "JWT_RS256_PUBLIC_KEY": public_key_of(new_private_key()),
    "JWT_HS256_SECRET": "secret-of-the-table-suite-only",
}


CONFIG = load_config(environ=WITHOUT_REGISTRY)
# Switched on beforehand, so that blocking an address or sharing traffic needs no restart of APISIX.
OPERATORS = {"ip-restriction", "traffic-split"}
SAID = {(code, name, chinese) for code, name, chinese, _ in (*ERRORS.values(), MISSING)}


def table_with(route_id: str, **changes: Any) -> Table:
    table = load(environ=KEYS)
    changed = [
        dataclasses.replace(route, **changes) if route.id == route_id else route for route in table.routes
    ]
    return dataclasses.replace(table, routes=tuple(changed))


def route(route_id: str) -> Route:
    return next(item for item in load(environ=KEYS).routes if item.id == route_id)


def found(table: Table) -> str:
    return "\n".join(problems(table, CONFIG))


def test_the_table_as_it_stands_is_sound() -> None:
    assert problems(load(environ=WITHOUT_KEYS), CONFIG) == []


def test_config_switches_on_no_plugin_that_the_table_does_not_use() -> None:
    table = load(environ=WITHOUT_KEYS)
    used = set(table.global_plugins).union(*(item.plugins for item in table.routes))

    assert set(CONFIG["plugins"]) == used | OPERATORS


def test_the_open_list_names_only_routes_that_exist() -> None:
    assert {item.id for item in load(environ=WITHOUT_KEYS).routes} >= OPEN


def without(plugin: str) -> Callable[[Route], dict[str, Any]]:
    return lambda item: {name: config for name, config in item.plugins.items() if name != plugin}


@pytest.mark.parametrize(
    ("route_id", "changes", "breach"),
    [
        ("orders", lambda item: {"plugins": {**item.plugins, "jwt-auht": {}}}, "unknown plugin jwt-auht"),
        ("orders", lambda item: {"plugins": without("jwt-auth")(item)}, "asks for no token"),
        (
            "orders",
            lambda item: {"plugins": {**item.plugins, "jwt-auth": {"store_in_ctx": True}}},
            "never expire",
        ),
        (
            "orders",
            lambda item: {"plugins": without("serverless-post-function")(item)},
            "does not pass the verified user on",
        ),
        (
            "orders",
            lambda item: {
                "plugins": {
                    **item.plugins,
                    "jwt-auth": {**item.plugins["jwt-auth"], "anonymous_consumer": "x"},
                }
            },
            "anonymous callers are for the optional list",
        ),
        (
            "orders",
            lambda item: {
                "plugins": {**item.plugins, "serverless-pre-function": {"functions": ["return 1"]}}
            },
            "nobody has recognised",
        ),
        (
            "orders",
            lambda item: {"uris": ("/api/orders/internal/x", "/api/orders/internal/x/")},
            "would publish",
        ),
        (
            "shopping-reads",
            lambda item: {"uris": ("/api/v/:version/event/x", "/api/v/:version/event/x/")},
            "would publish",
        ),
        ("orders", lambda item: {"uris": ("/metrics", "/metrics/")}, "would publish"),
        ("orders", lambda item: {"uris": ("/api/orders",)}, "without /api/orders/"),
        ("orders", lambda item: {"methods": ()}, "lists no methods"),
        ("orders", lambda item: {"upstream": "ordre"}, "unknown upstream ordre"),
        (
            "orders-lists",
            lambda item: {"uris": ("/api/orders", "/api/orders/")},
            "stands in orders and in orders-lists",
        ),
        ("internal", lambda item: {"uris": item.uris[2:]}, "/internal is not answered 404"),
        ("internal", lambda item: {"priority": 0}, "/event is not answered 404"),
        ("internal", lambda item: {"methods": ("GET",)}, "/event is not answered 404"),
    ],
)
def test_a_breach_is_named(route_id: str, changes: Callable[[Route], dict[str, Any]], breach: str) -> None:
    assert breach in found(table_with(route_id, **changes(route(route_id))))


@pytest.mark.parametrize("plugin", ["serverless-pre-function", "client-control", "request-id", "cors"])
def test_a_missing_global_rule_is_named(plugin: str) -> None:
    table = load(environ=KEYS)
    kept = {name: config for name, config in table.global_plugins.items() if name != plugin}

    assert "the global rules" in found(dataclasses.replace(table, global_plugins=kept))


def test_a_plugin_that_config_does_not_switch_on_is_named() -> None:
    less = {**CONFIG, "plugins": [name for name in CONFIG["plugins"] if name != "jwt-auth"]}

    assert "jwt-auth is not switched on" in "\n".join(problems(load(environ=WITHOUT_KEYS), less))


def translated(table: Table) -> dict[str, Any]:
    services = ("OrderService", "PaymentService", "NotificationService", "UserService", "ProductService")
    return translate(
        table,
        addresses=dict.fromkeys(services, "127.0.0.1:1"),
        listen=Listen("127.0.0.1", 0, 0, Path("admin.sock")),
    )


def test_the_translation_refuses_a_plugin_it_does_not_know() -> None:
    table = table_with("orders", plugins={**route("orders").plugins, "ua-restriction": {}})

    with pytest.raises(TableError, match="ua-restriction"):
        translated(table)


@pytest.mark.parametrize(
    ("place", "said", "breach"),
    [
        ("routes/orders/plugins/limit-conn", {"conn": 1}, "route orders: unknown plugin limit-conn"),
        ("routes/orders/plugins/cors", {"allow_origins": "https://a.example"}, "orders: cors: allow_origins"),
        ("routes/catalogue/plugins/limit-req/nodelay", True, "route catalogue: limit-req: nodelay"),
        ("routes/catalogue/plugins/limit-req/rejected_code", 503, "limit-req: rejected_code 503"),
        ("routes/login/plugins/limit-count/policy", "redis", "limit-count: policy redis"),
        ("plugin_configs/user/plugins/jwt-auth/hide_credentials", True, "jwt-auth: hide_credentials"),
        ("plugin_configs/user/plugins/api-breaker/policy", "unhealthy-ratio", "api-breaker: policy"),
        ("global_rules/every-request/plugins/cors/allow_credential", True, "cors: allow_credential"),
        ("global_rules/every-request/plugins/request-id/algorithm", "nanoid", "request-id: algorithm"),
        ("routes/orders/plugins/traffic-split", {"rules": [{}, {}]}, "orders: traffic-split: only one rule"),
        ("routes/orders/remote_addr", "127.0.0.1", "routes orders: remote_addr"),
        ("upstreams/order/pass_host", "node", "upstreams order: pass_host"),
        ("upstreams/order/type", "chash", "upstreams order: type chash"),
        ("upstreams/order/checks/passive", {"type": "http"}, "upstreams order: checks.passive.type"),
        ("consumers/anonymous/group_id", "x", "consumers anonymous: group_id"),
    ],
)
def test_the_translation_refuses_what_it_does_not_know(
    tmp_path: Path, place: str, said: Any, breach: str
) -> None:
    table = changed(tmp_path, KEYS, lambda document: put(document, place, said))
    with pytest.raises(TableError, match=re.escape(breach)):
        translated(table)
    assert breach in found(table)


def test_a_secret_that_could_be_its_own_name_is_named(tmp_path: Path) -> None:
    def weaken(document: Document) -> None:
        entry(document, "consumers", "issuer_hs256")["plugins"]["jwt-auth"]["secret"] = (
            "$ENV://JWT_HS256_SECRET"
        )

    assert "issuer_hs256: unset, a $ENV:// secret" in found(changed(tmp_path, KEYS, weaken))


def test_what_a_plugin_of_apisix_answers_is_what_envoy_answers() -> None:
    """_meta.error_response of every plugin: code, name and message of the embedded gateway's own error."""
    table = load(environ=KEYS)
    everywhere = [table.global_plugins, *(item.plugins for item in table.routes)]
    texts = {
        config["_meta"]["error_response"]
        for plugins in everywhere
        for config in plugins.values()
        if "_meta" in config
    }

    assert len(texts) == 7
    for body in map(json.loads, texts):
        assert (int(body["code"]), body["name"], body["message"]) in SAID
        assert list(body) == ["code", "name", "message", "errors", "request_id", "data"]
        assert body["errors"] == {}, "as the services say it: clients look fields up in it"


def test_the_translation_refuses_to_run_without_keys() -> None:
    with pytest.raises(TableError, match="no key material"):
        translated(load(environ=WITHOUT_KEYS))


def test_a_table_cut_short_is_refused(tmp_path: Path) -> None:
    cut = tmp_path / "apisix.yaml"
    cut.write_text(TABLE.read_text(encoding="utf-8").removesuffix("#END\n"), encoding="utf-8")

    with pytest.raises(TableError, match="#END"):
        load(cut)


def test_changed_lua_is_not_recognised(tmp_path: Path) -> None:
    changed = tmp_path / "apisix.yaml"
    changed.write_text(
        TABLE.read_text(encoding="utf-8").replace('plain == "uuid"', 'plain == "uu1d"'), encoding="utf-8"
    )

    assert "nobody has recognised" in found(load(changed, KEYS))
