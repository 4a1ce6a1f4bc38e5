"""The SDK's traps, one by one, and both key modes. What any provider promises is in the suite beside."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from common.clock import use_source
from common.testing.provider import FakeAlipay, public_pem, rsa2, rsa_key
from payment.errors import CallbackRefused, ProviderUnknown
from payment.gateways.alipay import AlipayGateway
from payment.gateways.alipay_notify import parse_form, read_notify
from payment.gateways.alipay_sdk import Certificates, make_client, verify_text
from payment.gateways.base import Channel, Charge, TradeState
from payment.tests.conftest import config_of

CONFIG = config_of(FakeAlipay())
CLIENT = make_client(CONFIG, lambda *call: b"")
PAID = {
    "code": "10000",
    "out_trade_no": "t",
    "trade_no": "1",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "12.00",
}


def answering(body: bytes, config: Any = CONFIG) -> AlipayGateway:
    """A gateway whose wire always says `body`."""
    return AlipayGateway(config, send=lambda *call: body)


def signed(node: Any, *, method: str = "alipay_trade_query_response", key: str = "alipay") -> bytes:
    """An answer with exactly this node (text, or something to write as JSON)."""
    text = node if isinstance(node, str) else json.dumps(node, separators=(",", ":"))
    return f'{{"{method}":{text},"sign":"{rsa2(rsa_key(key), text)}"}}'.encode()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"subject": "a } b"},
        {"subject": "a { b"},
        {"subject": '"}\\'},
        {"fund_bill_list": [{"amount": "12.00"}]},
        {"body": '"alipay_trade_query_response":{'},
    ],
)
def test_braces_and_quotes_in_values_do_not_break_a_genuine_answer(more: dict[str, Any]) -> None:
    assert answering(signed(PAID | more)).query("t").state is TradeState.PAID


def test_the_sign_may_stand_first_and_the_json_may_be_pretty() -> None:
    node = json.dumps(PAID, indent=2)
    sign = rsa2(rsa_key("alipay"), node)
    body = f'{{\n "sign": "{sign}",\n "alipay_trade_query_response": {node}\n}}'

    assert answering(body.encode()).query("t").state is TradeState.PAID


NO_ANSWERS = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"<html></html>",
    b'{"sign":"x"}',
    b'{"alipay_trade_query_response":{"code":"10000","trade_status":"TRADE_SUCCESS"}}',
    b'{"error_response":{"code":"40002"},"sign":"x"}',
    signed(PAID, key="mallory"),
    signed(PAID).replace(b"12.00", b"12.01"),
    signed(PAID, method="alipay_trade_close_response"),
    signed("a string"),
    signed({}),
    signed(PAID | {"trade_status": "TRADE_IMAGINED"}),
    signed(PAID | {"out_trade_no": "other"}),
    signed(PAID | {"total_amount": "1e9"}),
    signed({"code": "40004", "sub_code": "ACQ.SOMETHING_NEW"}),
    signed({"code": "40004"}),
    signed({}) * 2,
]


@pytest.mark.parametrize("body", NO_ANSWERS)
def test_an_answer_that_is_none_is_silence(body: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        answering(body).query("t")


@pytest.mark.parametrize(
    "error",
    [TimeoutError, ConnectionResetError, AssertionError, AttributeError, KeyError, RecursionError],
)
def test_whatever_the_wire_or_the_sdk_raises_is_silence(error: type[Exception]) -> None:
    def broken(*call: Any) -> bytes:
        raise error

    with pytest.raises(ProviderUnknown):
        AlipayGateway(CONFIG, send=broken).query("t")


def sent_by(act: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """The common parameters and the content of the one call `act` makes."""
    seen: list[tuple[str, Mapping[str, str]]] = []

    def note(url: str, body: Mapping[str, str], timeout: float) -> bytes:
        seen.append((url, body))
        raise TimeoutError

    with pytest.raises(ProviderUnknown):
        act(AlipayGateway(CONFIG, send=note))
    ((url, body),) = seen
    return dict(parse_qsl(urlsplit(url).query)), json.loads(body["biz_content"])


def test_timestamps_are_beijing_time_whatever_the_host_says() -> None:
    before = use_source(lambda: datetime(2026, 11, 20, 17, 30, tzinfo=UTC))
    try:
        parameters, _ = sent_by(lambda gateway: gateway.query("t"))
    finally:
        use_source(before)

    assert parameters["timestamp"] == "2026-11-21 01:30:00"


def test_amounts_leave_as_text_with_two_places_and_the_number_is_always_sent() -> None:
    wish = {"out_trade_no": "t", "out_request_no": "r", "amount": Decimal("0.30"), "reason": "a&b=c/d"}

    _, content = sent_by(lambda gateway: gateway.refund(**wish))

    assert content == {
        "out_trade_no": "t",
        "out_request_no": "r",
        "refund_amount": "0.30",
        "refund_reason": "a b c d",
    }


def test_no_parameter_is_sent_empty_and_the_content_stays_out_of_the_address() -> None:
    parameters, _ = sent_by(lambda gateway: gateway.query("t"))

    assert "" not in parameters.values() and "biz_content" not in parameters
    assert parameters["charset"] == "utf-8" and parameters["sign_type"] == "RSA2"


def test_the_trade_ends_when_the_order_does_in_beijing_time() -> None:
    ends = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
    charge = Charge("t", Decimal("1.00"), "x", ends, "", Channel.QR)

    parameters, content = sent_by(lambda gateway: gateway.open(charge))

    assert content["time_expire"] == "2026-11-21 10:30:00"
    assert parameters["notify_url"] == CONFIG.notify_url and "return_url" not in parameters


def test_two_public_keys_are_good_during_a_rotation() -> None:
    both = replace(CONFIG, public_keys=(public_pem(rsa_key("next")), public_pem(rsa_key("alipay"))))

    for key in ("alipay", "next"):
        assert answering(signed(PAID, key=key), both).query("t").state is TradeState.PAID
    with pytest.raises(ProviderUnknown):
        answering(signed(PAID, key="mallory"), both).query("t")


def certificate(name: str, *, serial: int) -> str:
    """A self-signed certificate of the key `name`."""
    parts = {
        NameOID.COMMON_NAME: name,
        NameOID.ORGANIZATION_NAME: "Ant",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "CA",
        NameOID.COUNTRY_NAME: "CN",
    }
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in parts.items()])
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(subject, subject, rsa_key(name).public_key(), serial)
    valid = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=365))
    return valid.sign(rsa_key(name), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def with_certificates(*alipay: str) -> Any:
    """The settings of certificate mode, with a chain of two roots."""
    roots = certificate("root-a", serial=7) + certificate("root-b", serial=8)
    held = Certificates(certificate("application", serial=1), roots, tuple(alipay))
    return replace(CONFIG, certificates=held)


def test_certificate_mode_names_our_certificate_and_every_root() -> None:
    seen: list[str] = []

    def note(url: str, body: Mapping[str, str], timeout: float) -> bytes:
        seen.append(url)
        return signed(PAID)

    gateway = AlipayGateway(with_certificates(certificate("alipay", serial=2)), send=note)

    assert gateway.query("t").state is TradeState.PAID
    parameters = dict(parse_qsl(urlsplit(seen[0]).query))
    assert len(parameters["app_cert_sn"]) == 32
    # Two roots: the SDK joins the serial of each by an underscore.
    assert len(parameters["alipay_root_cert_sn"]) == 65


def test_certificate_mode_knows_the_old_and_the_new_certificate_and_no_other() -> None:
    config = with_certificates(certificate("alipay", serial=2), certificate("next", serial=3))
    serials = dict(zip(("alipay", "next"), make_client(config, lambda *call: b"")._keys, strict=True))

    def answer(key: str, serial: str) -> AlipayGateway:
        return answering(signed(PAID, key=key)[:-1] + f',"alipay_cert_sn":"{serial}"}}'.encode(), config)

    for key, serial in serials.items():
        assert answer(key, serial).query("t").state is TradeState.PAID
    with pytest.raises(ProviderUnknown):
        answer("alipay", "0" * 32).query("t")


PRINTABLE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.dictionaries(st.sampled_from("abcdefgh"), PRINTABLE, max_size=8))
def test_any_form_survives_signing_posting_and_verifying(fields: dict[str, str]) -> None:
    read = parse_form(FakeAlipay().sign_form(fields))

    named = sorted(name for name in read if name not in ("sign", "sign_type"))
    text = "&".join(f"{name}={read[name]}" for name in named)
    assert {name: read[name] for name in fields} == fields
    assert verify_text(CLIENT, text.encode(), read["sign"])


@given(st.binary(max_size=200))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    with pytest.raises(CallbackRefused):
        read_notify(CLIENT, CONFIG, body)


@given(st.text(max_size=50))
def test_no_signature_breaks_the_verifier(signature: str) -> None:
    assert verify_text(CLIENT, b"text", signature) is False


def test_a_signature_is_written_in_one_way_only() -> None:
    good = rsa2(rsa_key("alipay"), "text")

    assert verify_text(CLIENT, b"text", good)
    for other in (f"{good}\n", f" {good}", f"{good[:40]}\n{good[40:]}", f"{good}!", good[:-1]):
        assert not verify_text(CLIENT, b"text", other)


def test_secrets_do_not_show_in_a_configurations_repr() -> None:
    assert "PRIVATE KEY" not in repr(CONFIG)


def test_the_sdk_says_nothing_by_itself() -> None:
    """Its own logger would print whole signed payloads."""
    its_own = logging.getLogger("python-alipay-sdk")

    assert its_own.handlers == [] and its_own.level == logging.WARNING


def test_settings_import_the_sdk_before_django_configures_logging() -> None:
    """Its import closes every handler there is: afterwards the service's own must be alive."""
    root = Path(__file__).resolve().parents[3]
    script = (
        "import django, logging; django.setup(); import payment.gateways.alipay_sdk; "
        "assert logging.getLogger().handlers; logging.getLogger('x').warning('still here')"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": f"{root}:{root.parent}"}

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "still here" in done.stdout + done.stderr
