"""The life of a trade through python-alipay-sdk: pay, query, close, cancel, expire."""

import threading

import pytest
import requests

from tests.live import Live, Merchant


def test_looking_at_the_cashier_creates_no_trade(merchant: Merchant) -> None:
    out_trade_no = merchant.opened()
    assert merchant.status(out_trade_no) == "ACQ.TRADE_NOT_EXIST"


def test_an_unknown_trade_is_a_signed_business_failure(merchant: Merchant) -> None:
    answer = merchant.query("nobody-knows")
    assert (answer["code"], answer["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert answer["receipt_amount"] == "0.00"


@pytest.mark.parametrize("wap", [False, True])
def test_a_trade_is_created_by_the_scan_and_paid_by_the_button(merchant: Merchant, wap: bool) -> None:
    out_trade_no = merchant.opened(wap=wap)
    merchant.live.press(out_trade_no, "scan")
    assert merchant.status(out_trade_no) == "WAIT_BUYER_PAY"
    merchant.live.press(out_trade_no, "pay")
    answer = merchant.query(out_trade_no)
    assert answer["trade_status"] == "TRADE_SUCCESS"
    assert (answer["total_amount"], answer["receipt_amount"]) == ("299.00", "299.00")
    assert len(answer["trade_no"]) == 28
    assert answer["send_pay_date"]
    assert merchant.sdk.api_alipay_trade_query(trade_no=answer["trade_no"])["out_trade_no"] == out_trade_no


def test_a_failed_payment_leaves_the_trade_waiting(merchant: Merchant) -> None:
    out_trade_no = merchant.opened()
    merchant.live.press(out_trade_no, "fail")
    assert merchant.status(out_trade_no) == "WAIT_BUYER_PAY"


def test_precreate_answers_a_code_that_leads_to_the_cashier(merchant: Merchant) -> None:
    answer = merchant.sdk.api_alipay_trade_precreate("茶具", "qr-1", "9.90")
    assert answer["code"] == "10000"
    page = requests.get(answer["qr_code"], timeout=10)
    assert "9.90" in page.text
    assert merchant.status("qr-1") == "ACQ.TRADE_NOT_EXIST"
    merchant.live.press("qr-1", "pay")
    assert merchant.status("qr-1") == "TRADE_SUCCESS"


def test_the_same_trade_may_have_a_page_and_a_code_but_is_paid_once(merchant: Merchant) -> None:
    out_trade_no = merchant.opened("9.90", subject="茶具")
    merchant.sdk.api_alipay_trade_precreate("茶具", out_trade_no, "9.90")
    links = merchant.live.trade(out_trade_no)["links"]
    assert {link["product"] for link in links} == {"page", "qr"}
    presses = [merchant.live.alipay + link["cashier_url"] + "/pay" for link in links]
    pages = [requests.post(press, timeout=10) for press in presses]
    assert 'data-testid="cashier-paid"' in pages[0].text
    assert "ACQ.TRADE_HAS_SUCCESS" in pages[1].text
    notifications = merchant.live.trade(out_trade_no)["notifications"]
    assert [row["trigger"] for row in notifications] == ["TRADE_SUCCESS"]


def test_eight_presses_at_once_pay_once(merchant: Merchant) -> None:
    out_trade_no = merchant.opened()
    press = merchant.live.alipay + merchant.live.trade(out_trade_no)["links"][0]["cashier_url"] + "/pay"
    threads = [threading.Thread(target=requests.post, args=(press,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(merchant.live.trade(out_trade_no)["notifications"]) == 1


@pytest.mark.parametrize(
    ("state", "sub_code"), [("pay", "ACQ.TRADE_HAS_SUCCESS"), ("close", "ACQ.TRADE_HAS_CLOSE")]
)
def test_a_settled_number_cannot_be_used_again(merchant: Merchant, state: str, sub_code: str) -> None:
    out_trade_no = merchant.opened()
    merchant.live.press(out_trade_no, state)
    answer = merchant.sdk.api_alipay_trade_precreate("茶具", out_trade_no, "299.00")
    assert (answer["code"], answer["sub_code"]) == ("40004", sub_code)
    _, url = merchant.page(out_trade_no=out_trade_no)
    assert sub_code in requests.get(url, timeout=10).text


def test_a_number_with_another_amount_is_inconsistent(merchant: Merchant) -> None:
    out_trade_no = merchant.opened("299.00")
    merchant.live.press(out_trade_no, "scan")
    answer = merchant.sdk.api_alipay_trade_precreate("青瓷茶具套装", out_trade_no, "1.00")
    assert answer["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"


@pytest.mark.parametrize("amount", ["0", "0.00", "0.001", "-1.00", "1e3", "abc", "100000000.01", "", "NaN"])
def test_nonsense_amounts_are_refused(merchant: Merchant, amount: str) -> None:
    answer = merchant.sdk.api_alipay_trade_precreate("茶具", f"bad-{amount}", amount)
    assert answer["sub_code"] == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize(
    "fields", [{"time_expire": "soon"}, {"timeout_express": "3x"}, {"product_code": "QUICK_MSECURITY_PAY"}]
)
def test_nonsense_terms_are_refused(merchant: Merchant, fields: dict) -> None:
    answer = merchant.sdk.api_alipay_trade_precreate("茶具", "bad-terms", "1.00", **fields)
    assert answer["sub_code"] == "ACQ.INVALID_PARAMETER"


def test_closing_works_only_while_the_buyer_could_pay(merchant: Merchant) -> None:
    out_trade_no = merchant.opened()
    close = merchant.sdk.api_alipay_trade_close
    assert close(out_trade_no=out_trade_no)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    merchant.live.press(out_trade_no, "scan")
    assert close(out_trade_no=out_trade_no)["code"] == "10000"
    assert merchant.status(out_trade_no) == "TRADE_CLOSED"
    assert close(out_trade_no=out_trade_no)["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    paid = merchant.paid()
    assert close(out_trade_no=paid)["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert merchant.status(paid) == "TRADE_SUCCESS"


def test_a_link_stays_payable_after_closing_a_trade_that_did_not_exist(merchant: Merchant) -> None:
    """Why a merchant may not take TRADE_NOT_EXIST for "will never be paid"."""
    out_trade_no = merchant.opened()
    merchant.sdk.api_alipay_trade_close(out_trade_no=out_trade_no)
    merchant.live.press(out_trade_no, "pay")
    assert merchant.status(out_trade_no) == "TRADE_SUCCESS"


def test_a_closed_trade_is_paid_only_by_a_late_bank(merchant: Merchant) -> None:
    out_trade_no = merchant.opened()
    merchant.live.press(out_trade_no, "close")
    answer = requests.post(f"{merchant.live.alipay}/sim/trades/{out_trade_no}/pay/", json={}, timeout=10)
    assert (answer.status_code, merchant.status(out_trade_no)) == (409, "TRADE_CLOSED")
    assert merchant.live.press(out_trade_no, "pay", force=True)["status"] == "TRADE_SUCCESS"


def test_cancel_closes_what_is_unpaid_and_refunds_what_is_paid(merchant: Merchant) -> None:
    for number in ("c-none", "c-open", "c-paid"):
        merchant.sdk.api_alipay_trade_precreate("茶具", number, "9.90")
    merchant.live.press("c-open", "scan")
    merchant.live.press("c-paid", "pay")
    answers = {
        n: merchant.sdk.api_alipay_trade_cancel(out_trade_no=n) for n in ("c-none", "c-open", "c-paid")
    }
    assert {answer["code"] for answer in answers.values()} == {"10000"}
    assert [answer.get("action") for answer in answers.values()] == [None, "close", "refund"]
    assert merchant.status("c-open") == merchant.status("c-paid") == "TRADE_CLOSED"
    dead = requests.post(f"{merchant.live.alipay}/sim/trades/c-none/pay/", json={}, timeout=10)
    assert dead.status_code == 409
    link = merchant.live.trade("c-none")["links"][0]["cashier_url"]
    assert 'data-testid="cashier-closed"' in requests.get(merchant.live.alipay + link, timeout=10).text
    again = merchant.sdk.api_alipay_trade_cancel(out_trade_no="c-paid")
    assert again["action"] == "close"
    assert merchant.live.trade("c-paid")["trade"]["refunded_amount"] == "9.90"


def test_cancel_is_not_for_page_payments(merchant: Merchant) -> None:
    out_trade_no = merchant.paid()
    answer = merchant.sdk.api_alipay_trade_cancel(out_trade_no=out_trade_no)
    assert answer["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert merchant.status(out_trade_no) == "TRADE_SUCCESS"


def test_a_trade_closes_when_its_time_is_over(merchant: Merchant) -> None:
    """`timeout_express` counts from the scan."""
    out_trade_no = merchant.opened(timeout_express="30m")
    merchant.live.press(out_trade_no, "scan")
    merchant.live.sim("clock/", {"advance_seconds": 29 * 60})
    assert merchant.status(out_trade_no) == "WAIT_BUYER_PAY"
    merchant.live.sim("clock/", {"advance_seconds": 2 * 60})
    assert merchant.status(out_trade_no) == "TRADE_CLOSED"


def test_an_expired_link_cannot_be_paid(merchant: Merchant) -> None:
    out_trade_no = merchant.opened(time_expire=_in_minutes(10))
    merchant.live.sim("clock/", {"advance_seconds": 11 * 60})
    dead = requests.post(f"{merchant.live.alipay}/sim/trades/{out_trade_no}/pay/", json={}, timeout=10)
    assert dead.status_code == 409
    assert merchant.status(out_trade_no) == "ACQ.TRADE_NOT_EXIST"


def _in_minutes(minutes: int) -> str:
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    return (datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(minutes=minutes)).strftime(
        "%Y-%m-%d %H:%M:%S"
    )


def test_after_the_refund_window_a_trade_is_finished(merchant: Merchant) -> None:
    out_trade_no = merchant.paid()
    merchant.live.press(out_trade_no, "finish")
    assert merchant.status(out_trade_no) == "TRADE_FINISHED"
    assert merchant.refund(out_trade_no, "1.00", "r1")["sub_code"] == "ACQ.TRADE_HAS_FINISHED"


def test_the_log_keeps_both_sides_of_every_call(live: Live, merchant: Merchant) -> None:
    out_trade_no = merchant.paid()
    merchant.query(out_trade_no)
    events = live.sim(f"events/?out_trade_no={out_trade_no}")["events"]
    assert [event["operation"] for event in events if event["kind"] == "gateway"] == [
        "alipay.trade.page.pay",
        "alipay.trade.query",
    ]
    assert '"trade_status":"TRADE_SUCCESS"' in events[-1]["answered"] or any(
        "TRADE_SUCCESS" in event["answered"] for event in events
    )
