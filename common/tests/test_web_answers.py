"""What every answer looks like: envelopes per family, problems, languages, both slash forms, HEAD."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Api = Callable[..., Any]


def test_cfmp_answers_carry_a_text_code(api: Api) -> None:
    answer = api().get("/api/orders/open/")

    assert answer.status_code == 200
    assert answer.json() == {
        "code": "200",
        "message": "success",
        "data": {"language": "zh", "total": "12.00"},
    }


def test_other_families_carry_an_integer_code(api: Api) -> None:
    assert api().get("/shopping/who").json()["code"] == 200


def test_flat_answers_stand_beside_the_code(api: Api) -> None:
    assert api().get("/api/orders/parcels/stats/").json() == {"code": "200", "total": 3}


def test_money_is_text_and_only_where_asked_a_number(api: Api) -> None:
    answer = api().post("/api/orders/echo/", {"amount": "1.5"})

    assert answer.content == b'{"code":"200","message":"success","data":{"amount":"1.50","number":1.50}}'


@pytest.mark.parametrize("path", ["/api/orders/open", "/api/orders/open/", "/shopping/who", "/shopping/who/"])
def test_both_slash_forms_answer_without_a_redirect(api: Api, path: str) -> None:
    assert api().get(path).status_code == 200


def test_a_head_request_says_the_length_and_sends_no_body(api: Api) -> None:
    whole = api().get("/api/orders/open/")
    head = api().request("HEAD", "/api/orders/open/")

    assert head.status_code == 200
    assert head.content == b""
    assert head["Content-Length"] == str(len(whole.content))


def test_a_problem_has_all_its_parts(api: Api) -> None:
    answer = api().get("/api/orders/fail/conflict/", headers={"X-Request-ID": "order-7"})

    assert answer.status_code == 409
    assert answer.json() == {
        "code": "1015",
        "name": "StateConflict",
        "message": "当前状态不允许此操作",
        "errors": {},
        "request_id": "order-7",
        "data": {"status": "success"},
    }
    assert answer["X-Request-ID"] == "order-7"


@pytest.mark.parametrize(
    ("accept", "message"),
    [
        ("", "资源不存在"),
        ("en-US,en;q=0.9", "Not found"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "资源不存在"),
        ("fr", "资源不存在"),
    ],
)
def test_messages_follow_accept_language_and_default_to_chinese(api: Api, accept: str, message: str) -> None:
    answer = api().get("/api/orders/no-such-thing/", headers={"Accept-Language": accept})

    assert answer.json()["message"] == message


def test_field_errors_follow_the_language_too(api: Api) -> None:
    wrong = {"amount": "1.00", "products": [{"quantity": 0}]}

    chinese = api().post("/api/orders/echo/", wrong).json()["errors"]
    english = api().post("/api/orders/echo/", wrong, headers={"Accept-Language": "en"}).json()["errors"]

    assert chinese["products.0.product_uuid"] == ["该字段是必填项。"]
    assert english["products.0.product_uuid"] == ["This field is required."]
    assert set(chinese) == set(english) == {"products.0.product_uuid", "products.0.quantity"}


def test_english_does_not_leak_into_the_next_request(api: Api) -> None:
    api().post("/api/orders/echo/", {}, headers={"Accept-Language": "en"})

    assert api().post("/api/orders/echo/", {}).json()["errors"]["amount"] == ["该字段是必填项。"]


def test_a_retryable_problem_says_when_to_come_back(api: Api) -> None:
    answer = api().get("/api/orders/fail/peer/")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "3"
    assert answer.json()["name"] == "PeerUnavailable"


def test_a_database_that_is_away_is_told_as_such(api: Api) -> None:
    answer = api().get("/api/orders/fail/database/")

    assert answer.status_code == 503
    assert answer.json()["name"] == "DatabaseUnavailable"
    assert answer["Retry-After"] == "1"
    assert b"gone away" not in answer.content


@pytest.mark.parametrize("path", ["/api/orders/fail/bug/", "/api/orders/plain-bug/"])
def test_an_unforeseen_error_tells_nothing_about_itself(api: Api, path: str) -> None:
    answer = api(raises=False).get(path)

    assert answer.status_code == 500
    assert answer.json()["code"] == "1500"
    assert b"secret" not in answer.content
    assert b"Traceback" not in answer.content


def test_a_missing_thing_does_not_repeat_what_the_code_said(api: Api) -> None:
    answer = api().get("/api/orders/fail/missing/")

    assert answer.status_code == 404
    assert b"secret" not in answer.content


@pytest.mark.parametrize(
    ("path", "code"),
    [("/api/nowhere/", "1005"), ("/payments/nowhere", 1005), ("/shopping/nowhere", 1005), ("/", "1005")],
)
def test_an_unknown_path_is_a_problem_of_its_family(api: Api, path: str, code: str | int) -> None:
    answer = api().get(path)

    assert answer.status_code == 404
    assert answer.json()["code"] == code


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"])
def test_a_wrong_method_names_the_right_ones(api: Api, method: str) -> None:
    answer = api().request(method, "/api/orders/who/")

    assert answer.status_code == (405 if method != "get" else 401)
    if method != "get":
        assert answer.json()["name"] == "MethodNotAllowed"
        assert answer["Allow"] == "GET, HEAD"


def test_what_the_client_accepts_changes_nothing(api: Api) -> None:
    answer = api().get("/api/orders/open/", headers={"Accept": "text/html, image/*;q=0.8, nonsense"})

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"


def test_a_request_id_that_could_break_logs_is_replaced(api: Api) -> None:
    answer = api().get("/api/orders/open/", headers={"X-Request-ID": "a b\tc" * 30})

    assert len(answer["X-Request-ID"]) == 32


@pytest.mark.parametrize(
    ("path", "kind", "value"),
    [
        ("CFMP2026112112345678", "number", "CFMP2026112112345678"),
        ("01900000-0000-7000-8000-00000000A11C", "uuid", "01900000-0000-7000-8000-00000000a11c"),
        ("9007199254740991", "id", "9007199254740991"),
    ],
)
def test_one_path_takes_number_uuid_and_id(api: Api, path: str, kind: str, value: str) -> None:
    assert api().get(f"/api/orders/parcels/{path}/").json()["data"] == {"kind": kind, "value": value}


@pytest.mark.parametrize(
    "path",
    [
        "9007199254740992",
        "0",
        "-1",
        "007",
        "cfmp2026112112345678",
        "CFMP1",
        "1e3",
        "CFMP２０２６１１",
        "null",
    ],
)
def test_what_no_reference_looks_like_is_not_found(api: Api, path: str) -> None:
    assert api().get(f"/api/orders/parcels/{path}/").status_code == 404


def test_a_literal_is_never_taken_for_a_reference(api: Api) -> None:
    assert json.loads(api().get("/api/orders/parcels/stats/").content)["total"] == 3


@pytest.mark.django_db
def test_the_log_line_names_the_request_and_what_it_is_about(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="common.access"):
        api(**{"X-Request-ID": "r-1"}).get("/api/orders/parcels/CFMP2026112112345678/")

    line = json.loads(caplog.records[-1].json_line)  # type: ignore[attr-defined]
    assert (line["request_id"], line["order"], line["status"]) == ("r-1", "CFMP2026112112345678", 200)
    assert line["service"] == "OrderService"
