"""The developers' door, RootService, the shop's files, and the mode the sandbox refuses."""

import os
import subprocess
import sys

import pytest
import requests

from common.embedded import embedded_environment
from tests.live import SANDBOX, Live, Merchant

SECRETS = ("SANDBOX_JWT_PRIVATE_KEY", "SANDBOX_JWT_HS256_SECRET", "SANDBOX_ALIPAY_PRIVATE_KEY")


def test_a_merchant_learns_what_to_configure(live: Live, merchant: Merchant) -> None:
    given = live.sim("application/")
    assert (given["app_id"], given["gateway_url"]) == (merchant.app_id, merchant.gateway)
    assert given["alipay_public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    assert "PRIVATE" not in str(given)


def test_the_clock_only_goes_forward(live: Live) -> None:
    assert live.sim("clock/", {"advance_seconds": 60})["offset_seconds"] == 60
    back = requests.post(f"{live.alipay}/sim/clock/", json={"advance_seconds": -1}, timeout=10)
    assert back.status_code == 400
    assert live.sim("clock/")["offset_seconds"] == 60


@pytest.mark.parametrize("seconds", [1e308, 10**10, "nan", "inf"])
def test_the_clock_stays_where_there_are_dates(live: Live, seconds: object) -> None:
    far = requests.post(f"{live.alipay}/sim/clock/", json={"advance_seconds": seconds}, timeout=10)
    assert (far.status_code, live.sim("clock/")["offset_seconds"]) == (400, 0)


@pytest.mark.parametrize(
    "body", [{"product": "moon", "triggers": []}, {"product": "page", "triggers": ["X"]}]
)
def test_nonsense_triggers_are_refused(live: Live, body: dict) -> None:
    before = live.sim("triggers/")
    assert requests.post(f"{live.alipay}/sim/triggers/", json=body, timeout=10).status_code == 400
    assert live.sim("triggers/") == before


def test_reset_forgets_everything(live: Live, merchant: Merchant) -> None:
    merchant.paid()
    live.arm("unknown", remaining=None)
    live.sim("clock/", {"advance_seconds": 60})
    live.sim("reset/", {})
    assert live.sim("trades/")["trades"] == []
    assert live.sim("faults/")["faults"] == []
    assert live.sim("events/")["events"] == []
    assert live.sim("clock/")["offset_seconds"] == 0


def test_the_control_room_shows_trades_faults_and_traffic(live: Live, merchant: Merchant) -> None:
    out_trade_no = merchant.paid()
    live.arm("forge", target="notify")
    page = requests.get(f"{live.alipay}/sim/", timeout=10).text
    assert out_trade_no in page
    assert "forge" in page.split('data-testid="armed"')[1]
    assert "alipay.trade.page.pay" in page


@pytest.mark.parametrize(("origin", "status"), [("http://evil.example", 403), ("null", 403), (None, 200)])
def test_another_sites_page_presses_nothing(
    live: Live, merchant: Merchant, origin: str | None, status: int
) -> None:
    out_trade_no = merchant.opened()
    headers = {"Origin": origin} if origin else {"Origin": live.alipay}
    link = merchant.live.trade(out_trade_no)["links"][0]["cashier_url"]
    answer = requests.post(f"{live.alipay}{link}/pay", headers=headers, timeout=10)
    assert answer.status_code == status
    assert (merchant.status(out_trade_no) == "TRADE_SUCCESS") is (status == 200)
    clock = requests.post(f"{live.alipay}/sim/clock/", json={}, headers=headers, timeout=10)
    assert clock.status_code == status


@pytest.mark.parametrize(
    "body",
    [
        *({"remaining": 0}, {"remaining": "2"}, {"probability": 2}, {"probability": "x"}, {"kind": []}),
        *({"seconds": "x"}, {"seconds": -1}, {"seconds": 1e308}, {"status": 42}, {"times": 10**6}),
    ],
)
def test_a_fault_with_nonsense_numbers_is_refused(live: Live, body: dict) -> None:
    url = f"{live.alipay}/sim/faults/"
    assert requests.post(url, json={"kind": "unknown", **body}, timeout=10).status_code == 400
    assert live.sim("faults/")["faults"] == []


def test_root_lists_every_service_with_its_health(live: Live) -> None:
    found = requests.get(f"{live.root}/api/root/services/", timeout=10).json()["services"]
    health = {service["name"]: service["healthy"] for service in found}
    ours = ("UserService", "ProductService", "RootService", "Shop", "Alipay")
    assert {name: health[name] for name in ours} == dict.fromkeys(ours, True)
    assert {"OrderService", "PaymentService", "NotificationService", "Gateway"} < health.keys()


@pytest.mark.parametrize("path", ["/", "/api/root/configuration/"])
def test_root_shows_configuration_without_secrets(live: Live, path: str) -> None:
    shown = requests.get(live.root + path, timeout=10).text
    assert "notify_scale" in shown
    assert "PRIVATE KEY" not in shown
    made_up = embedded_environment(live.var_dir, "sandbox")
    assert not any(made_up[name] in shown for name in SECRETS)


@pytest.mark.parametrize(("name", "service"), [("user", "UserService"), ("product", "ProductService")])
def test_every_neighbour_has_its_health(live: Live, name: str, service: str) -> None:
    answer = requests.get(f"{live.urls[name]}/health", timeout=10).json()
    assert answer == {"status": "healthy", "service": service}


def test_the_shop_page_loads_nothing_from_elsewhere(live: Live) -> None:
    page = requests.get(f"{live.shop}/", timeout=10)
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    script = requests.get(f"{live.shop}/shop/main.js", timeout=10)
    assert script.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/shop/nothing.js", "/shop/..%2Fviews.py", "/shop/views.py", "/nowhere"])
def test_the_shop_serves_only_its_own_files(live: Live, path: str) -> None:
    answer = requests.get(live.shop + path, timeout=10)
    assert answer.status_code == 404
    assert answer.json()["success"] is False


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(live: Live, body: bytes) -> None:
    for url in (f"{live.user}/api/v1/auth/login-with-password/", f"{live.alipay}/sim/faults/"):
        assert requests.post(url, data=body, timeout=10).status_code == 400


def test_production_mode_is_refused() -> None:
    env = {**os.environ, "CFMP_MODE": "production"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=SANDBOX, env=env, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "runs only with CFMP_MODE=embedded" in done.stderr
