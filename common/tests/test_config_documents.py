"""Documents of the configuration centre: what is taken, and what is refused as a whole and why."""

import json
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from common.config_documents import COMMON, LARGEST_BYTES, DocumentRefused, read_document
from common.embedded import embedded_environment
from common.live_table import ALIPAY_ACCOUNT, LiveSettings

ORDER, PAYMENT = "OrderService.yaml", "PaymentService.yaml"
read = partial(read_document, may_set_alipay=True)


def problems(data_id: str, content: str) -> list[str]:
    with pytest.raises(DocumentRefused) as refused:
        read(data_id, content)
    return refused.value.problems


def test_values_have_the_types_of_the_settings() -> None:
    document = read(
        COMMON,
        """
        # what the shop does today
        log_level: WARNING
        order_expire_minutes: 15
        peer_timeout_seconds: 2.5
        order_accepting: false
        order_max_amount: 5000.00
        payment_methods_off: [alipay_qr, alipay_wap]
        """,
    )

    assert document.values == {
        "log_level": "WARNING",
        "order_expire_minutes": 15,
        "peer_timeout_seconds": 2.5,
        "order_accepting": False,
        "order_max_amount": Decimal("5000.00"),
        "payment_methods_off": ("alipay_qr", "alipay_wap"),
    }
    assert document.shown["payment_methods_off"] == "alipay_qr,alipay_wap"


@pytest.mark.parametrize(
    "content",
    [
        "alipay.app-id: '2021'",
        "alipay:\n  app-id: '2021'",
        "ALIPAY_APP_ID: 2021",
        "alipay_app_id: 2021",
        "{alipay: {app_id: 2021}}",
    ],
)
def test_a_name_may_be_dotted_grouped_or_the_variables(content: str) -> None:
    assert read(PAYMENT, content).values == {"alipay_app_id": "2021"}


def test_alipays_keys_may_come_with_reference_4s_names_and_are_shown_as_digests(tmp_path: Path) -> None:
    made = embedded_environment(tmp_path, "PaymentService")
    content = json.dumps(
        {
            "alipay.app-id": "2021",
            "alipay.private-key": made["ALIPAY_PRIVATE_KEY"],
            "alipay.public-key": made["ALIPAY_PUBLIC_KEY"],
            "alipay.gateway-url": "https://openapi.alipay.com/gateway.do",
            "alipay.notify-url": "https://shop.example/notify",
        }
    )

    document = read(PAYMENT, content)

    assert document.values["alipay_private_key"] == made["ALIPAY_PRIVATE_KEY"]
    assert document.shown["alipay_private_key"].startswith("*** (sha256 ")
    assert "PRIVATE KEY" not in str(document.shown)


def test_no_values_at_all_is_said_by_empty_braces() -> None:
    assert read(COMMON, "{}").values == {}


def test_nothing_is_withdrawn_by_an_empty_list() -> None:
    assert read(PAYMENT, "payment_methods_off: []").values == {"payment_methods_off": ()}


@pytest.mark.parametrize("content", ["", "  \n", "# only words\n", "---\n", "''"])
def test_an_empty_document_says_nothing(content: str) -> None:
    assert problems(COMMON, content) == [
        "is empty: an empty document replaces nothing; to take every value back publish {}"
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("order_expire_minutes: [1", "line 1: expected ',' or ']'"),
        ("a: b: c", "line 1: mapping values are not allowed here"),
        ("log_level: INFO\n\torder_max_lines: 1", "line 2: found character"),
        ("- log_level", "must be a mapping"),
        ("INFO", "must be a mapping"),
        ("log_level: INFO\n---\nlog_level: DEBUG", "line 2: but found another document"),
        ("log_level: \x07", "is not YAML"),
        ("log_level: INFO\nlog_level: DEBUG", "log_level is given twice"),
        ("log_level: INFO\nLOG_LEVEL: INFO", "log_level is given twice"),
        ("alipay: {app-id: 1}\nalipay.app-id: 1", "alipay_app_id is given twice"),
        ("a: &a [x, x]\nb: [*a, *a]", "line 1: anchors and aliases are not taken"),
        ("log_level: *a", "line 1: anchors and aliases are not taken"),
        ("<<: {log_level: INFO}", "<<_log_level is not known"),
        ("log_level: !!python/object/apply:os.system [true]", "line 1: tags (!) are not taken"),
        ("log_level: ! INFO", "line 1: tags (!) are not taken"),
        ("order_expire_minutes: !!int 5", "line 1: tags (!) are not taken"),
        ("[" * 5000, "line 1: is nested too deeply"),
        ("{a: " * 2000, "line 1: is nested too deeply"),
        ("alipay: {app: {id: {x: 1}}}", "line 1: is nested too deeply"),
        ("{[a]: b}", "line 1: a name must be plain text"),
        ("log_level: [[]]", "line 1: a list may hold only plain values"),
        ("order_expire_minute: 5", "order_expire_minute is not known; did you mean order_expire_minutes?"),
        ("colour: red", "colour is not known"),
        ("discovery: nacos", "discovery is read once, at the start: it belongs in the environment"),
        ("cfmp_db_password: x", "cfmp_db_password is a secret: it belongs in the environment"),
        ("pii_keys: x", "pii_keys is a secret: it belongs in the environment"),
        (
            "alipay.private-key: MIIEv",
            "alipay_private_key is a secret: not for every service, put it in PaymentService.yaml",
        ),
    ],
)
def test_what_is_refused_names_the_line_or_the_setting(content: str, problem: str) -> None:
    (found,) = problems(COMMON, content)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order_expire_minutes", "0"),
        ("order_expire_minutes", "1441"),
        ("order_expire_minutes", "30.0"),
        ("order_expire_minutes", "1:30"),
        ("order_expire_minutes", "0x1e"),
        ("order_expire_minutes", "true"),
        ("order_expire_minutes", "~"),
        ("order_expire_minutes", ""),
        ("order_expire_minutes", "[1, 2]"),
        ("peer_timeout_seconds", ".nan"),
        ("peer_timeout_seconds", ".inf"),
        ("peer_timeout_seconds", "NaN"),
        ("peer_timeout_seconds", "-1"),
        ("peer_timeout_seconds", "1e3"),
        ("peer_timeout_seconds", "0"),
        ("order_max_amount", "0"),
        ("order_max_amount", "1.001"),
        ("order_max_amount", "1e5"),
        ("order_accepting", "yes"),
        ("order_accepting", "0"),
        ("log_level", "info"),
        ("risk_failure_mode", "ajar"),
        ("payment_methods_off", "[cash]"),
        ("alipay_app_id", ""),
        ("alipay_gateway_url", "javascript:alert(1)"),
        ("alipay_gateway_url", "http://openapi.alipay.com/gateway.do"),
        ("alipay_gateway_url", "http://2130706433/gateway.do"),
        ("alipay_gateway_url", "http://127.0.0.1.evil.example/gateway.do"),
        ("alipay_gateway_url", "http://[2001:db8::1]/gateway.do"),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(name: str, value: str) -> None:
    (found,) = problems(COMMON, f"{name}: {value}")

    assert found.startswith(f"{name} must ")
    assert len(value) < 4 or value not in found


def test_every_problem_is_told_at_once() -> None:
    found = problems(ORDER, "log_level: loud\norder_max_lines: 0\nrisk_failure_mode: open\ncolour: red")

    assert [problem.split()[0] for problem in found] == [
        "log_level",
        "order_max_lines",
        "risk_failure_mode",
        "colour",
    ]


def test_a_setting_of_another_service_belongs_there() -> None:
    assert problems(ORDER, "risk_failure_mode: open") == [
        "risk_failure_mode does nothing in this service: put it in PaymentService.yaml or cfmp-common.yaml"
    ]


def test_a_secret_is_not_repeated_in_the_problem() -> None:
    (found,) = problems(PAYMENT, "alipay.private-key: MIIEvNotAKey")

    assert found == "alipay_private_key must be an RSA private key, PEM or bare base64"


def test_every_setting_of_alipays_is_guarded_but_how_long_we_wait() -> None:
    alipays = {name for name in vars(LiveSettings()) if name.startswith("alipay_")}

    assert alipays - ALIPAY_ACCOUNT == {"alipay_timeout_seconds"}
    assert alipays >= ALIPAY_ACCOUNT


@pytest.mark.parametrize("data_id", [PAYMENT, COMMON])
def test_without_leave_no_document_says_whom_buyers_pay(data_id: str, tmp_path: Path) -> None:
    forged = embedded_environment(tmp_path, "PaymentService")["ALIPAY_PUBLIC_KEY"]
    content = json.dumps({"alipay.public-key": forged, "alipay_timeout_seconds": 3})

    with pytest.raises(DocumentRefused) as refused:
        read_document(data_id, content)

    assert refused.value.problems == [
        "alipay_public_key decides whom buyers pay or whose word is believed: set it in PaymentService's "
        "environment and restart, or allow documents to set it there with CONFIG_MAY_SET_ALIPAY=true"
    ]
    assert read_document(data_id, "alipay_timeout_seconds: 3").values == {"alipay_timeout_seconds": 3.0}


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "sandbox:8090", "alipay.localhost", "localhost", "[::1]"])
def test_a_sandbox_nearby_is_asked_without_tls(host: str) -> None:
    address = f"http://{host}/gateway.do"

    document = read(PAYMENT, f"alipay.gateway-url: {address}")

    assert document.values == {"alipay_gateway_url": address}


def test_a_key_of_another_kind_is_no_key_of_alipays() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    given = {"alipay_private_key": private.decode(), "alipay_public_key_next": public.decode()}

    assert problems(PAYMENT, json.dumps(given)) == [
        "alipay_private_key must be an RSA private key, PEM or bare base64",
        "alipay_public_key_next must be RSA public keys, PEM or bare base64",
    ]


def test_a_large_document_is_not_even_parsed() -> None:
    (found,) = problems(COMMON, "#" * LARGEST_BYTES + "x")

    assert found == f"is too large: {LARGEST_BYTES + 1} bytes, at most {LARGEST_BYTES}"


@pytest.mark.parametrize("data_id", ["order.yaml", "UserService.yaml", "../../etc/passwd", ""])
def test_only_our_documents_are_read(data_id: str) -> None:
    assert "is no document of ours" in problems(data_id, "log_level: INFO")[0]
