"""`ip-restriction` in Envoy's words: who may not come, or who alone may.

The address is the connection's own, as for the limits.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

_TYPE = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3."
EVERYWHERE, HERE = "cfmp.addresses_everywhere", "cfmp.addresses_here"


def address_filters(everywhere: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The filter of the global rules, and the one that single routes configure."""
    return [
        {"name": EVERYWHERE, "typed_config": _rbac(everywhere)},
        {"name": HERE, "typed_config": _rbac(None)},
    ]


def addresses_of_route(plugin: Mapping[str, Any]) -> dict[str, Any]:
    """What a route with the plugin configures."""
    return {HERE: {"@type": f"{_TYPE}RBACPerRoute", "rbac": {"rules": _rules(plugin)}}}


def _rbac(plugin: Mapping[str, Any] | None) -> dict[str, Any]:
    # Without rules the filter lets everybody pass.
    return {"@type": f"{_TYPE}RBAC", **({"rules": _rules(plugin)} if plugin else {})}


def _rules(plugin: Mapping[str, Any]) -> dict[str, Any]:
    action, listed = ("DENY", "blacklist") if "blacklist" in plugin else ("ALLOW", "whitelist")
    principals = [{"remote_ip": _range(text)} for text in plugin[listed]]
    return {
        "action": action,
        "policies": {"listed": {"permissions": [{"any": True}], "principals": principals}},
    }


def _range(text: str) -> dict[str, Any]:
    network = ipaddress.ip_network(text, strict=False)
    return {"address_prefix": str(network.network_address), "prefix_len": network.prefixlen}
