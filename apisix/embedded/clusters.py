"""Upstreams as Envoy's clusters: where the instances are, which of them get requests, when one rests.

Instances stand in the configuration (static), or in files that `endpoints.py` keeps as the registry says.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apisix.embedded.breaker import outlier_detection
from apisix.table import HealthCheck, Table, TableError, Upstream

_TYPE = "type.googleapis.com/envoy.extensions."

# As many as may be under way: a burst of retries while a service restarts is not cut short at Envoy's three.
_RETRIES_AT_ONCE = 1024


def clusters(
    table: Table, addresses: Mapping[str, str], endpoints: Path | None = None
) -> list[dict[str, Any]]:
    """One cluster per upstream. `addresses` and `endpoints` are `bootstrap.translate`'s."""
    return [_cluster(upstream, table, addresses, endpoints) for upstream in table.upstreams.values()]


def _cluster(
    upstream: Upstream, table: Table, addresses: Mapping[str, str], endpoints: Path | None
) -> dict[str, Any]:
    cluster: dict[str, Any] = {
        "name": upstream.id,
        "connect_timeout": f"{upstream.connect_timeout}s",
        **_instances(upstream, addresses, endpoints),
        # What is gone from the list gets nothing more, even if it still answers.
        "ignore_health_on_host_removal": True,
        # As APISIX: when every instance fails its check all are asked. A wrong check may not end a service.
        "common_lb_config": {"healthy_panic_threshold": {"value": 1}},
        "circuit_breakers": {"thresholds": [{"max_retries": _RETRIES_AT_ONCE}]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": _protocol(upstream)
        },
    }
    if upstream.check:
        cluster["health_checks"] = [_health_check(upstream.check)]
    if breaker := outlier_detection(table, upstream.id):
        cluster["outlier_detection"] = breaker
    return cluster


def _instances(upstream: Upstream, addresses: Mapping[str, str], endpoints: Path | None) -> dict[str, Any]:
    if upstream.service and endpoints:
        return _from_file(upstream.service, endpoints)
    places = _places(upstream, addresses)
    spread = [{"endpoint": {"address": place}, "load_balancing_weight": weight} for place, weight in places]
    return {
        "type": "STATIC" if all(_is_fixed(place) for place, _ in places) else "STRICT_DNS",
        "load_assignment": {"cluster_name": upstream.id, "endpoints": [{"lb_endpoints": spread}]},
    }


def _from_file(service: str, folder: Path) -> dict[str, Any]:
    source = {"path": str(folder / f"{service}.json"), "watched_directory": {"path": str(folder)}}
    config = {"path_config_source": source, "resource_api_version": "V3"}
    return {"type": "EDS", "eds_cluster_config": {"service_name": service, "eds_config": config}}


def _places(upstream: Upstream, addresses: Mapping[str, str]) -> list[tuple[dict[str, Any], int]]:
    """Addresses with their weights."""
    if upstream.service is None:
        return [(_socket(node.host, node.port), node.weight) for node in upstream.nodes if node.weight]
    if not addresses.get(upstream.service):
        raise TableError(f"upstream {upstream.id}: nobody said where {upstream.service} is")
    return [(_place(address.strip()), 1) for address in addresses[upstream.service].split(",")]


def _place(address: str) -> dict[str, Any]:
    if address.startswith("unix:"):
        return {"pipe": {"path": address.removeprefix("unix:")}}
    host, _, port = address.rpartition(":")
    return _socket(host.strip("[]"), int(port))


def _socket(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _is_fixed(place: dict[str, Any]) -> bool:
    if "pipe" in place:
        return True
    try:
        return bool(ipaddress.ip_address(place["socket_address"]["address"]))
    except ValueError:
        return False


def _health_check(check: HealthCheck) -> dict[str, Any]:
    return {
        "timeout": f"{check.timeout}s",
        "interval": f"{check.interval}s",
        "unhealthy_interval": f"{check.interval_when_unhealthy}s",
        # Envoy would ask only once a minute where nobody calls yet.
        "no_traffic_interval": f"{check.interval}s",
        "healthy_threshold": check.successes,
        "unhealthy_threshold": check.failures,
        "http_health_check": {"path": check.path},
    }


def _protocol(upstream: Upstream) -> dict[str, Any]:
    return {
        "@type": f"{_TYPE}upstreams.http.v3.HttpProtocolOptions",
        # Shorter than the services' keep-alive, so that Envoy ends idle connections.
        "common_http_protocol_options": {"idle_timeout": f"{upstream.idle_timeout}s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
