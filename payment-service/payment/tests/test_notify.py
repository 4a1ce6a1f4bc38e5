"""The open door: what Alipay posts, what others post, in every order and number. Only proof moves money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from common.testing.provider import rsa_key
from payment.models import Payment, PaymentEvent, PaymentNotify, PaymentOutbox, SecurityEvent
from payment.tests.conftest import FORM, NOTIFY

pytestmark = pytest.mark.django_db


def kinds(payment: Payment) -> list[str]:
    """The ledger's kinds of one payment, sorted."""
    return sorted(PaymentEvent.objects.filter(payment=payment).values_list("kind", flat=True))


def assert_nothing_moved(payment: Payment) -> None:
    """Still waiting for its money, and nobody was told otherwise."""
    payment.refresh_from_db()
    assert payment.status == 0 and payment.charged_amount == Decimal("0.00")
    assert kinds(payment) == ["charge_request"]
    assert PaymentNotify.objects.count() == 0
    assert not PaymentOutbox.objects.filter(aggregate_id=payment.payment_uuid).exists()


def assert_refused(shop: Any, payment: Payment, body: bytes, reason: str) -> None:
    """Refused in Alipay's words, noted, told to risk control, and nothing moved."""
    answer = shop.notify(body)
    assert (answer.status_code, answer.content) == (400, b"failure")
    event = SecurityEvent.objects.get()
    assert event.kind == reason and event.times == 1
    assert PaymentOutbox.objects.get().type == "payment.security_event.v1"
    assert_nothing_moved(payment)


def test_success_is_said_in_seven_letters(shop: Any) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)

    answer = shop.notify(shop.alipay.notices.pop())

    assert answer.content == b"success" and answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")


def test_duplicates_are_answered_and_change_nothing(shop: Any) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    body = shop.alipay.notices.pop()

    answers = [shop.notify(body).content for _ in range(8)]
    again = shop.notify(shop.alipay.notice(trade)).content

    assert answers == [b"success"] * 8 and again == b"success"
    assert kinds(payment) == ["charge_request", "charge_success"]
    assert PaymentOutbox.objects.filter(type="payment.succeeded.v1").count() == 2  # two doors
    assert SecurityEvent.objects.count() == 0


@pytest.mark.parametrize("amount", ["11.99", "12.01", "0.01", "1200.00"])
def test_a_signed_amount_that_is_not_ours_moves_nothing(shop: Any, amount: str) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)

    assert_refused(shop, payment, shop.alipay.notice(trade, total_amount=amount), "wrong_amount")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"app_id": "2021000000009999"}, "foreign_app_id"),
        ({"seller_id": "2088000000009999"}, "foreign_seller_id"),
        ({"out_trade_no": "f" * 32}, "unknown_out_trade_no"),
        ({"out_trade_no": "ORD20250115001"}, "unknown_out_trade_no"),
        ({"trade_status": "TRADE_IMAGINED"}, "unreadable"),
        ({"total_amount": "12"}, "booked"),
        ({"total_amount": "1.2e1"}, "unreadable"),
        ({"total_amount": "NaN"}, "unreadable"),
        ({"total_amount": "-12.00"}, "unreadable"),
        ({"notify_id": "n" * 129}, "unreadable"),
        ({"gmt_payment": "yesterday"}, "unreadable"),
        ({"charset": "utf-7"}, "unknown_charset"),
    ],
)
def test_every_field_must_be_ours(shop: Any, changes: dict[str, str], reason: str) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    body = shop.alipay.notice(trade, **changes)

    if reason == "booked":
        assert shop.notify(body).content == b"success"
        return
    assert_refused(shop, payment, body, reason)


@pytest.mark.parametrize("spelling", ["{}", "{{{}}}", "urn:uuid:{}"])
def test_our_uuid_in_another_spelling_is_another_trade(shop: Any, spelling: str) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    body = shop.alipay.notice(trade, out_trade_no=spelling.format(payment.payment_uuid))

    assert_refused(shop, payment, body, "unknown_out_trade_no")


def test_a_tampered_body_is_a_bad_signature(shop: Any) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    body = shop.alipay.notice(trade).replace(b"WAIT_BUYER_PAY", b"").replace(b"subject=", b"subject=x")

    assert_refused(shop, payment, body, "bad_signature")


def test_a_stranger_cannot_sign(shop: Any) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    fields = dict(parse_qsl(shop.alipay.notice(trade).decode()))
    del fields["sign"], fields["sign_type"]

    assert_refused(shop, payment, shop.alipay.sign_form(fields, key=rsa_key("mallory")), "bad_signature")


def test_our_own_application_key_is_not_alipays(shop: Any) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    fields = dict(parse_qsl(shop.alipay.notice(trade).decode()))
    del fields["sign"], fields["sign_type"]

    assert_refused(shop, payment, shop.alipay.sign_form(fields, key=shop.alipay.app_key), "bad_signature")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sign": None}, "unsigned"),
        ({"sign": ""}, "unsigned"),
        ({"sign": "not base64 at all!"}, "bad_signature"),
        ({"sign": "签名"}, "bad_signature"),
        ({"sign": "AAAA"}, "bad_signature"),
        ({"sign_type": "RSA"}, "wrong_sign_type"),
        ({"sign_type": None}, "wrong_sign_type"),
        ({"sign_type": "none"}, "wrong_sign_type"),
    ],
)
def test_the_signature_is_wanted_in_one_form(shop: Any, change: dict[str, str | None], reason: str) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    fields = dict(parse_qsl(shop.alipay.notice(trade).decode())) | change
    body = urlencode({name: value for name, value in fields.items() if value is not None}).encode()

    assert_refused(shop, payment, body, reason)


def test_a_field_given_twice_proves_nothing(shop: Any) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    body = shop.alipay.notice(trade) + b"&total_amount=0.01"

    assert_refused(shop, payment, body, "repeated_field")


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"%", b"a" * 100_000, "支付".encode(), b"&".join(b"f%d=1" % n for n in range(101))],
)
def test_nonsense_is_refused_without_a_stack_trace(shop: Any, body: bytes) -> None:
    payment = shop.pending()

    answer = shop.notify(body)

    assert (answer.status_code, answer.content) == (400, b"failure")
    assert_nothing_moved(payment)


@pytest.mark.parametrize("method", ["alipay", "card", "wechat", "wechat_pay", "balance"])
def test_the_published_clients_simulate_payment_button_pays_nothing(shop: Any, method: str) -> None:
    payment = shop.pending()
    claim = {"payment_id": payment.id, "payment_uuid": str(payment.payment_uuid), "status": 2}

    answer = shop.api().post(f"/api/payment/callback/{method}/", claim)

    assert answer.status_code == 400
    assert_nothing_moved(payment)
    event = SecurityEvent.objects.get()
    assert event.kind == ("unsigned" if method == "alipay" else "unsupported_provider")
    assert event.detail["method"] == method


def test_a_buyers_own_token_does_not_open_the_callback_either(shop: Any, alice: Any) -> None:
    payment = shop.pending()
    body = urlencode({"out_trade_no": payment.out_trade_no, "trade_status": "TRADE_SUCCESS"}).encode()

    for path in (NOTIFY, "/api/payment/callback/alipay/"):
        answer = shop.api(alice).request("POST", path, body=body, content_type=FORM)
        assert answer.status_code == 400
    assert_nothing_moved(payment)


def test_the_callback_path_is_the_notify(shop: Any) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)

    answer = shop.api().request(
        "POST", "/api/payment/callback/alipay/", body=shop.alipay.notices.pop(), content_type=FORM
    )

    payment.refresh_from_db()
    assert answer.content == b"success" and payment.status == 1


def test_a_forged_notify_id_does_not_shadow_the_genuine_one(shop: Any) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    genuine = shop.alipay.notices.pop()
    notify_id = dict(parse_qsl(genuine.decode()))["notify_id"]

    forged = shop.notify(shop.alipay.notice(trade, notify_id=notify_id, total_amount="0.01"))

    assert forged.content == b"failure"
    assert shop.notify(genuine).content == b"success"
    payment.refresh_from_db()
    assert payment.status == 1


def test_equal_attempts_are_one_row_with_a_count(shop: Any) -> None:
    shop.pending()

    for _ in range(5):
        shop.notify(b"trade_status=TRADE_SUCCESS")

    event = SecurityEvent.objects.get()
    assert event.times == 5 and PaymentOutbox.objects.count() == 1


def test_a_flood_of_different_forgeries_fills_no_disk(shop: Any) -> None:
    from payment.services.security import HOURLY_ROWS

    SecurityEvent.objects.bulk_create(
        SecurityEvent(kind="unsigned", fingerprint=f"{number:064d}") for number in range(HOURLY_ROWS)
    )

    assert shop.notify(b"trade_status=TRADE_SUCCESS").content == b"failure"
    assert SecurityEvent.objects.count() == HOURLY_ROWS


def test_chinese_in_gbk_verifies_by_its_own_bytes(shop: Any) -> None:
    """Alipay signs the bytes of the charset it names."""
    import base64

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    fields = dict(parse_qsl(shop.alipay.notice(trade).decode())) | {"charset": "GBK", "subject": "茶壶"}
    del fields["sign"], fields["sign_type"]
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields)).encode("gbk")
    sign = base64.b64encode(shop.alipay.key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
    body = urlencode(fields | {"sign": sign, "sign_type": "RSA2"}, encoding="gbk").encode()

    assert shop.notify(body).content == b"success"
