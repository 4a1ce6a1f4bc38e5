"""The description holds every answer: families, envelopes, failures, callers; one path per route."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from drf_spectacular.validation import validate_schema

Api = Callable[..., Any]


@pytest.fixture
def schema(api: Api) -> dict[str, Any]:
    from drf_spectacular.generators import SchemaGenerator

    return SchemaGenerator().get_schema(request=None, public=True)


def body_of(operation: dict[str, Any], status: str) -> dict[str, Any]:
    return operation["responses"][status]["content"]["application/json"]["schema"]


def test_it_is_valid_openapi(schema: dict[str, Any]) -> None:
    validate_schema(schema)


def test_it_raises_no_warnings(schema: dict[str, Any]) -> None:
    from drf_spectacular.drainage import GENERATOR_STATS

    assert not GENERATOR_STATS, "drf-spectacular had to guess"


def test_each_route_is_described_once_as_its_family_writes_it(schema: dict[str, Any]) -> None:
    assert "/api/orders/parcels/{ref}/" in schema["paths"]
    assert "/payments/who" in schema["paths"]
    assert len({path.rstrip("/") for path in schema["paths"]}) == len(schema["paths"])
    assert not [
        path for path in schema["paths"] if re.match(r"/(admin|health|metrics|api/schema|api/docs)", path)
    ]


def test_operation_ids_are_unique(schema: dict[str, Any]) -> None:
    ids = [operation["operationId"] for path in schema["paths"].values() for operation in path.values()]

    assert len(ids) == len(set(ids))


def test_success_is_described_in_its_envelope(schema: dict[str, Any]) -> None:
    cfmp = body_of(schema["paths"]["/api/orders/open/"]["get"], "200")
    other = body_of(schema["paths"]["/payments/who"]["get"], "200")

    assert cfmp["properties"]["code"] == {"type": "string", "enum": ["200"]}
    assert other["properties"]["code"] == {"type": "integer", "enum": [200]}
    assert cfmp["required"] == ["code", "message", "data"]


def test_each_problem_is_described(schema: dict[str, Any]) -> None:
    write = schema["paths"]["/api/orders/echo/"]["post"]["responses"]
    guarded = schema["paths"]["/api/orders/who/"]["get"]["responses"]

    assert set(write) == {"200", "400", "404", "405", "409", "413", "415", "422", "429", "5XX"}
    assert set(guarded) == {"200", "400", "401", "403", "404", "405", "429", "5XX"}
    problem = schema["components"]["schemas"]["Problem"]
    assert set(problem["required"]) == {"code", "name", "message", "errors", "request_id", "data"}


def test_callers_are_described(schema: dict[str, Any]) -> None:
    paths = schema["paths"]

    assert "security" not in paths["/api/orders/open/"]["get"]
    assert paths["/api/orders/who/"]["get"]["security"] == [{"userToken": []}, {"accessToken": []}]
    assert paths["/api/orders/internal/who/"]["get"]["security"] == [{"serviceToken": []}]
    assert paths["/shopping/who"]["get"]["security"][-1] == {}
    assert set(schema["components"]["securitySchemes"]) == {"userToken", "accessToken", "serviceToken"}


def test_pages_and_their_parameters_are_described(schema: dict[str, Any]) -> None:
    listing = schema["paths"]["/api/orders/parcels/"]["get"]

    assert {parameter["name"] for parameter in listing["parameters"]} == {"page", "page_size", "status"}
    assert set(body_of(listing, "200")["properties"]) == {"count", "next", "previous", "results"}


def test_references_and_amounts_are_described_as_they_are_read(schema: dict[str, Any]) -> None:
    [ref] = schema["paths"]["/api/orders/parcels/{ref}/"]["get"]["parameters"]
    amount = schema["components"]["schemas"]["BasketRequest"]["properties"]["amount"]["oneOf"][0]["pattern"]

    for good in ("CFMP2026112112345678", "12", "01900000-0000-7000-8000-00000000a11c"):
        assert re.search(ref["schema"]["pattern"], good)
    assert not re.search(ref["schema"]["pattern"], "cfmp1")
    assert [
        text
        for text in ("0", "0.00", "0.01", "1", "10.5", "99999999.99", "1.005", "-1")
        if re.search(amount, text)
    ] == [
        "0.01",
        "1",
        "10.5",
        "99999999.99",
    ]


def test_a_single_value_may_be_the_answer(schema: dict[str, Any]) -> None:
    answer = body_of(schema["paths"]["/payments/who"]["get"], "200")

    assert answer["properties"]["data"] == {"type": "boolean"}


def test_keyed_operations_say_so(schema: dict[str, Any]) -> None:
    keyed = schema["paths"]["/api/orders/keyed/parcels/"]["post"]["parameters"]
    plain = schema["paths"]["/api/orders/echo/"]["post"].get("parameters", [])

    assert [parameter["name"] for parameter in keyed] == ["Idempotency-Key"]
    assert plain == []


def test_what_is_answered_is_what_is_described(api: Api, schema: dict[str, Any]) -> None:
    import jsonschema_rs

    problem = {**schema["components"]["schemas"]["Problem"], "components": schema["components"]}
    problem["properties"] = {**problem["properties"], "data": {}}

    for answer in (
        api().get("/api/nowhere/"),
        api().post("/api/orders/echo/", {}),
        api().get("/api/orders/who/"),
    ):
        jsonschema_rs.validate(problem, answer.json())


def test_the_schema_and_swagger_pages_need_no_internet(api: Api) -> None:
    page = api().get("/api/docs/").content.decode()
    links = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert api().get("/api/schema/").status_code == 200
    assert links and all(link.startswith("/static/") for link in links)
    for link in links:
        answer = api().get(link)
        assert answer.status_code == 200, link
        assert b"".join(answer.streaming_content)
