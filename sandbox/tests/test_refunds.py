"""Refunds: once per number, never more than was paid, decided now or later."""

import threading

import pytest

from tests.live import Merchant, eventually


def test_a_refund_moves_money_once_per_number(merchant: Merchant) -> None:
    out_trade_no = merchant.paid("299.00")
    first = merchant.refund(out_trade_no, "100.00", "r1", refund_reason="有瑕疵")
    assert (first["code"], first["fund_change"]) == ("10000", "Y")
    assert (first["refund_fee"], first["send_back_fee"]) == ("100.00", "100.00")
    again = merchant.refund(out_trade_no, "100.00", "r1")
    assert (again["code"], again["fund_change"], again["refund_fee"]) == ("10000", "N", "100.00")
    assert merchant.live.trade(out_trade_no)["trade"]["refunded_amount"] == "100.00"


def test_the_same_number_with_another_amount_is_discordant(merchant: Merchant) -> None:
    out_trade_no = merchant.paid("299.00")
    merchant.refund(out_trade_no, "100.00", "r1")
    assert merchant.refund(out_trade_no, "99.00", "r1")["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert merchant.live.trade(out_trade_no)["trade"]["refunded_amount"] == "100.00"


def test_partial_refunds_add_up_and_the_last_one_closes(merchant: Merchant) -> None:
    out_trade_no = merchant.paid("299.00")
    assert merchant.refund(out_trade_no, "100.00", "r1")["refund_fee"] == "100.00"
    assert merchant.status(out_trade_no) == "TRADE_SUCCESS"
    assert merchant.refund(out_trade_no, "199.00", "r2")["refund_fee"] == "299.00"
    assert merchant.status(out_trade_no) == "TRADE_CLOSED"
    assert merchant.refund(out_trade_no, "199.00", "r2")["fund_change"] == "N"
    assert merchant.refund(out_trade_no, "0.01", "r3")["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"


def test_more_than_was_paid_is_refused(merchant: Merchant) -> None:
    out_trade_no = merchant.paid("299.00")
    assert merchant.refund(out_trade_no, "299.01", "r1")["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    merchant.refund(out_trade_no, "200.00", "r2")
    assert merchant.refund(out_trade_no, "99.01", "r3")["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    assert merchant.live.trade(out_trade_no)["trade"]["refunded_amount"] == "200.00"


def test_the_last_fen_goes_back_however_the_parts_add_up(merchant: Merchant) -> None:
    """As floats, 20.01 and 9.69 are more than 29.70."""
    out_trade_no = merchant.paid("29.70")
    assert merchant.refund(out_trade_no, "20.01", "r1")["refund_fee"] == "20.01"
    assert merchant.refund(out_trade_no, "9.69", "r2").get("refund_fee") == "29.70"
    assert merchant.status(out_trade_no) == "TRADE_CLOSED"


@pytest.mark.parametrize("amount", ["0", "-1.00", "0.001", "abc"])
def test_nonsense_amounts_are_refused(merchant: Merchant, amount: str) -> None:
    out_trade_no = merchant.paid("299.00")
    assert merchant.refund(out_trade_no, amount, "r1")["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert merchant.live.trade(out_trade_no)["refunds"] == []


def test_without_a_number_only_the_whole_is_refunded(merchant: Merchant) -> None:
    out_trade_no = merchant.paid("299.00")
    partial = merchant.sdk.api_alipay_trade_refund("1.00", out_trade_no)
    assert partial["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert merchant.sdk.api_alipay_trade_refund("299.00", out_trade_no)["fund_change"] == "Y"
    assert merchant.refund_query(out_trade_no, out_trade_no)["refund_status"] == "REFUND_SUCCESS"


@pytest.mark.parametrize("state", ["scan", "close"])
def test_what_is_not_paid_is_not_refunded(merchant: Merchant, state: str) -> None:
    out_trade_no = merchant.opened()
    assert merchant.refund(out_trade_no, "1.00", "r1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    merchant.live.press(out_trade_no, state)
    assert merchant.refund(out_trade_no, "1.00", "r1")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


def test_a_refund_query_understands_and_tells_only_what_happened(merchant: Merchant) -> None:
    out_trade_no = merchant.paid("299.00")
    unknown = merchant.refund_query(out_trade_no, "r1")
    assert unknown["code"] == "10000"
    assert "refund_status" not in unknown
    merchant.refund(out_trade_no, "100.00", "r1")
    known = merchant.refund_query(out_trade_no, "r1")
    assert (known["refund_status"], known["refund_amount"]) == ("REFUND_SUCCESS", "100.00")
    assert merchant.refund_query("nobody-knows", "r1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_a_slow_refund_is_accepted_now_and_decided_later(merchant: Merchant) -> None:
    out_trade_no = merchant.paid("299.00")
    merchant.live.arm("slow_refund", seconds=600)
    answer = merchant.refund(out_trade_no, "100.00", "r1")
    assert (answer["code"], answer["fund_change"]) == ("10000", "N")
    assert "refund_status" not in merchant.refund_query(out_trade_no, "r1")
    # Until it is decided the amount is spoken for.
    assert merchant.refund(out_trade_no, "200.00", "r2")["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    merchant.live.sim("clock/", {"advance_seconds": 601})
    assert merchant.refund_query(out_trade_no, "r1")["refund_status"] == "REFUND_SUCCESS"


def test_a_slow_refund_may_fail_and_be_tried_again_under_its_number(merchant: Merchant) -> None:
    out_trade_no = merchant.paid("299.00")
    merchant.live.arm("slow_refund", seconds=600, outcome="fail")
    merchant.refund(out_trade_no, "100.00", "r1")
    merchant.live.sim("clock/", {"advance_seconds": 601})
    assert "refund_status" not in merchant.refund_query(out_trade_no, "r1")
    eventually(
        lambda: merchant.live.trade(out_trade_no)["trade"]["refunded_amount"] == "0.00",
        "the money to be free",
    )
    assert merchant.refund(out_trade_no, "100.00", "r1")["fund_change"] == "Y"
    assert merchant.live.trade(out_trade_no)["trade"]["refunded_amount"] == "100.00"


def test_refunds_racing_for_the_last_money_win_once(merchant: Merchant) -> None:
    out_trade_no = merchant.paid("100.00")
    answers: list[dict] = []

    def race(number: str) -> None:
        answers.append(merchant.refund(out_trade_no, "60.00", number))

    threads = [threading.Thread(target=race, args=(f"r{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer["code"] for answer in answers) == ["10000"] + ["40004"] * 5
    assert merchant.live.trade(out_trade_no)["trade"]["refunded_amount"] == "60.00"


def test_one_number_racing_itself_refunds_once(merchant: Merchant) -> None:
    out_trade_no = merchant.paid("100.00")
    answers: list[dict] = []
    threads = [
        threading.Thread(target=lambda: answers.append(merchant.refund(out_trade_no, "60.00", "same")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer["fund_change"] for answer in answers) == ["N"] * 5 + ["Y"]
    assert merchant.live.trade(out_trade_no)["trade"]["refunded_amount"] == "60.00"
