"""Notifications as a merchant receives them: fields, signature, triggers, retries, and every notify fault."""

import pytest

from tests.live import Live, Merchant, Receiver, eventually


def test_a_payment_is_notified_with_alipays_fields(merchant: Merchant, receiver: Receiver) -> None:
    out_trade_no = merchant.paid("299.00", body="一壶两杯", passback_params="a%3D1")
    (form,) = receiver.wait_for(1)
    assert merchant.verifies(form)
    assert form["out_trade_no"] == out_trade_no
    assert (form["app_id"], form["seller_id"]) == (merchant.app_id, merchant.seller_id)
    assert (form["trade_status"], form["total_amount"]) == ("TRADE_SUCCESS", "299.00")
    assert form["trade_no"] == merchant.query(out_trade_no)["trade_no"]
    assert (form["passback_params"], form["body"]) == ("a%3D1", "一壶两杯")
    expected = {
        "notify_time", "notify_type", "notify_id", "app_id", "auth_app_id", "charset", "version",
        "sign_type", "sign", "trade_no", "out_trade_no", "buyer_id", "buyer_logon_id", "seller_id",
        "seller_email", "trade_status", "total_amount", "receipt_amount", "invoice_amount",
        "buyer_pay_amount", "point_amount", "subject", "body", "gmt_create", "gmt_payment",
        "fund_bill_list", "passback_params",
    }  # fmt: skip
    assert set(form) == expected


def test_anything_but_success_is_sent_again_with_the_same_notify_id(
    merchant: Merchant, receiver: Receiver
) -> None:
    receiver.replies = ["failure", "SUCCESS", "success\n", "<p>success</p>"]
    out_trade_no = merchant.paid()
    forms = receiver.wait_for(4)
    assert len({form["notify_id"] for form in forms}) == 1
    assert all(map(merchant.verifies, forms))
    row = merchant.live.trade(out_trade_no)["notifications"][0]
    assert (row["state"], row["attempts"] >= 4) == ("pending", True)


def test_success_ends_it(merchant: Merchant, receiver: Receiver) -> None:
    receiver.replies = ["failure"]
    out_trade_no = merchant.paid()
    receiver.wait_for(2)
    eventually(
        lambda: merchant.live.trade(out_trade_no)["notifications"][0]["state"] == "delivered",
        "delivery booked",
    )
    merchant.live.sim("clock/", {"advance_seconds": 100_000})
    merchant.paid()
    receiver.wait_for(3)
    assert sum(form["out_trade_no"] == out_trade_no for form in receiver.forms) == 2


def test_a_partial_refund_is_told_as_success_with_refund_fee(merchant: Merchant, receiver: Receiver) -> None:
    out_trade_no = merchant.paid("299.00")
    receiver.wait_for(1)
    merchant.refund(out_trade_no, "100.00", "r1")
    merchant.refund(out_trade_no, "50.00", "r2")
    _, *refunds = receiver.wait_for(3)
    by_number = {form["out_biz_no"]: form for form in refunds}
    assert {form["trade_status"] for form in refunds} == {"TRADE_SUCCESS"}
    assert (by_number["r1"]["refund_fee"], by_number["r2"]["refund_fee"]) == ("100.00", "150.00")
    assert all("gmt_refund" in form and "gmt_payment" in form for form in refunds)
    assert all(map(merchant.verifies, refunds))


def test_a_page_payment_wholly_refunded_is_not_told(merchant: Merchant, receiver: Receiver) -> None:
    out_trade_no = merchant.paid("299.00")
    merchant.refund(out_trade_no, "299.00", "r1")
    assert [row["trigger"] for row in merchant.live.trade(out_trade_no)["notifications"]] == ["TRADE_SUCCESS"]


def test_a_wap_payment_tells_of_everything(merchant: Merchant, receiver: Receiver) -> None:
    refunded = merchant.paid("299.00", wap=True)
    receiver.wait_for(1)
    merchant.refund(refunded, "299.00", "r1")
    closing = receiver.wait_for(2)[1]
    assert (closing["trade_status"], closing["refund_fee"]) == ("TRADE_CLOSED", "299.00")
    assert "gmt_close" in closing
    closed = merchant.opened(wap=True)
    merchant.live.press(closed, "close")
    timeout = receiver.wait_for(3)[2]
    assert (timeout["out_trade_no"], timeout["trade_status"]) == (closed, "TRADE_CLOSED")
    assert "refund_fee" not in timeout
    finished = merchant.paid(wap=True)
    receiver.wait_for(4)
    merchant.live.press(finished, "finish")
    assert receiver.wait_for(5)[4]["trade_status"] == "TRADE_FINISHED"


@pytest.mark.parametrize("wap", [False, True])
def test_closing_is_told_by_product(merchant: Merchant, wap: bool) -> None:
    out_trade_no = merchant.opened(wap=wap)
    merchant.live.press(out_trade_no, "close")
    told = [row["trigger"] for row in merchant.live.trade(out_trade_no)["notifications"]]
    assert told == (["TRADE_CLOSED"] if wap else [])


def test_a_lapsed_wap_trade_is_told_without_anybody_asking(merchant: Merchant, receiver: Receiver) -> None:
    out_trade_no = merchant.opened(wap=True, timeout_express="1m")
    merchant.live.press(out_trade_no, "scan")
    merchant.live.sim("clock/", {"advance_seconds": 61})
    assert receiver.wait_for(1)[0]["trade_status"] == "TRADE_CLOSED"


def test_the_trigger_matrix_can_be_changed(merchant: Merchant, receiver: Receiver) -> None:
    merchant.live.sim("triggers/", {"product": "page", "triggers": ["TRADE_CLOSED"]})
    out_trade_no = merchant.opened()
    merchant.live.press(out_trade_no, "close")
    assert receiver.wait_for(1)[0]["trade_status"] == "TRADE_CLOSED"
    assert merchant.live.trade(merchant.paid())["notifications"] == []


def test_no_notify_url_no_notification(merchant: Merchant) -> None:
    merchant.sdk._app_notify_url = None
    assert merchant.live.trade(merchant.paid())["notifications"] == []


# Faults


def test_drop_loses_one_attempt_and_the_schedule_goes_on(merchant: Merchant, receiver: Receiver) -> None:
    merchant.live.arm("drop", target="notify", remaining=2)
    out_trade_no = merchant.paid()
    receiver.wait_for(1)
    log = merchant.live.sim(f"events/?kind=notify&out_trade_no={out_trade_no}")["events"]
    assert [event["fault"] for event in log][:2] == ["drop", "drop"]


def test_lose_never_delivers(merchant: Merchant, receiver: Receiver) -> None:
    merchant.live.arm("lose", target="notify")
    lost = merchant.paid()
    assert merchant.live.trade(lost)["notifications"][0]["state"] == "lost"
    merchant.paid()
    assert lost not in [form["out_trade_no"] for form in receiver.wait_for(1)]


def test_delay_waits_by_alipays_clock(merchant: Merchant, receiver: Receiver) -> None:
    merchant.live.arm("delay", target="notify", seconds=3600)
    late = merchant.paid()
    merchant.paid()
    assert late not in [form["out_trade_no"] for form in receiver.wait_for(1)]
    merchant.live.sim("clock/", {"advance_seconds": 3601})
    assert receiver.wait_for(2)[1]["out_trade_no"] == late


def test_duplicate_sends_the_same_form_several_times(merchant: Merchant, receiver: Receiver) -> None:
    merchant.live.arm("duplicate", target="notify", times=8)
    merchant.paid()
    forms = receiver.wait_for(8)
    assert len({(form["notify_id"], form["sign"]) for form in forms}) == 1


def test_reorder_lets_the_refund_overtake_the_payment(merchant: Merchant, receiver: Receiver) -> None:
    merchant.live.arm("reorder", target="notify", operation="TRADE_SUCCESS", seconds=3600)
    out_trade_no = merchant.paid("299.00")
    merchant.refund(out_trade_no, "100.00", "r1")
    refund, payment = receiver.wait_for(2)
    assert (refund.get("refund_fee"), payment.get("refund_fee")) == ("100.00", None)
    assert merchant.verifies(refund)
    assert merchant.verifies(payment)


def test_forge_is_a_fine_form_by_a_stranger(merchant: Merchant, receiver: Receiver) -> None:
    receiver.replies = ["failure"]
    merchant.live.arm("forge", target="notify")
    merchant.paid()
    forged, genuine = receiver.wait_for(2)
    assert not merchant.verifies(forged)
    assert merchant.verifies(genuine)


def test_bad_sign_is_not_even_base64(merchant: Merchant, receiver: Receiver) -> None:
    merchant.live.arm("bad_sign", target="notify")
    merchant.paid()
    assert "%" in receiver.wait_for(1)[0]["sign"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("total_amount", "298.99"), ("seller_id", "2088999999999999"), ("app_id", "1"), ("out_trade_no", "no")],
)
def test_tamper_signs_a_changed_field_anew(
    merchant: Merchant, receiver: Receiver, field: str, value: str
) -> None:
    merchant.live.arm("tamper", target="notify", field=field, value=value)
    merchant.paid("299.00")
    (form,) = receiver.wait_for(1)
    assert form[field] == value
    assert merchant.verifies(form)


def test_tamper_without_resigning_breaks_the_signature(merchant: Merchant, receiver: Receiver) -> None:
    merchant.live.arm("tamper", target="notify", field="total_amount", value="0.01", resign=False)
    merchant.paid("299.00")
    assert not merchant.verifies(receiver.wait_for(1)[0])


def test_a_fault_can_be_aimed_at_one_trade(merchant: Merchant, receiver: Receiver) -> None:
    aimed = merchant.opened()
    merchant.live.arm("forge", target="notify", subject=aimed)
    merchant.paid()
    assert merchant.verifies(receiver.wait_for(1)[0])
    merchant.live.press(aimed, "pay")
    assert not merchant.verifies(receiver.wait_for(2)[1])


def test_a_delivered_notification_can_be_sent_again(merchant: Merchant, receiver: Receiver) -> None:
    out_trade_no = merchant.paid()
    (first,) = receiver.wait_for(1)
    eventually(
        lambda: merchant.live.trade(out_trade_no)["notifications"][0]["state"] == "delivered",
        "delivery booked",
    )
    merchant.live.sim(f"notifications/{first['notify_id']}/resend/", {})
    assert receiver.wait_for(2)[1]["notify_id"] == first["notify_id"]


@pytest.mark.parametrize(("signer", "genuine"), [("genuine", True), ("stranger", False)])
def test_any_form_can_be_made_up(
    live: Live, merchant: Merchant, receiver: Receiver, signer: str, genuine: bool
) -> None:
    fields = {"out_trade_no": "made-up", "trade_status": "TRADE_SUCCESS", "total_amount": "1.00"}
    reply = live.sim("notify/", {"url": receiver.url, "fields": fields, "sign": signer})
    assert reply == {"status": 200, "body": "success"}
    assert merchant.verifies(receiver.forms[0]) is genuine
