"""The settings by which a service tells how it does: logs, metrics, traces.

Room: plain. A part of `common.settings_table`, which inherits it.
"""

from dataclasses import dataclass

from common.setting_types import one_of, setting, share, url, whole

SAMPLERS = tuple(
    f"{parent}{kind}"
    for parent in ("parentbased_", "")
    for kind in ("always_on", "always_off", "traceidratio")
)


@dataclass(frozen=True)
class TelemetrySettings:
    """Names with OTEL are OpenTelemetry's own and mean what its specification says."""

    log_file: str = setting(
        "telemetry",
        "Log file beside stdout, rotated; default logs/<service>.log in the service's folder, off for none",
    )
    worker_metrics_port: int = setting(
        "telemetry",
        "Port of a worker's own /metrics, for one that shares no disk with its web process; 0 for none",
        0,
        read=whole(0, 65535),
        type=int,
    )
    agent_metrics_port: int = setting(
        "telemetry",
        "Port of a Nacos agent's own /metrics, for one that stands beside no service's page; 0 for none",
        0,
        read=whole(0, 65535),
        type=int,
    )
    otel_exporter_otlp_endpoint: str = setting(
        "telemetry",
        "Collector of spans (OTLP over HTTP), http://host:4318; none by default",
        read=url,
    )
    otel_exporter_otlp_headers: str = setting(
        "telemetry", "Headers for the collector: name=value, with commas between", secret=True
    )
    otel_service_name: str = setting("telemetry", "The service's name in traces; default OrderService …")
    otel_traces_sampler: str = setting(
        "telemetry", "Which traces are kept", "parentbased_always_on", read=one_of(*SAMPLERS)
    )
    otel_traces_sampler_arg: str = setting(
        "telemetry", "Share of the traces to keep, 0 to 1, for the ratio samplers", read=share
    )
