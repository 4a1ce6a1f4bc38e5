"""Envoy's HTTP filters, in the order a request meets them, from the plugins of the table.

cors > addresses > jwt_authn > identity (lua) > limits per user > limits per route > body limit > router.
What a single route changes is in `per_route`; matching paths is `routes.py`'s work.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jwt.algorithms import HMACAlgorithm, RSAAlgorithm

from apisix.embedded.addresses import address_filters, addresses_of_route
from apisix.table import Consumer, Plugins, Route, Table, TableError

Filter = dict[str, Any]

_TYPE = "type.googleapis.com/envoy.extensions.filters.http."
_JWT, _CORS, _BUFFER = "envoy.filters.http.jwt_authn", "envoy.filters.http.cors", "envoy.filters.http.buffer"
_USER_LIMIT, _ROUTE_LIMIT = "cfmp.limit_per_user", "cfmp.limit_per_route"
_ALWAYS = {"default_value": {"numerator": 100}}

# Addresses and users a limiter remembers at once; the least recently seen is forgotten first.
_REMEMBERED = 10_000

# Said by the gateway or by services only. Spellings with underscores are dropped whole (bootstrap.py).
STRIPPED = ("uuid", "x-service-authorization", "x-real-ip", "forwarded")
STRIPPED_PREFIXES = ("x-user-", "x-consumer-", "x-deadline-", "x-forwarded-", "x-envoy-")


def header_mutations() -> list[dict[str, Any]]:
    """What is removed before anything else looks at the request."""
    exact = [{"remove": name} for name in STRIPPED]
    prefixed = [
        {"remove_on_match": {"key_matcher": {"prefix": prefix, "ignore_case": True}}}
        for prefix in STRIPPED_PREFIXES
    ]
    return [*exact, *prefixed]


def http_filters(table: Table) -> list[Filter]:
    """The filter chain."""
    return [
        _filter(_CORS, "cors.v3.Cors", {}),
        *address_filters(table.global_plugins.get("ip-restriction")),
        _filter(_JWT, "jwt_authn.v3.JwtAuthentication", _jwt(table)),
        _filter(
            "envoy.filters.http.lua",
            "lua.v3.Lua",
            {"default_source_code": {"inline_string": _identity(table)}},
        ),
        _limiter(_USER_LIMIT, _user_limits(table)),
        _limiter(_ROUTE_LIMIT, []),
        _filter(
            _BUFFER,
            "buffer.v3.Buffer",
            {"max_request_bytes": table.global_plugins["client-control"]["max_body_size"]},
        ),
        _filter("envoy.filters.http.router", "router.v3.Router", {"suppress_envoy_headers": True}),
    ]


def virtual_host_config(table: Table) -> dict[str, Any]:
    """CORS answers on every path, also where nothing is routed."""
    cors = table.global_plugins["cors"]
    policy = {
        "@type": f"{_TYPE}cors.v3.CorsPolicy",
        "allow_origin_string_match": [{"safe_regex": {"regex": ".*"}}],
        "allow_methods": cors["allow_methods"],
        "allow_headers": cors["allow_headers"],
        "expose_headers": cors["expose_headers"],
        "max_age": str(cors["max_age"]),
    }
    return {_CORS: policy}


def per_route(route: Route) -> dict[str, Any]:
    """What one route configures: which token it asks for, its own limits, its own body size."""
    config = {_JWT: _requirement(route.plugins.get("jwt-auth"))}
    if limits := [*_route_limits(route.plugins)]:
        config[_ROUTE_LIMIT] = _limit_config(_ROUTE_LIMIT, limits)
    if "ip-restriction" in route.plugins:
        config |= addresses_of_route(route.plugins["ip-restriction"])
    if "client-control" in route.plugins:
        size = route.plugins["client-control"]["max_body_size"]
        config[_BUFFER] = {"@type": f"{_TYPE}buffer.v3.BufferPerRoute", "buffer": {"max_request_bytes": size}}
    return config


def no_token() -> dict[str, Any]:
    """For paths that are answered without anybody's token."""
    return {_JWT: _requirement(None)}


# ---- tokens


def _jwt(table: Table) -> dict[str, Any]:
    issuers = [{"provider_name": item.username} for item in table.consumers]
    verified = _any_of(issuers)
    either = _any_of([*issuers, {"allow_missing": {}}])
    return {
        "providers": {consumer.username: _provider(consumer) for consumer in table.consumers},
        "requirement_map": {"user": verified, "optional-user": either},
        # A route that says nothing asks for a user: forgetting is safe.
        "rules": [{"match": {"prefix": "/"}, "requires": verified}],
    }


def _any_of(requirements: list[dict[str, Any]]) -> dict[str, Any]:
    """Envoy wants two or more to choose from."""
    if not requirements:
        raise TableError("no issuer of tokens has a key, so nobody could log in")
    return requirements[0] if len(requirements) == 1 else {"requires_any": {"requirements": requirements}}


def _provider(consumer: Consumer) -> dict[str, Any]:
    return {
        "local_jwks": {"inline_string": json.dumps({"keys": [_jwk(consumer)]})},
        "from_headers": [
            {"name": "Authorization", "value_prefix": "Bearer "},
            {"name": "Authorization", "value_prefix": "bearer "},
            {"name": "x-cloudmall-access-token"},
        ],
        "forward": True,  # services verify the token again themselves
        "payload_in_metadata": consumer.username,
        "require_expiration": True,  # without it, a token without exp is accepted for ever
        "clock_skew_seconds": 1,
        "jwt_cache_config": {"jwt_cache_size": 1000},
    }


def _jwk(consumer: Consumer) -> dict[str, Any]:
    if not consumer.material:
        raise TableError(f"consumer {consumer.username} has no key material in the environment")
    if consumer.algorithm == "RS256":
        public = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(consumer.material.replace("\\n", "\n"))
        jwk = RSAAlgorithm.to_jwk(public, as_dict=True)
    else:
        jwk = HMACAlgorithm.to_jwk(consumer.material, as_dict=True)
    # `alg` pins the algorithm: a token may not choose another one for the same key.
    return {name: value for name, value in jwk.items() if name != "key_ops"} | {"alg": consumer.algorithm}


def _requirement(auth: dict[str, Any] | None) -> dict[str, Any]:
    typed = {"@type": f"{_TYPE}jwt_authn.v3.PerRouteConfig"}
    if auth is None:
        return {**typed, "disabled": True}
    return {**typed, "requirement_name": "optional-user" if "anonymous_consumer" in auth else "user"}


def _identity(table: Table) -> str:
    claims = {
        route.plugins["jwt-auth"]["key_claim_name"] for route in table.routes if "jwt-auth" in route.plugins
    }
    if len(claims) != 1:
        raise TableError("routes disagree about the key claim")
    keys = ", ".join(f"[{json.dumps(item.username)}] = {json.dumps(item.key)}" for item in table.consumers)
    script = Path(__file__).with_name("identity.lua").read_text(encoding="utf-8")
    return f"local KEYS = {{{keys}}}\nlocal KEY_CLAIM = {json.dumps(claims.pop())}\n{script}"


# ---- limits

Limit = tuple[
    str, str, dict[str, Any]
]  # the variable that is counted, the name of the limit, Envoy's token bucket


def _user_limits(table: Table) -> list[Limit]:
    """`limit-count` with a group is one limit over many routes, so it lives in the filter, not in a route."""
    groups: dict[str, dict[str, Any]] = {}
    for route in table.routes:
        config = route.plugins.get("limit-count", {})
        if "group" not in config:
            continue
        limit = {name: value for name, value in config.items() if name != "_meta"}
        if config["key"] != "http_x_user_uuid" or groups.setdefault(config["group"], limit) != limit:
            raise TableError(
                f"route {route.id}: a limit-count group counts users, in the same way on every route"
            )
    return [(config["key"], f"group-{name}", _window(config)) for name, config in groups.items()]


def _route_limits(plugins: Plugins) -> Iterator[Limit]:
    for name, bucket in (("limit-count", _window), ("limit-req", _leak)):
        config = plugins.get(name)
        if config is None or "group" in config:
            continue
        yield config.get("key", "remote_addr"), name, bucket(config)


def _window(config: dict[str, Any]) -> dict[str, Any]:
    count = config["count"]
    return {"max_tokens": count, "tokens_per_fill": count, "fill_interval": f"{config['time_window']}s"}


def _leak(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "max_tokens": config["rate"] + config["burst"],
        "tokens_per_fill": config["rate"],
        "fill_interval": "1s",
    }


def _limiter(name: str, limits: list[Limit]) -> Filter:
    return {"name": name, "typed_config": _limit_config(name, limits)}


def _limit_config(name: str, limits: list[Limit]) -> dict[str, Any]:
    config: dict[str, Any] = {"@type": f"{_TYPE}local_ratelimit.v3.LocalRateLimit", "stat_prefix": name}
    if not limits:
        return config
    # The longest refill is the honest answer to "when may I come back?".
    retry_after = max((bucket["fill_interval"] for *_, bucket in limits), key=lambda text: int(text[:-1]))[
        :-1
    ]
    return config | {
        "filter_enabled": _ALWAYS,
        "filter_enforced": _ALWAYS,
        # Envoy wants a bucket for requests that no descriptor names; it limits nothing.
        "token_bucket": {"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"},
        "always_consume_default_token_bucket": False,
        "max_dynamic_descriptors": _REMEMBERED,
        "rate_limits": [{"actions": _actions(variable, label)} for variable, label, _ in limits],
        "descriptors": [_descriptor(variable, label, bucket) for variable, label, bucket in limits],
        "response_headers_to_add": [{"header": {"key": "Retry-After", "value": retry_after}}],
    }


def _actions(variable: str, label: str) -> list[dict[str, Any]]:
    which: dict[str, Any] = {"generic_key": {"descriptor_key": "limit", "descriptor_value": label}}
    if variable == "remote_addr":
        return [which, {"remote_address": {}}]
    header = variable.removeprefix("http_").replace("_", "-")
    return [which, {"request_headers": {"header_name": header, "descriptor_key": variable}}]


def _descriptor(variable: str, label: str, bucket: dict[str, Any]) -> dict[str, Any]:
    key = "remote_address" if variable == "remote_addr" else variable
    # An entry without a value stands for every value, each with a bucket of its own.
    return {"entries": [{"key": "limit", "value": label}, {"key": key}], "token_bucket": bucket}


def _filter(name: str, kind: str, config: dict[str, Any]) -> Filter:
    return {"name": name, "typed_config": {"@type": f"{_TYPE}{kind}", **config}}
