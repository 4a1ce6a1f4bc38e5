"""The table's routes as Envoy's: first match wins, so they are sorted as APISIX's radix tree would choose.

Priority first, then literal paths, then paths with :parameters, then a trailing *.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from apisix.embedded.filters import no_token, per_route, virtual_host_config
from apisix.table import Route, Table, TableError, Upstream

# What a :parameter stands for. No percent sign: `%69nternal` must not pass for an order's number on its way
# to a service that decodes it.
PARAMETER = r"[A-Za-z0-9._~-]+"

# APISIX switches such routes off (status 0); here they belong to the stack.
_OURS = ("switched_on_by", "embedded")

_LITERAL, _PARAMETERS, _PREFIX = 0, 1, 2


def virtual_host(table: Table) -> dict[str, Any]:
    """Every route, and 404 for what none of them lists."""
    return {
        "name": "gateway",
        "domains": ["*"],
        "routes": [_preflight(table), *_sorted(table), _not_found({"prefix": "/"})],
        "typed_per_filter_config": virtual_host_config(table),
        "request_headers_to_add": [
            {
                "header": {"key": "X-Real-IP", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }


def _preflight(table: Table) -> dict[str, Any]:
    """Asked before any route and without a token; the cors filter answers, the cluster never hears of it."""
    asked = [{"name": name, "present_match": True} for name in ("origin", "access-control-request-method")]
    options = {"name": ":method", "string_match": {"exact": "OPTIONS"}}
    return {
        "name": "preflight",
        "match": {"prefix": "/", "headers": [options, *asked]},
        "route": {"cluster": next(iter(table.upstreams))},
        "typed_per_filter_config": no_token(),
    }


def _sorted(table: Table) -> list[dict[str, Any]]:
    ranked = []
    for route in table.routes:
        if not route.enabled and _OURS not in route.labels.items():
            continue
        for kind, uris in _by_kind(route.uris):
            ranked.append(((-route.priority, kind), _translated(route, kind, uris, table)))
    return [entry for _, entry in sorted(ranked, key=lambda pair: pair[0])]


def _by_kind(uris: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for kind in (_LITERAL, _PARAMETERS, _PREFIX):
        if chosen := [uri for uri in uris if _kind(uri) == kind]:
            yield kind, chosen


def _kind(uri: str) -> int:
    if uri.endswith("*"):
        return _PREFIX
    return _PARAMETERS if "/:" in uri else _LITERAL


def _translated(route: Route, kind: int, uris: list[str], table: Table) -> dict[str, Any]:
    match = _match(kind, uris, route.methods)
    if route.upstream is None:
        return _not_found(match)
    upstream = table.upstreams[route.upstream]
    action: dict[str, Any] = {
        **_target(route),
        "timeout": f"{upstream.read_timeout}s",
        "retry_policy": _retries(upstream),
    }
    if rewrite := route.plugins.get("proxy-rewrite"):
        action["regex_rewrite"] = _rewrite(rewrite)
    return {
        "name": route.id,
        "match": match,
        "route": action,
        "typed_per_filter_config": per_route(route),
    }


def _target(route: Route) -> dict[str, Any]:
    """One cluster, or several by weight."""
    if "traffic-split" not in route.plugins:
        return {"cluster": route.upstream}
    (rule,) = route.plugins["traffic-split"]["rules"]
    shares = [
        {"name": item.get("upstream_id", route.upstream), "weight": item.get("weight", 1)}
        for item in rule["weighted_upstreams"]
    ]
    return {"weighted_clusters": {"clusters": shares}}


def _retries(upstream: Upstream) -> dict[str, Any]:
    """Only what never reached the service is tried again, at another instance: nobody is charged twice."""
    kind = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    elsewhere = {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": kind}}
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": upstream.retries,
        "retry_host_predicate": [elsewhere],
        "host_selection_retry_max_attempts": 3,
    }


def _match(kind: int, uris: list[str], methods: Sequence[str]) -> dict[str, Any]:
    match: dict[str, Any] = (
        {"path": uris[0]} if kind == _LITERAL and len(uris) == 1 else {"safe_regex": _regex(uris)}
    )
    if methods:
        match["headers"] = [{"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(methods)}}}]
    return match


def _regex(uris: list[str]) -> dict[str, str]:
    both_slashes = {uri.removesuffix("/") or "/": uri for uri in uris}
    patterns = []
    for bare in both_slashes:
        slash = "/?" if bare != "/" and {bare, f"{bare}/"} <= set(uris) else "/" if f"{bare}/" in uris else ""
        patterns.append(_pattern(bare) + slash)
    return {"regex": "|".join(patterns)}


def _pattern(uri: str) -> str:
    wild = uri.endswith("*")
    segments = [
        PARAMETER if part.startswith(":") else re.escape(part) for part in uri.removesuffix("*").split("/")
    ]
    return "/".join(segments) + (".*" if wild else "")


def _rewrite(plugin: dict[str, Any]) -> dict[str, Any]:
    if len(plugin["regex_uri"]) != 2:
        raise TableError("proxy-rewrite: only one regex_uri pair is translated")
    pattern, replacement = plugin["regex_uri"]
    substitution = re.sub(r"\$(\d)", r"\\\1", replacement)
    return {"pattern": {"regex": pattern}, "substitution": substitution}


def _not_found(match: dict[str, Any]) -> dict[str, Any]:
    return {"match": match, "direct_response": {"status": 404}, "typed_per_filter_config": no_token()}
