"""`prometheus` and `opentelemetry` in Envoy's words: counters on APISIX's address and path, and spans."""

from typing import Any
from urllib.parse import urlsplit

from apisix.table import Table

METRICS_PATH = "/apisix/prometheus/metrics"

_TYPE = "type.googleapis.com/envoy.extensions."
_ADMIN, _COLLECTOR = "admin", "collector"
_EXPORT_SECONDS = 3


def metrics_listener(host: str, port: int) -> dict[str, Any]:
    """Envoy's counters in Prometheus' format, and nothing else of its admin interface."""
    counters = {
        "match": {
            "path": METRICS_PATH,
            "headers": [{"name": ":method", "string_match": {"exact": "GET"}}],
        },
        "route": {"cluster": _ADMIN, "prefix_rewrite": "/stats/prometheus"},
    }
    return {
        "name": "metrics",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "filter_chains": [{"filters": [_manager([counters])]}],
    }


def _manager(routes: list[dict[str, Any]]) -> dict[str, Any]:
    router = {"@type": f"{_TYPE}filters.http.router.v3.Router"}
    config = {
        "@type": f"{_TYPE}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "metrics",
        "codec_type": "HTTP1",
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
        "route_config": {"virtual_hosts": [{"name": "metrics", "domains": ["*"], "routes": routes}]},
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}


def admin_cluster(socket: str) -> dict[str, Any]:
    """The admin interface, as where the metrics come from."""
    return _cluster(_ADMIN, {"pipe": {"path": socket}})


def collector_cluster(address: str) -> dict[str, Any]:
    """Where spans are sent."""
    place = urlsplit(f"//{address}")
    socket = {"address": place.hostname, "port_value": place.port or 4318}
    return _cluster(_COLLECTOR, {"socket_address": socket})


def _cluster(name: str, place: dict[str, Any]) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": place}}]}]
    return {
        "name": name,
        "type": "STATIC" if "pipe" in place else "STRICT_DNS",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def tracing(table: Table, address: str) -> dict[str, Any]:
    """A span per request, sampled as the table says; the service's own span becomes its child."""
    plugin = table.global_plugins["opentelemetry"]
    collector = {
        "uri": f"http://{address}/v1/traces",
        "cluster": _COLLECTOR,
        "timeout": f"{_EXPORT_SECONDS}s",
    }
    config = {
        "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
        "http_service": {"http_uri": collector},
        "service_name": table.service_name,
        "sampler": _sampler(plugin["sampler"]["options"]["root"]["name"]),
    }
    return {"provider": {"name": "envoy.tracers.opentelemetry", "typed_config": config}}


def _sampler(root: str) -> dict[str, Any]:
    """The caller's decision where it made one, else `root`'s."""
    wrapped = _extension(root, "AlwaysOnSamplerConfig")
    return _extension("parent_based", "ParentBasedSamplerConfig", wrapped_sampler=wrapped)


def _extension(name: str, kind: str, **config: Any) -> dict[str, Any]:
    typed = {"@type": f"{_TYPE}tracers.opentelemetry.samplers.v3.{kind}", **config}
    return {"name": f"envoy.tracers.opentelemetry.samplers.{name}", "typed_config": typed}
