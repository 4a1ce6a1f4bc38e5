"""The tools that hold contracts: what counts as a broken promise."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from common.testing.contracts import Contract, contracts_of, differences, load, replay

PROMISE = {
    "code": "200",
    "data": {"amount": Decimal("1.00"), "items": [{"name": "x"}], "paid_at": None, "held": False},
}


def _kept(**data: Any) -> dict[str, Any]:
    return {"code": "200", "data": {"amount": 3, "items": [], "paid_at": "2026", "held": True, **data}}


def test_more_is_fine_and_null_and_numbers_of_any_kind() -> None:
    assert differences(PROMISE, _kept(extra="welcome")) == []
    assert differences(PROMISE, _kept(items=[{"name": "y", "more": 1}, {"name": None}])) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"amount": "3.00"}, "$.data.amount is string, not number"),
        ({"held": 1}, "$.data.held is number, not boolean"),
        ({"items": {}}, "$.data.items is object, not array"),
        ({"items": [{"title": "y"}]}, "$.data.items[].name is missing"),
    ],
)
def test_less_or_otherwise_is_a_difference(data: dict[str, Any], said: str) -> None:
    assert differences(PROMISE, _kept(**data)) == [said]


def test_a_missing_name_is_a_difference() -> None:
    assert differences(PROMISE, {"code": "200"}) == ["$.data is missing"]


def test_placeholders_are_filled_everywhere_and_never_forgotten() -> None:
    contract = Contract(
        "n",
        "A",
        "B",
        {"method": "GET", "path": "/x/{order_uuid}/", "json": {"ids": ["{order_uuid}"]}},
        {"json": 1},
    )

    filled = contract.filled(order_uuid="u-1")

    assert filled.request == {"method": "GET", "path": "/x/u-1/", "json": {"ids": ["u-1"]}}
    with pytest.raises(KeyError):
        contract.filled(other="u-1")


@pytest.mark.django_db
def test_replaying_asks_the_provider_and_compares(service_api: Any, tmp_path: Path) -> None:
    promise = {
        "name": "who",
        "caller": "PaymentService",
        "callee": "OrderService",
        "request": {"method": "GET", "path": "/api/orders/internal/who/", "json": None},
        "response": {"status": 200, "json": {"code": "200", "data": {"service": "AnyService"}}},
    }
    (tmp_path / "who.json").write_text(json.dumps(promise))

    assert [it.name for it in contracts_of(callee="OrderService", folder=tmp_path)] == ["who"]
    assert contracts_of(caller="OrderService", folder=tmp_path) == []
    replay(load("who", folder=tmp_path), service_api("PaymentService"))
    promise["response"] = {"status": 200, "json": {"code": 200}}
    (tmp_path / "who.json").write_text(json.dumps(promise))
    with pytest.raises(AssertionError, match="code is string, not number"):
        replay(load("who", folder=tmp_path), service_api("PaymentService"))
