"""The Grafana dashboards as a table; `make docs` writes deploy/observability/grafana/dashboards/*.json.

Room: a command's table. A panel is a title, what it means, a unit and its queries; how Grafana wants that
written is at the end. tests/observability holds every query to the metrics that the code declares.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "deploy/observability/grafana/dashboards"
ACROSS, HEIGHT = 24, 8


@dataclass(frozen=True)
class Panel:
    """`queries` is one query after another, each with its legend. `kind` is timeseries or stat."""

    title: str
    unit: str
    queries: dict[str, str]
    about: str = ""
    kind: str = "timeseries"
    width: int = 8


@dataclass(frozen=True)
class Dashboard:
    uid: str
    title: str
    panels: tuple[Panel, ...]


def _rate(metric: str, *by: str, where: str = "") -> str:
    return f"sum by ({', '.join(by)}) (rate({metric}{{{where}}}[$__rate_interval]))"


def _most(metric: str, *by: str, where: str = "") -> str:
    """What each replica reads from the same database, once."""
    return f"max by ({', '.join(by)}) ({metric}{{{where}}})"


def _since(metric: str, *by: str) -> str:
    return f"time() - {_most(metric, *by)}"


def _moves(entity: str, *events: str, axis: str = "status") -> dict[str, str]:
    where = f'entity="{entity}", axis="{axis}", event=~"{"|".join(events)}"'
    return {"{{event}}": _rate("state_transitions_total", "event", where=where)}


def _slowest(metric: str, *by: str, share: float = 0.99) -> str:
    return f"histogram_quantile({share}, {_rate(f'{metric}_bucket', 'le', *by)})"


_FIRING = 'sum by (alertname, severity) (ALERTS{alertstate="firing"})'
_CHARGED = 'sum(increase(payment_money_yuan_total{kind="charged"}[24h]))'
_REFUNDED = 'sum(increase(payment_money_yuan_total{kind="refunded"}[24h]))'
_AGES = {
    "payment result unknown": _most("payment_unknown_age_seconds"),
    "refund open": _most("refund_open_age_seconds"),
    "event waiting": _most("outbox_lag_seconds"),
    "message waiting": _most("notification_delivery_oldest_seconds"),
    "order overdue": _most("orders_overdue_seconds"),
}

SUITE = Dashboard(
    "cfmp-suite",
    "Suite: signals and money",
    (
        Panel("Alerts that fire", "none", {"{{alertname}} ({{severity}})": _FIRING}, width=12),
        Panel("Charged in 24 h", "currencyCNY", {"charged": _CHARGED}, kind="stat", width=4),
        Panel("Refunded in 24 h", "currencyCNY", {"refunded": _REFUNDED}, kind="stat", width=4),
        Panel("Processes that answer", "none", {"{{job}}": "sum by (job) (up)"}, kind="stat", width=4),
        Panel("Requests", "reqps", {"{{service}}": "service:http_requests:rate5m"}),
        Panel("Answers that are 5xx", "percentunit", {"{{service}}": "service:http_errors:ratio_rate5m"}),
        Panel("Slowest hundredth", "s", {"{{service}}": "service:http_request_seconds:p99_5m"}),
        Panel("Orders", "ops", _moves("order", "place", "pay", "complete", "cancel", "expire", "refund")),
        Panel("Payments", "ops", _moves("payment", "created", "succeed", "fail", "close")),
        Panel(
            "The oldest that waits", "s", _AGES, about="Each has an alert; a saw-tooth near zero is health."
        ),
        Panel("Gateway", "reqps", {"{{code}}": _rate("apisix_http_status", "code")}, width=24),
    ),
)

PAYMENTS = Dashboard(
    "cfmp-payments",
    "Payments and refunds",
    (
        Panel(
            "Money",
            "currencyCNY",
            {"{{kind}} per hour": "sum by (kind) (increase(payment_money_yuan_total[1h]))"},
        ),
        Panel("Payments move", "ops", _moves("payment", ".+")),
        Panel("Refunds move", "ops", _moves("refund", ".+")),
        Panel(
            "Waiting",
            "none",
            {
                "result unknown": _most("payment_unknown"),
                "under review": _most("payment_under_review"),
                "refund open": _most("refund_open"),
                "refund stuck": _most("refund_stuck"),
            },
        ),
        Panel(
            "Provider: calls",
            "reqps",
            {"{{method}} {{outcome}}": _rate("provider_calls_total", "method", "outcome")},
        ),
        Panel(
            "Provider: slowest hundredth", "s", {"{{method}}": _slowest("provider_call_seconds", "method")}
        ),
        Panel("Callbacks refused", "ops", {"{{reason}}": _rate("payment_callbacks_refused_total", "reason")}),
        Panel("Security events kept", "none", {"{{reason}}": _most("notify_rejected", "reason")}),
        Panel(
            "Keyed requests",
            "reqps",
            {"{{service}} {{outcome}}": _rate("idempotency_keys_total", "service", "outcome")},
        ),
    ),
)

ORDERS = Dashboard(
    "cfmp-orders",
    "Orders and stock",
    (
        Panel("Orders move", "ops", _moves("order", ".+")),
        Panel("Fulfilment", "ops", _moves("order", ".+", axis="fulfilment_status")),
        Panel("Unpaid past their time", "none", {"orders": _most("orders_overdue")}),
        Panel("Products nobody can judge", "none", {"stock unknown": _most("stock_unknown")}, kind="stat"),
        Panel("Units ProductService has not heard of", "none", {"units": _most("stock_unsent_units")}),
        Panel("Oldest push without an answer", "s", {"age": _most("stock_push_oldest_seconds")}),
    ),
)

MESSAGES = Dashboard(
    "cfmp-messages",
    "Messages and risk",
    (
        Panel("Risk's word", "ops", {"{{outcome}}": _rate("risk_evaluations_total", "outcome")}),
        Panel(
            "What payments were told",
            "ops",
            {"{{outcome}}": _rate("payment_risk_outcomes_total", "outcome")},
            about="not_evaluated: risk control did not answer, RISK_FAILURE_MODE decided.",
        ),
        Panel("Open cases", "none", {"{{outcome}}": _most("risk_cases_open", "outcome")}),
        Panel("Oldest case", "s", {"{{outcome}}": _most("risk_case_oldest_seconds", "outcome")}),
        Panel(
            "Deliveries that did not end", "none", {"{{state}}": _most("notification_deliveries", "state")}
        ),
        Panel("Oldest queued message", "s", {"age": _most("notification_delivery_oldest_seconds")}),
    ),
)

PLUMBING = Dashboard(
    "cfmp-plumbing",
    "Plumbing: events, sagas, jobs, peers",
    (
        Panel("Outbox", "none", {"{{service}} {{state}}": _most("outbox_depth", "service", "state")}),
        Panel("Oldest event", "s", {"{{service}}": _most("outbox_lag_seconds", "service")}),
        Panel(
            "Deliveries",
            "ops",
            {
                "{{service}} to {{destination}} {{outcome}}": _rate(
                    "outbox_deliveries_total", "service", "destination", "outcome"
                )
            },
        ),
        Panel(
            "Events taken",
            "ops",
            {"{{service}} {{outcome}}": _rate("inbox_events_total", "service", "outcome")},
        ),
        Panel(
            "Sagas not at rest", "none", {"{{saga}} {{state}}": _most("sagas_unfinished", "saga", "state")}
        ),
        Panel("Oldest saga", "s", {"{{saga}} {{state}}": _most("saga_oldest_seconds", "saga", "state")}),
        Panel("Saga steps", "ops", {"{{saga}} {{outcome}}": _rate("saga_steps_total", "saga", "outcome")}),
        Panel(
            "Since a duty came round",
            "s",
            {"{{service}} {{duty}}": _since("worker_heartbeat_timestamp_seconds", "service", "duty")},
        ),
        Panel(
            "Since a job ended well",
            "s",
            {"{{service}} {{name}}": _since("job_last_success_timestamp_seconds", "service", "name")},
        ),
        Panel(
            "Job turns",
            "ops",
            {"{{service}} {{name}} {{outcome}}": _rate("job_runs_total", "service", "name", "outcome")},
        ),
        Panel(
            "Time in jobs",
            "percentunit",
            {"{{service}} {{name}}": _rate("job_run_seconds_sum", "service", "name")},
        ),
        Panel(
            "Database",
            "ops",
            {
                "{{service}} run again": _rate("database_retries_total", "service"),
                "{{service}} failed ({{where}})": _rate("database_failures_total", "service", "where"),
            },
        ),
        Panel(
            "Calls to peers",
            "reqps",
            {
                "{{service}} to {{peer}} {{outcome}}": _rate(
                    "peer_attempts_total", "service", "peer", "outcome"
                )
            },
        ),
        Panel(
            "Peers: slowest hundredth",
            "s",
            {"{{service}} to {{peer}}": _slowest("peer_attempt_seconds", "service", "peer")},
        ),
        Panel(
            "Peers held back",
            "none",
            {"{{service}} to {{peer}}": _most("peer_breaker_open", "service", "peer")},
        ),
    ),
)

REGISTRY = Dashboard(
    "cfmp-registry",
    "Registry and configuration",
    (
        Panel(
            "Since Nacos confirmed a peer's list",
            "s",
            {"{{service}} of {{peer}}": _most("nacos_list_age_seconds", "service", "peer")},
            about="Calls go on by the last good list; a growing age means that changes are not heard of.",
        ),
        Panel(
            "Instances that take traffic",
            "none",
            {"{{service}} of {{peer}}": "min by (service, peer) (nacos_list_instances)"},
        ),
        Panel(
            "Instances that their agents keep in the registry",
            "none",
            {"{{service}}": "sum by (service) (nacos_agent_registered)"},
        ),
        Panel(
            "Since an agent last wrote",
            "s",
            {"{{service}} {{instance}}": _most("nacos_agent_age_seconds", "service", "instance")},
        ),
        Panel(
            "Peers held back",
            "none",
            {"{{service}} to {{peer}}": _most("peer_breaker_open", "service", "peer")},
        ),
        Panel(
            "Configuration refused, and still so",
            "none",
            {"{{service}} {{data_id}}": _most("config_refusal_standing", "service", "data_id")},
        ),
        Panel(
            "Since when a document is in force",
            "s",
            {"{{service}} {{data_id}}": _most("config_age_seconds", "service", "data_id")},
        ),
        Panel(
            "Contents refused",
            "none",
            {"{{service}} {{data_id}}": _most("config_refused_total", "service", "data_id")},
        ),
    ),
)

DASHBOARDS = (SUITE, PAYMENTS, ORDERS, MESSAGES, PLUMBING, REGISTRY)


def files() -> Iterator[tuple[Path, str]]:
    """Each dashboard's file and what belongs in it."""
    for dashboard in DASHBOARDS:
        yield FOLDER / f"{dashboard.uid}.json", json.dumps(_grafana(dashboard), indent=1) + "\n"


def _grafana(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["cfmp"],
        "schemaVersion": 41,
        "editable": False,
        "refresh": "30s",
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": []},
        "panels": list(_placed(dashboard.panels)),
    }


def _placed(panels: tuple[Panel, ...]) -> Iterator[dict[str, Any]]:
    """From left to right, on to the next row where a panel does not fit."""
    x = y = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > ACROSS:
            x, y = 0, y + HEIGHT
        yield _panel(number, panel, {"x": x, "y": y, "w": panel.width, "h": HEIGHT})
        x += panel.width


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "prometheus"}
    targets = [
        {"refId": chr(65 + index), "datasource": source, "expr": query, "legendFormat": legend}
        for index, (legend, query) in enumerate(panel.queries.items())
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "gridPos": place,
        "datasource": source,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
    }
