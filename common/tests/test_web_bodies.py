"""Bad input: whatever is sent, the answer is a 4xx problem in JSON, never HTML and never a 500."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Api = Callable[..., Any]
ECHO = "/api/orders/echo/"
EVERYTHING_GOES = settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)


def assert_problem(answer: Any, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    problem = answer.json()
    assert problem["name"] == name
    assert problem["request_id"] == answer["X-Request-ID"]
    return problem


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'amount': 1}",
        b'{"amount": 1,}',
        b"nonsense",
        b"[]",
        b"1",
        b'"text"',
        b"null",
        b"true",
        b'\xef\xbb\xbf{"amount": 1}',
        b'{"amount": "\xff\xfe"}',
        '{"amount": 1}'.encode("utf-16"),
        b'{"amount": NaN}',
        b'{"amount": -Infinity}',
        b'{"remark": "\\u0000"}',
        b'{"remark": "\\ud800"}',
        b'{"\\u0000": 1}',
        b'{"remark": "a\x00b"}',
        b'{"amount": 99999999999999999999}',
        b'{"amount": -9223372036854775809}',
        b'{"amount": ' + b"9" * 100_000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 21 + b"1" + b"}" * 21,
        b'{"a":' * 50_000,
    ],
)
def test_a_body_that_is_no_plain_json_object_is_refused(api: Api, body: bytes) -> None:
    problem = assert_problem(api().request("POST", ECHO, body=body), 400, "InvalidInput")

    assert list(problem["errors"]) == ["body"]


def test_why_a_body_is_refused_is_said_in_both_languages(api: Api) -> None:
    chinese = api().request("POST", ECHO, body=b"{").json()["errors"]
    english = api().request("POST", ECHO, body=b"{", headers={"Accept-Language": "en"}).json()["errors"]

    assert (chinese, english) == (
        {"body": ["请求体不是合法的 JSON"]},
        {"body": ["The body is not valid JSON"]},
    )


@pytest.mark.parametrize(
    "amount",
    [
        "NaN",
        "1e400",
        "1E2",
        "-1",
        "-0.01",
        "0",
        "0.001",
        "1.",
        ".5",
        "+1",
        " 1",
        "１",
        "",
        "100000000",
        None,
        True,
        [],
        {},
    ],
)
def test_an_amount_that_is_none_is_a_field_error(api: Api, amount: Any) -> None:
    problem = assert_problem(api().post(ECHO, {"amount": amount}), 400, "InvalidInput")

    assert list(problem["errors"]) == ["amount"]


@pytest.mark.parametrize("number", [b"1e400", b"1E2", b"-1", b"0", b"0.001", b"100000000"])
def test_a_json_number_that_is_no_amount_is_a_field_error(api: Api, number: bytes) -> None:
    answer = api().request("POST", ECHO, body=b'{"amount": ' + number + b"}")

    assert list(assert_problem(answer, 400, "InvalidInput")["errors"]) == ["amount"]


def test_a_number_keeps_its_cents_exactly(api: Api) -> None:
    answer = api().request("POST", ECHO, body=b'{"amount": 9007199254.93}')

    assert answer.status_code == 400  # above the limit, and said so
    answer = api().request("POST", ECHO, body=b'{"amount": 90071992.93}')
    assert answer.json()["data"]["amount"] == "90071992.93"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json; charset=gbk",
        "application/json; charset=\xff",
        "nonsense",
        ";;;",
        "",
    ],
)
def test_another_media_type_is_refused(api: Api, content_type: str) -> None:
    answer = api().request("POST", ECHO, body=b'{"amount": 1}', content_type=content_type)

    assert_problem(answer, 415, "UnsupportedMediaType")


def test_utf8_may_be_said_or_not(api: Api) -> None:
    for content_type in (
        "application/json",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
    ):
        assert (
            api().request("POST", ECHO, body=b'{"amount": 1}', content_type=content_type).status_code == 200
        )


def test_an_empty_body_is_an_empty_object(api: Api) -> None:
    assert list(assert_problem(api().post(ECHO), 400, "InvalidInput")["errors"]) == ["amount"]


def test_a_body_over_one_mebibyte_is_too_large(api: Api) -> None:
    just_right = b'{"amount": 1, "remark": ""}' + b" " * (1024 * 1024 - 27)

    assert api().request("POST", ECHO, body=just_right).status_code == 200
    assert_problem(api().request("POST", ECHO, body=just_right + b" "), 413, "BodyTooLarge")


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "٣", "1.0"])
def test_a_length_that_is_no_number_is_refused(api: Api, length: str) -> None:
    answer = api().request("POST", ECHO, body=b"{}", headers={"Content-Length": length})

    assert_problem(answer, 400, "InvalidInput")


@pytest.mark.parametrize(
    "path", ["/api/orders/%00/", "/api/orders/fail/a%00b/", "/api/%ff%fe/", "/%E0%80%80"]
)
def test_a_path_nothing_can_have_is_not_found(api: Api, path: str) -> None:
    assert_problem(api().get(path), 404, "NotFound")


@pytest.mark.parametrize(
    "path", ["/api/orders/%", "/api/orders/%zz/", "/api/orders/%2", "//evil.example/", "/api//orders/"]
)
def test_malformed_escapes_are_only_an_unknown_path(api: Api, path: str) -> None:
    assert_problem(api().get(path), 404, "NotFound")


@pytest.mark.parametrize("query", ["page=%00", "page=%zz", "page=%ff", "page=1%00"])
def test_a_malformed_query_is_refused(api: Api, query: str) -> None:
    assert_problem(api().get(f"/api/orders/parcels/?{query}"), 400, "InvalidInput")


def test_too_many_query_fields_are_refused(api: Api) -> None:
    query = "&".join(f"a{number}=1" for number in range(2000))

    assert_problem(api().get(f"/api/orders/parcels/?{query}"), 400, "InvalidInput")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "bad host", "[::1", "127.0.0.1:port", ""]
)
def test_a_foreign_host_is_refused(api: Api, host: str) -> None:
    answer = api().get("/api/orders/open/", headers={"Host": host})

    assert list(assert_problem(answer, 400, "InvalidInput")["errors"]) == ["Host"]


@pytest.mark.parametrize("host", ["127.0.0.1:9080", "localhost", "[::1]:9080"])
def test_the_loopback_names_are_answered(api: Api, host: str) -> None:
    assert api().get("/api/orders/open/", headers={"Host": host}).status_code == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@EVERYTHING_GOES
@given(
    value=json_values
    | st.fixed_dictionaries({"amount": json_values, "products": json_values, "order": json_values})
)
def test_any_json_is_answered_with_2xx_or_4xx(api: Api, value: Any) -> None:
    answer = api().request("POST", ECHO, body=json.dumps(value).encode())

    assert 200 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/json"


@EVERYTHING_GOES
@given(body=st.binary(max_size=200))
def test_any_bytes_are_answered_with_2xx_or_4xx(api: Api, body: bytes) -> None:
    answer = api().request("POST", ECHO, body=body)

    assert 200 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/json"


header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)


@EVERYTHING_GOES
@given(
    name=st.sampled_from(
        [
            "Content-Type",
            "Accept",
            "Accept-Language",
            "X-Request-ID",
            "Traceparent",
            "X-Deadline-Ms",
            "Authorization",
            "X-Service-Authorization",
            "Host",
            "Range",
            "If-Modified-Since",
            "Expect",
            "Cookie",
        ]
    ),
    text=header_text,
)
def test_any_header_is_answered_with_2xx_or_4xx(api: Api, name: str, text: str) -> None:
    for path in ("/api/orders/who/", "/api/orders/either/", ECHO):
        answer = api().request("POST" if path == ECHO else "GET", path, body=b"{}", headers={name: text})

        assert 200 <= answer.status_code < 500
        assert answer["Content-Type"] == "application/json"
