"""`api-breaker` in Envoy's words: an instance that fails in a row rests, longer each time.

APISIX counts per host and path and then refuses the path; Envoy counts per instance and asks the others. The
last half of the instances never rests: one path's fault may not close a service.
"""

from typing import Any

from apisix.table import Table, TableError

_FIRST_REST_SECONDS = 2
_AT_MOST_PERCENT = 50


def outlier_detection(table: Table, upstream: str) -> dict[str, Any] | None:
    """The cluster's `outlier_detection`; None when no route to `upstream` has a breaker."""
    chosen: dict[str, Any] | None = None
    for route in table.routes:
        if route.upstream != upstream or "api-breaker" not in route.plugins:
            continue
        breaker = {name: value for name, value in route.plugins["api-breaker"].items() if name != "_meta"}
        if chosen not in (None, breaker):
            raise TableError(
                f"route {route.id}: api-breaker differs from another route's to upstream {upstream}"
            )
        chosen = breaker
    return _detection(chosen) if chosen else None


def _detection(breaker: dict[str, Any]) -> dict[str, Any]:
    return {
        "consecutive_5xx": breaker["unhealthy"]["failures"],
        "interval": "1s",
        "base_ejection_time": f"{_FIRST_REST_SECONDS}s",
        "max_ejection_time": f"{breaker['max_breaker_sec']}s",
        "max_ejection_percent": _AT_MOST_PERCENT,
        # A healthy /health does not prove that the rest works.
        "successful_active_health_check_uneject_host": False,
        "enforcing_success_rate": 0,
        "enforcing_consecutive_gateway_failure": 0,
    }
