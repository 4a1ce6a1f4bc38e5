"""What the translation knows: each key of an entry, each option of a plugin. Anything else is an error.

Else APISIX would do it and Envoy would not, and nobody would notice. `MAY` is free, `MUST` has to be said; an
`Only` names the values that are translated and what APISIX takes where nothing is said.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apisix.table import Route, Table

MAY, MUST = "may", "must"


@dataclass(frozen=True)
class Only:
    """Values that have a translation."""

    values: tuple[Any, ...]
    default: Any = None


Known = Mapping[str, str | Only]

_BY_VARIABLE: Known = {
    "key_type": Only(("var",), default="var"),
    "rejected_code": Only((429,), default=503),
    "_meta.error_response": MAY,
}
_IDENTITY: Known = {"phase": Only(("rewrite",), default="access"), "functions": MUST}

# Envoy says its own errors in the envelope (replies.py), so APISIX's texts are known and not needed.
OPTIONS: Mapping[str, Known] = {
    "api-breaker": {
        "break_response_code": Only((503,)),
        "max_breaker_sec": MUST,
        "unhealthy.http_statuses": MAY,
        "unhealthy.failures": MUST,
        "healthy.http_statuses": MAY,
        "healthy.successes": MAY,
        "_meta.error_response": MAY,
    },
    "client-control": {"max_body_size": MUST, "_meta.error_response": MAY},
    "cors": {
        "allow_origins": Only(("*",), default="*"),
        "allow_methods": MUST,
        "allow_headers": MUST,
        "expose_headers": MUST,
        "allow_credential": Only((False,), default=False),
        "max_age": MUST,
    },
    "fault-injection": {
        "abort.http_status": Only((404,)),
        "abort.body": MAY,
        "abort.headers.Content-Type": MAY,
    },
    "ip-restriction": {
        "blacklist": MAY,
        "whitelist": MAY,
        "response_code": Only((403,), default=403),
        "_meta.error_response": MAY,
    },
    "jwt-auth": {
        "key_claim_name": MUST,
        "claims_to_verify": Only((["exp"],), default=["exp", "nbf"]),
        "store_in_ctx": Only((True,), default=False),
        "anonymous_consumer": MAY,
        "_meta.error_response": MAY,
    },
    "limit-count": {
        "count": MUST,
        "time_window": MUST,
        "key": Only(("remote_addr", "http_x_user_uuid"), default="remote_addr"),
        "group": MAY,
        "policy": Only(("local",), default="local"),
        **_BY_VARIABLE,
    },
    "limit-req": {
        "rate": MUST,
        "burst": MUST,
        "key": Only(("remote_addr", "http_x_user_uuid")),
        **_BY_VARIABLE,
    },
    "opentelemetry": {
        "sampler.name": Only(("parent_base",), default="always_off"),
        "sampler.options.root.name": Only(("always_on",), default="always_off"),
    },
    "prometheus": {"prefer_name": MAY},
    "proxy-rewrite": {"regex_uri": MUST},
    "request-id": {
        "header_name": Only(("X-Request-ID",), default="X-Request-Id"),
        "include_in_response": Only((True,), default=True),
        "algorithm": Only(("uuid",), default="uuid"),
    },
    "serverless-pre-function": _IDENTITY,
    "serverless-post-function": _IDENTITY,
    "traffic-split": {"rules": MUST},
}

ENTRIES: Mapping[str, Known] = {
    "routes": {
        "id": MUST,
        "uris": MUST,
        "methods": MAY,
        "priority": MAY,
        "upstream_id": MAY,
        "plugin_config_id": MAY,
        "status": MAY,
        "labels.switched_on_by": MAY,
    },
    "upstreams": {
        "id": MUST,
        "type": Only(("roundrobin",)),
        "discovery_type": Only(("nacos", None)),
        "service_name": MAY,
        "discovery_args.namespace_id": MAY,
        "discovery_args.group_name": Only(("DEFAULT_GROUP", None)),
        "nodes": MAY,
        "timeout.connect": MUST,
        "timeout.send": MUST,
        "timeout.read": MUST,
        "retries": MUST,
        "keepalive_pool.size": MAY,
        "keepalive_pool.idle_timeout": MUST,
        "keepalive_pool.requests": MAY,
        "checks.active.type": Only(("http", None)),
        "checks.active.http_path": MAY,
        "checks.active.timeout": MAY,
        "checks.active.healthy.interval": MAY,
        "checks.active.healthy.successes": MAY,
        "checks.active.unhealthy.interval": MAY,
        "checks.active.unhealthy.http_failures": MAY,
        "checks.active.unhealthy.tcp_failures": MAY,
        "checks.active.unhealthy.timeouts": MAY,
    },
    "consumers": {"username": MUST},
    "global_rules": {"id": MUST},
    "plugin_configs": {"id": MUST},
    "plugin_metadata": {
        "id": Only(("opentelemetry",)),
        "resource.service.name": MUST,
        "collector.address": MAY,
        "collector.request_timeout": MAY,
    },
}


def untranslated(table: Table) -> list[str]:
    """A sentence for each plugin, option and key that Envoy would not do."""
    found = [f"{kind} cannot be translated" for kind in table.document if kind not in ENTRIES]
    for kind, known in ENTRIES.items():
        for entry in table.document.get(kind, ()):
            where = f"{kind} {entry.get('id') or entry.get('username')}"
            rest = {name: value for name, value in entry.items() if name != "plugins"}
            found += _judged(where, rest, known)
    found += plugins("the global rules", table.global_plugins)
    for route in table.routes:
        found += plugins(f"route {route.id}", route.plugins)
        found += _split(route, table)
    return found


def _split(route: Route, table: Table) -> Iterator[str]:
    """traffic-split: one rule, for everybody, among upstreams that stand in the table."""
    rules = route.plugins.get("traffic-split", {}).get("rules", [{}])
    if len(rules) != 1 or rules[0].keys() - {"weighted_upstreams"}:
        yield f"route {route.id}: traffic-split: only one rule without match is translated"
    for share in rules[0].get("weighted_upstreams", ()):
        if share.keys() - {"upstream_id", "weight"}:
            yield f"route {route.id}: traffic-split: only upstream_id and weight are translated"
        if (upstream := share.get("upstream_id", route.upstream)) not in table.upstreams:
            yield f"route {route.id}: traffic-split to the unknown upstream {upstream}"


def plugins(where: str, configured: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The same for the plugins of one place."""
    for name, options in configured.items():
        if name not in OPTIONS:
            yield f"{where}: unknown plugin {name}"
        else:
            yield from _judged(f"{where}: {name}", options, OPTIONS[name])


def _judged(where: str, said: Mapping[str, Any], known: Known) -> Iterator[str]:
    given = dict(_flat(said))
    for option in given.keys() - known.keys():
        yield f"{where}: {option} cannot be translated"
    for option, rule in known.items():
        if rule == MUST and option not in given:
            yield f"{where}: {option} must be said"
        elif isinstance(rule, Only) and (value := given.get(option, rule.default)) not in rule.values:
            yield f"{where}: {option} {value} cannot be translated, only {', '.join(map(str, rule.values))}"


def _flat(options: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
