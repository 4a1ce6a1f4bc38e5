"""Waiting until the stack answers, or saying which part does not."""

import http.client
import re
import subprocess
import time

from apisix.embedded.observe import METRICS_PATH
from scripts.nacos_server.jars import CannotStart
from scripts.nacos_server.server import Server
from scripts.stack import layout, processes, registry

# Where each part says that it is ready, and what it then answers.
_QUESTIONS = {
    "OrderService": ("/readyz", {200}),
    "PaymentService": ("/readyz", {200}),
    "NotificationService": ("/readyz", {200}),
    "UserService": ("/health", {200}),
    "ProductService": ("/health", {200}),
    "RootService": ("/health", {200}),
    "gateway": ("/api/orders/", {401}),
}
_MEMBERSHIP = re.compile(
    r'^envoy_cluster_membership_healthy\{envoy_cluster_name="(\w+)"\} (\d+)', re.MULTILINE
)


class NotReady(Exception):
    """Some part did not come up; the text has the end of its log."""


def wait(seconds: float, supervisor: subprocess.Popen[bytes], nacos: Server | None = None) -> float:
    """How long it took until every part was ready. Raises NotReady."""
    started = time.monotonic()
    if nacos:
        _settle(nacos, seconds, supervisor)
    port, silent = layout.service_ports(), dict(_QUESTIONS)
    missing = list(silent)
    while missing:
        silent = {name: asked for name, asked in silent.items() if not _ready(port[name], *asked)}
        missing = list(silent) or registry.strangers() or unreached(port["gateway's metrics"])
        elapsed = time.monotonic() - started
        if supervisor.poll() is not None:
            raise NotReady(f"supervisord ended before all was ready\n{_explain(['supervisord'])}")
        if failed := [name for name in processes.failing() if elapsed > 5]:
            raise NotReady(_explain(failed))
        if elapsed > seconds:
            why = "\n".join(registry.complaints()) or _explain(missing)
            raise NotReady(f"not ready after {seconds:.0f} s: {'; '.join(missing)}\n{why}")
        time.sleep(0.2 if missing else 0)
    return time.monotonic() - started


def _settle(nacos: Server, seconds: float, supervisor: subprocess.Popen[bytes]) -> None:
    def ended() -> bool:
        return supervisor.poll() is not None or "nacos" in processes.failing()

    try:
        nacos.settle(seconds, ended)
    except CannotStart as why:
        raise NotReady(f"{why}\n{_explain(['nacos'])}") from None


def _ready(port: int, path: str, statuses: set[int]) -> bool:
    status, _ = _asked(port, path)
    return status in statuses


def unreached(metrics_port: int) -> list[str]:
    """A sentence when the gateway has nobody behind one of its doors yet: it hears of instances last."""
    _, page = _asked(metrics_port, METRICS_PATH)
    healthy = dict(_MEMBERSHIP.findall(page))
    empty = sorted(name for name, count in healthy.items() if count == "0")
    return [f"gateway does not know {', '.join(empty)}"] if empty or not healthy else []


def _asked(port: int, path: str) -> tuple[int, str]:
    """Status and text; 0 for no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def _explain(names: list[str]) -> str:
    texts = []
    for name in names:
        log = layout.LOG / f"{name.split()[0].removesuffix('Service').lower()}.log"
        if log.exists():
            texts.append(f"--- {log}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:]))
    return "\n".join(texts) or f"see {layout.LOG}"
