"""The sandbox as other programs meet it: started as processes on free ports, spoken to over HTTP only."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import requests
from alipay import AliPay

from common.embedded import embedded_environment
from common.testing.processes import free_ports

SANDBOX = Path(__file__).resolve().parent.parent
NAMES = ("USER", "PRODUCT", "ROOT", "SHOP", "ALIPAY")
PATIENCE_SECONDS = 20.0


class Live:
    """Addresses of a running sandbox, and its control doors."""

    def __init__(self, ports: dict[str, int], var_dir: Path) -> None:
        self.ports = ports
        self.var_dir = var_dir
        self.urls = {name.lower(): f"http://127.0.0.1:{port}" for name, port in ports.items()}

    def __getattr__(self, name: str) -> str:
        if name in ("user", "product", "root", "shop", "alipay"):
            return self.urls[name]
        raise AttributeError(name)

    def sim(self, path: str, body: dict[str, Any] | None = None, *, port: str = "alipay") -> dict[str, Any]:
        """One control call: POST when there is a body, GET otherwise."""
        url = f"{self.urls[port]}/sim/{path}"
        response = (
            requests.get(url, timeout=10) if body is None else requests.post(url, json=body, timeout=10)
        )
        assert response.ok, response.text
        return dict(response.json())

    def arm(self, kind: str, *, port: str = "alipay", **given: Any) -> None:
        self.sim("faults/", {"kind": kind, **given}, port=port)

    def reset(self) -> None:
        self.sim("reset/", {})
        requests.delete(f"{self.product}/sim/faults/", timeout=10)
        self.sim("dialect/", {"dialect": "update"}, port="product")

    def trade(self, out_trade_no: str) -> dict[str, Any]:
        return self.sim(f"trades/{out_trade_no}/")

    def press(self, out_trade_no: str, action: str, **body: Any) -> dict[str, Any]:
        return self.sim(f"trades/{out_trade_no}/{action}/", body)


class Receiver:
    """A merchant's notify address that keeps the forms it gets and answers what it is told to."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.replies: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.forms.append(dict(parse_qsl(text, keep_blank_values=True)))
                reply = receiver.replies.pop(0) if receiver.replies else "success"
                self.send_response(200)
                self.end_headers()
                self.wfile.write(reply.encode())

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/notify"

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *args: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, count: int) -> list[dict[str, str]]:
        eventually(lambda: len(self.forms) >= count, f"{count} notifications, got {len(self.forms)}")
        return self.forms

    @property
    def statuses(self) -> list[str]:
        return [form["trade_status"] for form in self.forms]


class Merchant:
    """python-alipay-sdk pointed at the simulator, as a payment service would use it."""

    def __init__(self, live: Live, *, notify_url: str) -> None:
        keys = embedded_environment(live.var_dir, "PaymentService")
        self.live = live
        self.app_id = keys["ALIPAY_APP_ID"]
        self.seller_id = keys["ALIPAY_SELLER_ID"]
        self.sdk = AliPay(self.app_id, notify_url, keys["ALIPAY_PRIVATE_KEY"], keys["ALIPAY_PUBLIC_KEY"])
        self.gateway = f"{live.alipay}/gateway.do"
        self.sdk._gateway = self.gateway

    def page(self, amount: str = "299.00", *, wap: bool = False, **kwargs: Any) -> tuple[str, str]:
        """A new trade number and the signed address a browser opens."""
        out_trade_no = kwargs.pop("out_trade_no", None) or uuid.uuid4().hex
        sign = self.sdk.api_alipay_trade_wap_pay if wap else self.sdk.api_alipay_trade_page_pay
        query = sign(kwargs.pop("subject", "青瓷茶具套装"), out_trade_no, amount, **kwargs)
        return out_trade_no, f"{self.gateway}?{query}"

    def opened(self, amount: str = "299.00", **kwargs: Any) -> str:
        """A link the buyer has opened in the browser, no button pressed."""
        out_trade_no, url = self.page(amount, **kwargs)
        assert requests.get(url, timeout=10).status_code == 200
        return out_trade_no

    def paid(self, amount: str = "299.00", **kwargs: Any) -> str:
        out_trade_no = self.opened(amount, **kwargs)
        self.live.press(out_trade_no, "pay")
        return out_trade_no

    def query(self, out_trade_no: str) -> dict[str, Any]:
        return dict(self.sdk.api_alipay_trade_query(out_trade_no=out_trade_no))

    def status(self, out_trade_no: str) -> str:
        answer = self.query(out_trade_no)
        return str(answer.get("trade_status") or answer["sub_code"])

    def refund(self, out_trade_no: str, amount: str, number: str, **kwargs: Any) -> dict[str, Any]:
        return dict(self.sdk.api_alipay_trade_refund(amount, out_trade_no, out_request_no=number, **kwargs))

    def refund_query(self, out_trade_no: str, number: str) -> dict[str, Any]:
        return dict(self.sdk.api_alipay_trade_fastpay_refund_query(number, out_trade_no=out_trade_no))

    def verifies(self, form: dict[str, str]) -> bool:
        """The SDK's own judgement of a notification's signature."""
        fields = dict(form)
        signature = fields.pop("sign")
        try:
            return bool(self.sdk.verify(fields, signature))
        except ValueError:
            return False


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.05)


@contextmanager
def running(var_dir: Path, **environment: str) -> Iterator[Live]:
    """Migrates, starts gunicorn and the notifier, waits until all answer, and ends both afterwards."""
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    env = {
        **os.environ,
        "CFMP_MODE": "embedded",
        "CFMP_VAR_DIR": str(var_dir),
        "PYTHONPATH": str(SANDBOX.parent),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **{f"SANDBOX_{name}_PORT": str(port) for name, port in ports.items()},
        **environment,
    }
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "-v0"], cwd=SANDBOX, env=env, check=True)
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "config.wsgi:application"]
    log = (var_dir / "sandbox.log").open("wb")
    commands = (gunicorn, [*manage, "notifier", "--poll", "0.05"])
    started = [subprocess.Popen(c, cwd=SANDBOX, env=env, stdout=log, stderr=log) for c in commands]
    live = Live(ports, var_dir)
    try:
        eventually(lambda: all(map(_answers, live.urls.values())), f"the sandbox, see {log.name}")
        yield live
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(timeout=20)
        log.close()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=2).ok
    except requests.RequestException:
        return False
