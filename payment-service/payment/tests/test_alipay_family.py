"""Reference 4's Alipay addresses: camelCase, integer codes, and the same truth underneath."""

from __future__ import annotations

from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from common.testing.people import ALICE, CAROL, OLIVE
from payment.models import Payment, Refund

pytestmark = pytest.mark.django_db
BASE = "/api/v1/payment/alipay"


def create(shop: Any, person: Any = ALICE, **body: Any) -> Any:
    """Ask to pay, as reference 4 does."""
    return shop.api(person).post(f"{BASE}/create", body)


class FormFields(HTMLParser):
    """The fields of a form, as a browser would post them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action, self.fields = "", {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "form":
            self.action = named["action"] or ""
        elif tag == "input":
            self.fields[named["name"]] = named["value"]


def test_create_answers_with_a_form_and_an_address(shop: Any) -> None:
    order = shop.order(number="ORD20250115001")

    answer = create(shop, orderId=1, orderNo=order.number, subject="茶&<壶>", amount=12.00)

    body = answer.json()
    assert answer.status_code == 200 and body["code"] == 200 and body["message"] == "支付订单创建成功"
    form = FormFields(body["data"]["paymentForm"])
    assert form.action == f"{shop.alipay.gateway_url}?charset=utf-8"
    address = f"{shop.alipay.gateway_url}?{urlencode(form.fields)}"
    assert shop.alipay.pay_url(address).amount == Decimal("12.00")
    assert shop.alipay.pay_url.__self__.trades[body["data"]["outTradeNo"]].subject == "茶 <壶>"
    assert body["data"]["paymentUrl"].startswith(shop.alipay.gateway_url)


@pytest.mark.parametrize(
    ("channel", "product"), [("ALIPAY_PC", "FAST_INSTANT_TRADE_PAY"), ("ALIPAY_WAP", "QUICK_WAP_PAY")]
)
def test_page_and_wap_are_different_products(shop: Any, channel: str, product: str) -> None:
    url = create(shop, orderNo=shop.order().number, channel=channel).json()["data"]["paymentUrl"]

    assert shop.alipay.scan_url(url).product == product


def test_the_qr_channel_has_no_page(shop: Any) -> None:
    data = create(shop, orderNo=shop.order().number, channel="ALIPAY_QR").json()["data"]

    assert data["paymentUrl"] is None and data["paymentForm"] is None
    assert shop.alipay.pay_qr(data["qrCode"]).status == "TRADE_SUCCESS"


def test_an_order_is_named_by_number_or_uuid(shop: Any) -> None:
    order = shop.order()

    by_uuid = create(shop, orderId=str(order.uuid)).json()["data"]
    by_number = create(shop, orderNo=order.number).json()["data"]

    assert by_uuid["outTradeNo"] == by_number["outTradeNo"]


@pytest.mark.parametrize(
    "body",
    [{}, {"orderNo": ""}, {"orderNo": "no such form!"}, {"orderId": [1]}, {"orderId": True}, {"orderId": -1}],
)
def test_an_order_must_be_named(shop: Any, body: dict[str, Any]) -> None:
    answer = create(shop, **body)

    assert answer.status_code == 400 and answer.json()["code"] == 1001 and answer.json()["errors"]


@pytest.mark.parametrize(
    ("body", "field", "chinese", "english"),
    [
        ({}, "orderNo", "orderNo 或 orderId 必填", "orderNo or orderId is required"),
        ({"orderNo": "?"}, "orderNo", "编号格式错误", "Not a known form of reference"),
        ({"orderId": -1}, "orderId", "编号格式错误", "Not a known form of reference"),
        ({"orderNo": "X", "returnUrl": "//mallory"}, "returnUrl", "不在允许列表中", "not allowed"),
    ],
)
def test_it_says_in_both_languages_which_field_is_wrong(
    shop: Any, body: dict[str, Any], field: str, chinese: str, english: str
) -> None:
    speaking = shop.api(ALICE, **{"Accept-Language": "en"})

    assert create(shop, **body).json()["errors"] == {field: [chinese]}
    assert speaking.post(f"{BASE}/create", body).json()["errors"] == {field: [english]}


def test_a_clients_notify_address_never_reaches_alipay(shop: Any) -> None:
    answer = create(shop, orderNo=shop.order().number, notifyUrl="https://mallory.example/notify")

    assert answer.status_code == 400 and answer.json()["name"] == "NotifyUrlRefused"
    assert Payment.objects.count() == 0


@pytest.mark.parametrize(
    ("url", "ok"),
    [
        ("http://127.0.0.1:9080/shop/orders", True),
        ("http://127.0.0.1:9080", True),
        ("http://127.0.0.1:9080.mallory.example/", False),
        ("http://127.0.0.1:9080@mallory.example/", False),
        ("http://mallory.example/?http://127.0.0.1:9080", False),
        ("https://127.0.0.1:9080/", False),
        ("//127.0.0.1:9080/", False),
        ("javascript:alert(1)", False),
        ("http://127.0.0.1:99999/", False),
        ("http://127.0.0.1:9080\\@mallory.example", False),
        ("http://127.0.0.1:9080/\nSet-Cookie: a=b", False),
    ],
)
def test_a_buyer_comes_back_only_to_the_shop(shop: Any, url: str, ok: bool) -> None:
    answer = create(shop, orderNo=shop.order().number, returnUrl=url)

    assert answer.status_code == (200 if ok else 400), answer.content
    assert ok or answer.json()["name"] == "ReturnUrlRefused"


def test_what_alipay_is_told_to_do_is_ours_alone(shop: Any) -> None:
    url = create(shop, orderNo=shop.order().number, returnUrl="http://127.0.0.1:9080/shop/").json()["data"][
        "paymentUrl"
    ]

    assert "notify_url=http%3A%2F%2F127.0.0.1%3A9080%2Fapi%2Fv1%2Fpayment%2Falipay%2Fnotify" in url
    assert "return_url=http%3A%2F%2F127.0.0.1%3A9080%2Fapi%2Fpayment%2Freturn%2Falipay%2F" in url


def test_query_says_alipays_word_and_books_what_it_hears(shop: Any) -> None:
    payment = shop.pending()
    path = f"{BASE}/query/{payment.out_trade_no}"
    words = [shop.api(ALICE).get(path).json()["data"]]
    shop.alipay.scan_url(payment.pay_url)
    words.append(shop.api(ALICE).get(path).json()["data"])
    shop.alipay.pay(payment.out_trade_no)
    words.append(shop.api(ALICE).get(path).json()["data"])

    assert words == ["TRADE_NOT_EXIST", "WAIT_BUYER_PAY", "TRADE_SUCCESS"]
    payment.refresh_from_db()
    assert payment.status == 1


@pytest.mark.parametrize("name", ["out_trade_no", "order_id"])
def test_a_trade_is_named_by_attempt_or_order_number(shop: Any, name: str) -> None:
    payment = shop.paid()

    answer = shop.api(ALICE).get(f"{BASE}/query/{getattr(payment, name)}")

    assert answer.json() == {"code": 200, "message": "查询成功", "data": "TRADE_SUCCESS"}


def test_verify_is_true_only_for_what_is_paid(shop: Any) -> None:
    payment = shop.pending()
    path = f"{BASE}/verify/{payment.out_trade_no}"
    before = shop.api(ALICE).get(path).json()
    shop.alipay.pay_url(payment.pay_url)

    after = shop.api(ALICE).get(path).json()

    assert before == {"code": 200, "message": "支付未完成", "data": False}
    assert after == {"code": 200, "message": "支付成功", "data": True}


def test_nobody_can_say_is_a_503_and_not_a_no(shop: Any) -> None:
    payment = shop.pending()
    for verb in ("query", "verify"):
        shop.alipay.fail_next("alipay.trade.query")
        answer = shop.api(ALICE).get(f"{BASE}/{verb}/{payment.out_trade_no}")
        assert answer.status_code == 503 and answer.json()["code"] == 6007


@pytest.mark.parametrize("where", ["body", "query"])
def test_refund_takes_its_parameters_from_body_or_query(shop: Any, where: str) -> None:
    payment = shop.paid()
    wish = {"outTradeNo": payment.out_trade_no, "refundAmount": "5.00", "refundReason": "用户申请退款"}

    if where == "body":
        answer = shop.api(ALICE).post(f"{BASE}/refund", wish)
    else:
        answer = shop.api(ALICE).post(f"{BASE}/refund?{urlencode(wish)}")

    assert answer.status_code == 200 and answer.json() == {
        "code": 200,
        "message": "退款处理完成",
        "data": True,
    }
    assert Refund.objects.get().amount == Decimal("5.00")


@pytest.mark.parametrize("missing", ["outTradeNo", "refundAmount", "refundReason"])
def test_refund_names_what_is_missing(shop: Any, missing: str) -> None:
    payment = shop.paid()
    wish = {"outTradeNo": payment.out_trade_no, "refundAmount": 5.00, "refundReason": "x"}
    del wish[missing]

    answer = shop.api(ALICE).post(f"{BASE}/refund", wish)

    assert answer.status_code == 400 and missing in answer.json()["errors"] and not Refund.objects.exists()


def test_close_ends_the_attempt_at_alipay_too(shop: Any) -> None:
    payment = shop.pending()
    shop.alipay.scan_url(payment.pay_url)

    answer = shop.api(ALICE).post(f"{BASE}/close/{payment.out_trade_no}")

    payment.refresh_from_db()
    assert answer.json() == {"code": 200, "message": "订单关闭成功", "data": True}
    assert payment.status == 3 and shop.alipay.trades[payment.out_trade_no].status == "TRADE_CLOSED"


def test_close_of_a_paid_one_is_6002(shop: Any) -> None:
    payment = shop.paid()

    answer = shop.api(ALICE).post(f"{BASE}/close/{payment.out_trade_no}")

    assert answer.status_code == 409 and answer.json()["code"] == 6002


@pytest.mark.parametrize("number", ["0" * 32, "ORD99999999999", "x", "123", "f" * 64])
@pytest.mark.parametrize(("method", "verb"), [("GET", "query"), ("GET", "verify"), ("POST", "close")])
def test_unknown_numbers_are_6001(shop: Any, number: str, method: str, verb: str) -> None:
    answer = shop.api(ALICE).request(method, f"{BASE}/{verb}/{number}")

    assert answer.status_code == 404 and answer.json()["code"] == 6001


@pytest.mark.parametrize(("person", "status"), [(CAROL, 404), (OLIVE, 200)])
def test_others_trades_do_not_exist_but_for_administrators(shop: Any, person: Any, status: int) -> None:
    payment = shop.paid()

    assert shop.api(person).get(f"{BASE}/query/{payment.out_trade_no}").status_code == status


def test_english_speakers_get_english_errors_and_the_documented_chinese_successes(shop: Any) -> None:
    payment = shop.paid()
    english = shop.api(ALICE, **{"Accept-Language": "en"})

    assert english.get(f"{BASE}/query/{payment.out_trade_no}").json()["message"] == "查询成功"
    refused = english.post(f"{BASE}/close/{payment.out_trade_no}").json()
    assert refused["message"] == "The payment's status does not allow this."


def come_back(shop: Any, **parameters: str) -> Any:
    """The buyer's browser returns from the cashier."""
    return shop.api().get("/api/payment/return/alipay/", parameters)


def test_the_return_page_asks_alipay_and_shows_the_truth(shop: Any) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)

    page = come_back(shop, **shop.alipay.return_parameters(payment.out_trade_no))

    payment.refresh_from_db()
    assert payment.status == 1 and page.status_code == 200
    assert 'data-state="success"' in page.content.decode() and "¥12.00" in page.content.decode()
    assert page["Cache-Control"] == "no-store" and "frame-ancestors 'none'" in page["Content-Security-Policy"]


def test_a_return_is_no_payment(shop: Any) -> None:
    payment = shop.pending()
    shop.alipay.scan_url(payment.pay_url)

    page = come_back(shop, **shop.alipay.return_parameters(payment.out_trade_no))

    payment.refresh_from_db()
    assert payment.status == 0 and 'data-state="pending"' in page.content.decode()
    assert 'http-equiv="refresh"' in page.content.decode()


@pytest.mark.parametrize(
    "change", [{"sign": ""}, {"sign": "AAAA"}, {"total_amount": "0.01"}, {"app_id": "1"}]
)
def test_an_unsigned_return_shows_nothing(shop: Any, change: dict[str, str]) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)

    page = come_back(shop, **(shop.alipay.return_parameters(payment.out_trade_no) | change))

    payment.refresh_from_db()
    assert page.status_code == 400 and 'data-state="unverified"' in page.content.decode()
    assert payment.order_id not in page.content.decode() and payment.status == 0


def test_the_return_page_in_alipays_silence_says_that_it_waits(shop: Any) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)
    shop.alipay.fail_next("alipay.trade.query")

    page = come_back(shop, **shop.alipay.return_parameters(payment.out_trade_no))

    assert page.status_code == 200 and 'data-state="pending"' in page.content.decode()


def test_the_return_page_leads_back_to_where_the_client_said(shop: Any) -> None:
    order = shop.order()
    payment = shop.pending(order, return_url="http://127.0.0.1:9080/shop/?a=1&b=2")
    shop.alipay.scan_url(payment.pay_url)

    page = come_back(shop, **shop.alipay.return_parameters(payment.out_trade_no)).content.decode()

    assert 'href="http://127.0.0.1:9080/shop/?a=1&amp;b=2"' in page


def test_the_return_page_knows_no_other_provider(shop: Any) -> None:
    assert shop.api().get("/api/payment/return/card/").status_code == 404
