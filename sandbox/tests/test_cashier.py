"""The buyers' page: what it shows, what its buttons do, and the signed way back."""

import re
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
import requests

from tests.live import Merchant

RETURN = "http://127.0.0.1:9/return?from=cashier"


def cashier(merchant: Merchant, **kwargs: str) -> tuple[str, requests.Response]:
    out_trade_no, url = merchant.page("299.00", **kwargs)
    return out_trade_no, requests.get(url, timeout=10)


def press(page: requests.Response, button: str) -> requests.Response:
    """Presses the form with this testid, as scripts and browsers do."""
    found = re.search(rf'<form[^>]*data-testid="cashier-{button}"[^>]*action="([^"]+)"', page.text)
    assert found, f"no button {button}"
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    return requests.post(origin + found[1], timeout=10, allow_redirects=False)


def test_the_page_shows_what_is_to_be_paid(merchant: Merchant) -> None:
    out_trade_no, page = cashier(merchant, subject="茶具 <b>", timeout_express="30m")
    assert '<span data-testid="cashier-amount">299.00</span>' in page.text
    assert "茶具 &lt;b&gt;" in page.text
    assert out_trade_no in page.text
    assert "<svg" in page.text.split('data-testid="cashier-qr"')[1]


def test_paying_returns_to_the_merchant_with_signed_parameters(merchant: Merchant) -> None:
    out_trade_no, page = cashier(merchant, return_url=RETURN)
    answer = press(page, "pay")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(RETURN + "&")
    parameters = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    del parameters["from"]
    assert (parameters["out_trade_no"], parameters["total_amount"]) == (out_trade_no, "299.00")
    assert parameters["method"] == "alipay.trade.page.pay.return"
    assert merchant.verifies(parameters)
    assert not merchant.verifies({**parameters, "total_amount": "0.01"})


def test_paying_without_a_return_url_says_thanks(merchant: Merchant) -> None:
    _, page = cashier(merchant)
    thanks = requests.get(merchant.live.alipay + press(page, "pay").headers["Location"], timeout=10)
    assert 'data-testid="cashier-paid"' in thanks.text
    assert 'data-testid="cashier-pay"' not in thanks.text


@pytest.mark.parametrize(
    ("button", "shown", "status"),
    [
        ("scan", "cashier-open", "WAIT_BUYER_PAY"),
        ("fail", "cashier-failed", "WAIT_BUYER_PAY"),
        ("close", "cashier-closed", "TRADE_CLOSED"),
    ],
)
def test_the_other_buttons(merchant: Merchant, button: str, shown: str, status: str) -> None:
    out_trade_no, page = cashier(merchant, return_url=RETURN)
    location = press(page, button).headers["Location"]
    assert location.startswith("/cashier/")
    after = requests.get(merchant.live.alipay + location, timeout=10)
    assert f'data-testid="{shown}"' in after.text
    assert merchant.status(out_trade_no) == status


def test_an_expired_page_offers_no_button(merchant: Merchant) -> None:
    _, page = cashier(merchant, time_expire=soon())
    assert 'data-testid="cashier-pay"' in page.text
    merchant.live.sim("clock/", {"advance_seconds": 600})
    late = requests.get(page.url, timeout=10)
    assert 'data-testid="cashier-closed"' in late.text
    assert "cashier-pay" not in late.text
    assert "ACQ.TRADE_HAS_CLOSE" in requests.post(page.url + "/pay", timeout=10).text


def test_unknown_links_and_buttons_are_404(merchant: Merchant) -> None:
    _, page = cashier(merchant)
    assert requests.get(merchant.live.alipay + "/cashier/nothing", timeout=10).status_code == 404
    assert requests.post(page.url + "/steal", timeout=10).status_code == 404
    assert requests.get(page.url + "/pay", timeout=10).status_code == 405


def test_a_relative_term_starts_when_the_buyer_acts(merchant: Merchant) -> None:
    _, page = cashier(merchant, timeout_express="1m")
    merchant.live.sim("clock/", {"advance_seconds": 600})
    assert 'data-testid="cashier-pay"' in requests.get(page.url, timeout=10).text
    press(page, "scan")
    merchant.live.sim("clock/", {"advance_seconds": 61})
    assert 'data-testid="cashier-closed"' in requests.get(page.url, timeout=10).text


def soon() -> str:
    in_five_minutes = datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(minutes=5)
    return in_five_minutes.strftime("%Y-%m-%d %H:%M:%S")
