"""Every gateway fault, met by python-alipay-sdk as a payment service would meet it."""

import json
import socket
import threading
import urllib.error

import pytest
from alipay.exceptions import AliPayException, AliPayValidationError

from tests.live import Merchant

REFUND = "alipay.trade.refund"


@pytest.fixture
def out_trade_no(merchant: Merchant) -> str:
    return merchant.paid("299.00")


def refunded(merchant: Merchant, out_trade_no: str) -> str:
    return str(merchant.live.trade(out_trade_no)["trade"]["refunded_amount"])


CONNECTION_ERRORS = (OSError, urllib.error.URLError, socket.timeout)


@pytest.mark.parametrize(("when", "amount"), [("before", "0.00"), ("after", "100.00")])
@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("drop", CONNECTION_ERRORS),
        ("timeout", CONNECTION_ERRORS),
        ("http_error", urllib.error.HTTPError),
    ],
)
def test_no_answer_before_or_after_the_effect(
    merchant: Merchant, out_trade_no: str, kind: str, raised: type, when: str, amount: str
) -> None:
    merchant.live.arm(kind, operation=REFUND, when=when, seconds=0.2)
    with pytest.raises(raised):
        merchant.refund(out_trade_no, "100.00", "r1")
    assert refunded(merchant, out_trade_no) == amount
    # The fault is used up: the same number settles it, once.
    assert merchant.refund(out_trade_no, "100.00", "r1")["code"] == "10000"
    assert refunded(merchant, out_trade_no) == "100.00"


def test_a_delay_longer_than_the_merchants_patience(merchant: Merchant, out_trade_no: str) -> None:
    merchant.sdk._config.timeout = 0.3
    merchant.live.arm("delay", operation=REFUND, when="after", seconds=1)
    with pytest.raises(CONNECTION_ERRORS):
        merchant.refund(out_trade_no, "100.00", "r1")
    assert refunded(merchant, out_trade_no) == "100.00"


@pytest.mark.parametrize(("when", "amount"), [("before", "0.00"), ("after", "100.00")])
@pytest.mark.parametrize(
    ("kind", "code", "sub_code"),
    [("unknown", "20000", "isp.unknow-error"), ("system_error", "40004", "ACQ.SYSTEM_ERROR")],
)
def test_an_unknown_answer_before_or_after_the_effect(
    merchant: Merchant, out_trade_no: str, kind: str, code: str, sub_code: str, when: str, amount: str
) -> None:
    merchant.live.arm(kind, operation=REFUND, when=when)
    answer = merchant.refund(out_trade_no, "100.00", "r1")
    assert (answer["code"], answer["sub_code"]) == (code, sub_code)
    assert refunded(merchant, out_trade_no) == amount


def test_balance_not_enough_refunds_nothing(merchant: Merchant, out_trade_no: str) -> None:
    merchant.live.arm("balance_not_enough", operation=REFUND)
    assert merchant.refund(out_trade_no, "100.00", "r1")["sub_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    assert refunded(merchant, out_trade_no) == "0.00"
    assert merchant.refund(out_trade_no, "100.00", "r1")["fund_change"] == "Y"


def test_any_business_error_can_be_said(merchant: Merchant, out_trade_no: str) -> None:
    merchant.live.arm("business_error", operation="alipay.trade.close", sub_code="ACQ.TRADE_SETTLE_ERROR")
    answer = merchant.sdk.api_alipay_trade_close(out_trade_no=out_trade_no)
    assert (answer["code"], answer["sub_code"]) == ("40004", "ACQ.TRADE_SETTLE_ERROR")


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("bad_sign", AliPayValidationError),
        ("unsigned", AliPayException),
        ("truncate", json.JSONDecodeError),
        ("empty", json.JSONDecodeError),
    ],
)
def test_a_spoiled_answer_hides_an_effect(
    merchant: Merchant, out_trade_no: str, kind: str, raised: type
) -> None:
    merchant.live.arm(kind, operation=REFUND)
    with pytest.raises(raised):
        merchant.refund(out_trade_no, "100.00", "r1")
    assert refunded(merchant, out_trade_no) == "100.00"


def test_a_pretty_answer_with_the_sign_first_is_still_genuine(merchant: Merchant, out_trade_no: str) -> None:
    merchant.live.arm("pretty", operation="alipay.trade.query")
    assert merchant.query(out_trade_no)["trade_status"] == "TRADE_SUCCESS"


def test_faults_are_counted_aimed_and_logged(merchant: Merchant, out_trade_no: str) -> None:
    other = merchant.paid()
    merchant.live.arm("unknown", operation="alipay.trade.query", subject=out_trade_no, remaining=2)
    assert merchant.query(other)["code"] == "10000"
    assert [merchant.query(out_trade_no)["code"] for _ in range(3)] == ["20000", "20000", "10000"]
    events = merchant.live.sim(f"events/?out_trade_no={out_trade_no}&kind=gateway")["events"]
    assert [event["fault"] for event in events][-3:] == ["unknown", "unknown", ""]


def test_calls_at_once_share_the_strikes_that_are_left(merchant: Merchant, out_trade_no: str) -> None:
    merchant.live.arm("unknown", operation="alipay.trade.query", remaining=3)
    codes: list[str] = []
    threads = [
        threading.Thread(target=lambda: codes.append(merchant.query(out_trade_no)["code"])) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (codes.count("20000"), codes.count("10000")) == (3, 9)


def test_a_lasting_fault_lasts_until_it_is_cleared(merchant: Merchant, out_trade_no: str) -> None:
    merchant.live.arm("unknown", remaining=None)
    assert {merchant.query(out_trade_no)["code"] for _ in range(4)} == {"20000"}
    merchant.live.reset()


def test_a_fault_that_never_strikes_changes_nothing(merchant: Merchant, out_trade_no: str) -> None:
    merchant.live.arm("unknown", probability=0.0, remaining=None)
    assert {merchant.query(out_trade_no)["code"] for _ in range(4)} == {"10000"}


def test_an_unknown_kind_is_refused(merchant: Merchant) -> None:
    import requests

    url = f"{merchant.live.alipay}/sim/faults/"
    for body in (
        {"kind": "explode"},
        {"kind": "forge", "target": "alipay"},
        {"kind": "delay", "target": "moon"},
    ):
        assert requests.post(url, json=body, timeout=10).status_code == 400
    assert merchant.live.sim("faults/")["faults"] == []
