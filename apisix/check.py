"""What must hold for every route: `python -m apisix.check` prints each breach and fails.

APISIX only warns about a plugin it does not know and then serves the route without it: a mistyped `jwt-auth`
leaves a route open. So the table is judged here, and in the test command, before any gateway sees it.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from apisix.embedded.known import untranslated
from apisix.schemas import config_violations, violations
from apisix.table import (
    IDENTITY_LUA_SHA256,
    WITHOUT_KEYS,
    WITHOUT_REGISTRY,
    Plugins,
    Route,
    Table,
    load,
    load_config,
    lua_of,
)

# The only routes without a verified token. Adding one is a decision that a reviewer must see here.
OPEN = frozenset({"internal", "stock", "login", "catalogue", "payment-notify", "payment-return", "shop"})
# A token is verified when there is one.
OPTIONAL = frozenset({"shopping-price", "shopping-coupons", "cart-update", "cart-list"})

INTERNAL = ("/internal", "/api/internal", "/api/orders/internal", "/event")
# Between services and operators only. No route may name them, and unlisted is 404.
NEVER_ROUTED = (
    *INTERNAL,
    "/refund",
    "/health",
    "/livez",
    "/readyz",
    "/metrics",
    "/api/schema",
    "/api/docs",
    "/admin",
)

SERVERLESS = ("serverless-pre-function", "serverless-post-function")


def problems(table: Table, config: Mapping[str, Any]) -> list[str]:
    """Every breach, as a sentence that names the route. `config` is config.yaml."""
    enabled_plugins = frozenset(config.get("plugins", ()))
    found = [
        *config_violations(config),
        *violations(table.document),
        *untranslated(table),
        *_plugins("the global rules", table.global_plugins, enabled_plugins),
        *_global_rule(table.global_plugins),
    ]
    for route in table.routes:
        found += _plugins(f"route {route.id}", route.plugins, enabled_plugins)
        found += _route(route, table)
    return [*found, *_internal_paths_covered(table), *_consumers(table), *_unique(table)]


def _plugins(where: str, plugins: Plugins, enabled: frozenset[str]) -> Iterator[str]:
    for name, config in plugins.items():
        if name not in enabled:
            yield f"{where}: {name} is not switched on in config.yaml"
        if name in SERVERLESS and any(digest != IDENTITY_LUA_SHA256 for digest in lua_of(config)):
            yield f"{where}: {name} runs a Lua function that nobody has recognised"


def _global_rule(plugins: Plugins) -> Iterator[str]:
    strip = plugins.get("serverless-pre-function", {})
    if strip.get("phase") != "rewrite" or IDENTITY_LUA_SHA256 not in lua_of(strip):
        yield "the global rules do not strip identity headers before authentication"
    for name in ("request-id", "client-control", "cors"):
        if name not in plugins:
            yield f"the global rules lack {name}"


def _route(route: Route, table: Table) -> Iterator[str]:
    yield from _authentication(route)
    if route.upstream is None and "fault-injection" not in route.plugins:
        yield f"route {route.id} goes nowhere"
    if route.upstream is not None and route.upstream not in table.upstreams:
        yield f"route {route.id} goes to the unknown upstream {route.upstream}"
    if route.upstream is not None and not route.methods:
        yield f"route {route.id} lists no methods"
    for uri in route.uris:
        if route.upstream is not None and _under(_rewritten(uri, route.plugins), NEVER_ROUTED):
            yield f"route {route.id} would publish {uri}"
        yield from _shape(route, uri)


def _shape(route: Route, uri: str) -> Iterator[str]:
    if not re.fullmatch(r"(/([A-Za-z0-9_.-]+|:[a-z_]+))*(/|/\*)?", uri):
        yield f"route {route.id}: {uri} is not a path of words, :parameters and a trailing *"
    # Both slash forms work: the published clients disagree, and the services do not redirect.
    other = uri[:-1] if uri.endswith("/") else uri + "/"
    wild = uri.endswith("*") or any(
        item.endswith("*") and uri.startswith(item[:-1].rstrip("/")) for item in route.uris
    )
    if uri not in ("/", "/favicon.ico") and not wild and other not in route.uris:
        yield f"route {route.id} lists {uri} without {other}"


def _authentication(route: Route) -> Iterator[str]:
    auth = route.plugins.get("jwt-auth")
    if auth is None:
        if route.id not in OPEN:
            yield f"route {route.id} asks for no token and is not in the open list"
        return
    if "exp" not in auth.get("claims_to_verify", ()):
        yield f"route {route.id} accepts tokens that never expire"
    if ("anonymous_consumer" in auth) != (route.id in OPTIONAL):
        yield f"route {route.id}: anonymous callers are for the optional list, and for all of it"
    inject = route.plugins.get("serverless-post-function", {})
    if not auth.get("store_in_ctx") or IDENTITY_LUA_SHA256 not in lua_of(inject):
        yield f"route {route.id} does not pass the verified user on"


def _internal_paths_covered(table: Table) -> Iterator[str]:
    usual = max((route.priority for route in table.routes if route.upstream is not None), default=0)
    refused = {
        uri
        for route in table.routes
        if route.priority > usual and not route.methods and _answers_404(route.plugins)
        for uri in route.uris
    }
    for path in INTERNAL:
        if not {path, f"{path}/*"} <= refused:
            yield f"{path} is not answered 404 above every other route"


def _answers_404(plugins: Plugins) -> bool:
    return plugins.get("fault-injection", {}).get("abort", {}).get("http_status") == 404


def _consumers(table: Table) -> Iterator[str]:
    keys = [consumer.key for consumer in table.consumers]
    if len(set(keys)) != len(keys):
        yield "two consumers share a key, so a token could choose its algorithm"
    for entry in table.document["consumers"]:
        if entry.get("plugins", {}).get("jwt-auth", {}).get("secret", "").startswith("$ENV://"):
            yield f"consumer {entry['username']}: unset, a $ENV:// secret is its own text: anybody knows it"
    for consumer in table.consumers:
        if consumer.algorithm not in ("RS256", "HS256"):
            yield f"consumer {consumer.username} has the unknown algorithm {consumer.algorithm}"


def _unique(table: Table) -> Iterator[str]:
    seen: dict[tuple[str, str], str] = {}
    for route in table.routes:
        for method in route.methods:
            for uri in route.uris:
                first = seen.setdefault((method, uri), route.id)
                if first != route.id:
                    yield f"{method} {uri} stands in {first} and in {route.id}"


def _rewritten(uri: str, plugins: Mapping[str, dict]) -> str:
    for pattern, replacement in _pairs(plugins.get("proxy-rewrite", {}).get("regex_uri", [])):
        if re.search(pattern, uri):
            return re.sub(pattern, replacement.replace("$", "\\"), uri)
    return uri


def _pairs(flat: list[str]) -> Iterator[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _under(uri: str, prefixes: tuple[str, ...]) -> bool:
    return any(uri == prefix or uri.startswith(f"{prefix}/") for prefix in prefixes)


def main() -> int:
    """Print the breaches; the exit status is 1 when there is one."""
    config = load_config(environ={**WITHOUT_REGISTRY, **os.environ})
    found = problems(load(environ={**WITHOUT_KEYS, **os.environ}), config)
    for problem in found:
        print(f"apisix.yaml: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
