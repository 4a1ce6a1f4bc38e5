"""The whole Envoy configuration: one listener, a cluster per upstream, the admin interface on a unix socket.

`translate` is what the stack and the gateway suite call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apisix.embedded.clusters import clusters
from apisix.embedded.filters import header_mutations, http_filters
from apisix.embedded.known import untranslated
from apisix.embedded.observe import admin_cluster, collector_cluster, metrics_listener, tracing
from apisix.embedded.replies import local_replies, refusals_log
from apisix.embedded.routes import virtual_host
from apisix.table import Table, TableError

_TYPE = "type.googleapis.com/envoy.extensions."

# The table's paths are ours, so Envoy's guard against long regexes from strangers is out of place.
_LONG_REGEXES = {"re2.max_program_size.error_level": 100_000, "re2.max_program_size.warn_level": 100_000}


@dataclass(frozen=True)
class Listen:
    """Where the gateway answers and tells its counters, and the socket of its admin interface (no port)."""

    host: str
    port: int
    metrics_port: int
    admin: Path


def translate(
    table: Table,
    *,
    addresses: Mapping[str, str],
    listen: Listen,
    endpoints: Path | None = None,
    collector: str = "",
) -> dict[str, Any]:
    """Envoy's bootstrap. `addresses` maps service names to `unix:<path>` or `host:port`, or a comma list.

    With `endpoints`, a folder that `python -m apisix.embedded.endpoints` keeps, services are found there.
    Spans go to `collector` (host:port); without one there are none.
    Raises TableError for whatever has no translation.
    """
    if unknown := untranslated(table):
        raise TableError("; ".join(unknown))
    return {
        # Envoy asks for a name of its own wherever endpoints come from outside.
        "node": {"id": "gateway", "cluster": "gateway"},
        "admin": {"address": {"pipe": {"path": str(listen.admin), "mode": 0o600}}},
        "overload_manager": _overload(),
        "layered_runtime": {"layers": [{"name": "regexes", "static_layer": _LONG_REGEXES}]},
        "static_resources": {
            "listeners": [
                _listener(table, listen, collector),
                metrics_listener("127.0.0.1", listen.metrics_port),
            ],
            "clusters": [
                *clusters(table, addresses, endpoints),
                admin_cluster(str(listen.admin)),
                *([collector_cluster(collector)] if collector else []),
            ],
        },
    }


def _listener(table: Table, listen: Listen, collector: str) -> dict[str, Any]:
    return {
        "name": "gateway",
        "address": {"socket_address": {"address": listen.host, "port_value": listen.port}},
        "per_connection_buffer_limit_bytes": 1_048_576,
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": _connection_manager(table, collector),
                    }
                ]
            }
        ],
    }


def _connection_manager(table: Table, collector: str) -> dict[str, Any]:
    spans = {"tracing": tracing(table, collector)} if collector else {}
    return {
        **spans,
        "@type": f"{_TYPE}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "codec_type": "HTTP1",
        "server_name": "gateway",
        "common_http_protocol_options": {
            "headers_with_underscores_action": "DROP_HEADER",
            "idle_timeout": "75s",
        },
        "early_header_mutation_extensions": [
            {
                "name": "identity",
                "typed_config": {
                    "@type": f"{_TYPE}http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    "mutations": header_mutations(),
                },
            }
        ],
        # The address that limits count is the connection's own; what a client claims was stripped above.
        "use_remote_address": True,
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": "request-id" in table.global_plugins,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "request_headers_timeout": "10s",
        "request_timeout": "30s",
        "stream_idle_timeout": "60s",
        "access_log": [refusals_log()],
        "local_reply_config": local_replies(),
        "http_filters": http_filters(table),
        "route_config": {"name": "table", "virtual_hosts": [virtual_host(table)]},
    }


def _overload() -> dict[str, Any]:
    """Refuse connections before file descriptors run out."""
    monitor = {
        "@type": f"{_TYPE}resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        "max_active_downstream_connections": 4096,
    }
    name = "envoy.resource_monitors.global_downstream_max_connections"
    return {"resource_monitors": [{"name": name, "typed_config": monitor}]}
