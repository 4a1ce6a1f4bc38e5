"""Which port each part of a machine listens on: the documented one, or what `.env` says instead.

Room: plain. One table for the services, the sandbox, the gateway, and whatever starts or announces them.
A `.env` is read by every process, so each part has a variable of its own; `SERVICE_PORT`, in the environment
of one process alone, wins over its service's. (Not
`ORDER_SERVICE_PORT`: Kubernetes sets that one for its own use.)
"""

from collections.abc import Mapping

from common.faults import Misconfigured

# Part: its variable, its documented port.
_ALWAYS: Mapping[str, tuple[str, int]] = {
    "OrderService": ("ORDER_LISTEN_PORT", 8001),
    "PaymentService": ("PAYMENT_LISTEN_PORT", 8002),
    "NotificationService": ("NOTIFICATION_LISTEN_PORT", 8003),
    "UserService": ("SANDBOX_USER_PORT", 8004),
    "ProductService": ("SANDBOX_PRODUCT_PORT", 8005),
    "RootService": ("SANDBOX_ROOT_PORT", 8006),
    "shop page": ("SANDBOX_SHOP_PORT", 8007),
    "Alipay": ("SANDBOX_ALIPAY_PORT", 8090),
    "gateway": ("GATEWAY_LISTEN_PORT", 9080),
    "gateway's metrics": ("GATEWAY_METRICS_LISTEN_PORT", 9091),
}
# Without agents a worker's figures are on its service's page, and the other two do not run.
WITH_NACOS: Mapping[str, tuple[str, int]] = {
    "order worker's metrics": ("ORDER_WORKER_METRICS_LISTEN_PORT", 9101),
    "payment worker's metrics": ("PAYMENT_WORKER_METRICS_LISTEN_PORT", 9102),
    "notification worker's metrics": ("NOTIFICATION_WORKER_METRICS_LISTEN_PORT", 9103),
    "sandbox agent's metrics": ("SANDBOX_AGENT_METRICS_LISTEN_PORT", 9104),
    "endpoints' metrics": ("ENDPOINTS_METRICS_LISTEN_PORT", 9105),
}
TABLE: Mapping[str, tuple[str, int]] = {**_ALWAYS, **WITH_NACOS}


class NoPort(Misconfigured, ValueError):
    """A variable that should hold a port holds something else."""


def port_of(part: str, env: Mapping[str, str]) -> int:
    """Raises NoPort, naming the variable, when it holds none."""
    variable, documented = TABLE[part]
    text = env.get(variable, "")
    if not text:
        return documented
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise NoPort(f"{variable} must be a whole number from 1 to 65535")
    return int(text)


def url_of(part: str, env: Mapping[str, str]) -> str:
    """Its address on this machine. Raises NoPort like `port_of`."""
    return f"http://127.0.0.1:{port_of(part, env)}"
