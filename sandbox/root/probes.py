"""Asking every service how it is, all at once, with little patience."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import requests
from django.conf import settings

PATIENCE_SECONDS = 1.5


@dataclass(frozen=True)
class Service:
    name: str
    url: str
    role: str
    path: str = "/health"


def services() -> list[Service]:
    """Who there is: the suite's three, the neighbours played here, and the gateway in front."""
    env = settings.SANDBOX
    here, ports = "http://127.0.0.1:{}", env.ports
    return [
        Service("Gateway", env.peers["Gateway"], "网关 gateway", "/"),
        Service("OrderService", env.peers["OrderService"], "订单 orders", "/readyz"),
        Service("PaymentService", env.peers["PaymentService"], "支付 payments", "/readyz"),
        Service("NotificationService", env.peers["NotificationService"], "通知 notifications", "/readyz"),
        Service("UserService", here.format(ports.user), "用户 users"),
        Service("ProductService", here.format(ports.product), "商品 goods"),
        Service("RootService", here.format(ports.root), "系统 this page"),
        Service("Shop", here.format(ports.shop), "商店页 shop page"),
        Service("Alipay", here.format(ports.alipay), "支付宝模拟器 Alipay simulator"),
    ]


def probe_all() -> list[dict[str, Any]]:
    found = services()
    with ThreadPoolExecutor(len(found)) as pool:
        return list(pool.map(_probe, found))


def _probe(service: Service) -> dict[str, Any]:
    start = time.monotonic()
    try:
        response = requests.get(service.url + service.path, timeout=PATIENCE_SECONDS, allow_redirects=False)
        healthy, note = response.status_code < 400, f"HTTP {response.status_code}"
    except requests.RequestException as error:
        healthy, note = False, "slow" if isinstance(error, requests.Timeout) else "down"
    taken = round((time.monotonic() - start) * 1000)
    return {**asdict(service), "healthy": healthy, "note": note, "milliseconds": taken}
