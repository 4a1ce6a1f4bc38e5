"""What the gateway refuses before it looks at a trade: unsigned, in the real one's codes."""

import base64
import json
from urllib.parse import parse_qsl, urlencode

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.live import Live, Merchant


def signed_query(merchant: Merchant, **changes: str | None) -> dict[str, str]:
    """A valid query call with some parameters changed before it is signed."""
    body = merchant.sdk.build_body("alipay.trade.query", {"out_trade_no": "nothing"})
    for name, value in changes.items():
        body.pop(name) if value is None else body.update({name: value})
    return dict(parse_qsl(merchant.sdk.sign_data(body), keep_blank_values=True))


def ask(merchant: Merchant, parameters: dict[str, str]) -> dict:
    return dict(requests.get(merchant.gateway, params=parameters, timeout=10).json())


@pytest.mark.parametrize(
    ("changes", "code", "sub_code"),
    [
        ({"app_id": "2021000000000000"}, "40002", "isv.invalid-app-id"),
        ({"app_id": None}, "40001", "isv.missing-app-id"),
        ({"timestamp": "2020-01-01 00:00:00"}, "40002", "isv.invalid-timestamp"),
        ({"timestamp": "2099-01-01 00:00:00"}, "40002", "isv.invalid-timestamp"),
        ({"timestamp": "yesterday"}, "40002", "isv.invalid-timestamp"),
        ({"timestamp": None}, "40001", "isv.missing-timestamp"),
        ({"version": "2.0"}, "40002", "isv.invalid-version"),
        ({"version": None}, "40001", "isv.missing-version"),
        ({"charset": "latin-1"}, "40002", "isv.invalid-charset"),
        ({"format": "XML"}, "40002", "isv.invalid-format"),
        ({"sign_type": "RSA"}, "40002", "isv.invalid-signature-type"),
        ({"biz_content": "not json"}, "40002", "isv.invalid-parameter"),
        ({"biz_content": "[]"}, "40002", "isv.invalid-parameter"),
        ({"biz_content": None}, "40001", "isv.missing-biz-content"),
    ],
)
def test_a_bad_request_is_answered_unsigned(
    merchant: Merchant, changes: dict, code: str, sub_code: str
) -> None:
    answer = ask(merchant, signed_query(merchant, **changes))
    assert answer.keys() == {"alipay_trade_query_response"}
    node = answer["alipay_trade_query_response"]
    assert (node["code"], node["sub_code"]) == (code, sub_code)


@pytest.mark.parametrize("method", ["alipay.trade.steal", None])
def test_an_unknown_method_has_an_error_response(merchant: Merchant, method: str | None) -> None:
    answer = ask(merchant, signed_query(merchant, method=method))
    assert answer.keys() == {"error_response"}
    assert answer["error_response"]["sub_code"] in ("isv.invalid-method", "isv.missing-method")


@pytest.mark.parametrize("sign", ["", "AAAA", "not base64 %%%"])
def test_a_bad_signature_is_refused(merchant: Merchant, sign: str) -> None:
    node = ask(merchant, signed_query(merchant) | {"sign": sign})["alipay_trade_query_response"]
    assert node["sub_code"] in ("isv.invalid-signature", "isv.missing-signature")


def test_a_parameter_changed_after_signing_is_refused(merchant: Merchant) -> None:
    changed = signed_query(merchant) | {"biz_content": '{"out_trade_no":"another"}'}
    assert ask(merchant, changed)["alipay_trade_query_response"]["sub_code"] == "isv.invalid-signature"


def test_empty_parameters_are_no_part_of_the_signature(merchant: Merchant) -> None:
    node = ask(merchant, signed_query(merchant) | {"notify_url": ""})["alipay_trade_query_response"]
    assert node["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_post_is_understood_with_parameters_in_either_place(merchant: Merchant) -> None:
    parameters = signed_query(merchant)
    biz = {"biz_content": parameters.pop("biz_content")}
    url = f"{merchant.gateway}?{urlencode(parameters)}"
    node = requests.post(url, data=biz, timeout=10).json()["alipay_trade_query_response"]
    assert node["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_gbk_is_spoken_and_signed_in_gbk(merchant: Merchant) -> None:
    """The signature covers the bytes that go out, whatever the charset."""
    answer = requests.get(merchant.gateway, params=signed_query(merchant, charset="gbk"), timeout=10)
    assert "gbk" in answer.headers["Content-Type"]
    body = answer.content.decode("gbk")
    node = json.loads(body)["alipay_trade_query_response"]
    assert node["sub_msg"] == "交易不存在"
    covered = answer.content.split(b'"alipay_trade_query_response":')[1].split(b',"sign":')[0]
    key = load_pem_public_key(merchant.live.sim("application/")["alipay_public_key"].encode())
    signature = base64.b64decode(json.loads(body)["sign"])
    key.verify(signature, covered, padding.PKCS1v15(), hashes.SHA256())


def test_a_signed_answer_is_verified_by_the_sdk_with_braces_and_quotes_in_it(merchant: Merchant) -> None:
    subject = '茶具 "特价" \\ {一对}'
    out_trade_no = merchant.paid(subject=subject)
    assert merchant.query(out_trade_no)["trade_status"] == "TRADE_SUCCESS"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"app_id": "2021000000000000"}, "isv.invalid-app-id"),
        ({"timestamp": "2020-01-01 00:00:00"}, "isv.invalid-timestamp"),
    ],
)
def test_a_browser_sees_a_page_for_a_bad_link(merchant: Merchant, changes: dict, code: str) -> None:
    body = merchant.sdk.build_body("alipay.trade.page.pay", {"out_trade_no": "x"})
    page = requests.get(f"{merchant.gateway}?{merchant.sdk.sign_data(body | changes)}", timeout=10)
    assert code in page.text
    assert 'data-testid="cashier-error"' in page.text


def test_a_pay_link_may_be_opened_hours_later(merchant: Merchant) -> None:
    """A slow buyer is no replay: browser methods have their own, longer allowance."""
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    earlier = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(hours=3)
    biz = {
        "subject": "tea",
        "out_trade_no": "late-opened",
        "total_amount": "1.00",
        "product_code": "FAST_INSTANT_TRADE_PAY",
    }
    body = merchant.sdk.build_body("alipay.trade.page.pay", biz)
    body["timestamp"] = earlier.strftime("%Y-%m-%d %H:%M:%S")
    page = requests.get(f"{merchant.gateway}?{merchant.sdk.sign_data(body)}", timeout=10)
    assert 'data-testid="cashier-pay"' in page.text


def test_only_loopback_names_are_served(live: Live) -> None:
    for port in live.urls.values():
        answer = requests.get(f"{port}/health", headers={"Host": "evil.example"}, timeout=10)
        assert answer.status_code == 400


def test_the_neighbour_is_chosen_by_the_port_not_by_the_host_header(live: Live) -> None:
    host = {"Host": f"127.0.0.1:{live.ports['PRODUCT']}"}
    answer = requests.get(f"{live.user}/health", headers=host, timeout=10).json()
    assert answer["service"] == "UserService"
