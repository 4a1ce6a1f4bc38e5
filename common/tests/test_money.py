"""Amounts: what is refused matters more than what is taken."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import tracing
from common.errors import InvalidAmount
from common.money import MAXIMUM, format_amount, parse_amount, quantize


@pytest.mark.parametrize(
    ("given", "amount"),
    [
        ("12", "12.00"),
        ("12.5", "12.50"),
        ("12.50", "12.50"),
        ("0.01", "0.01"),
        (299, "299.00"),
        (Decimal("9.9"), "9.90"),
        ("99999999.99", "99999999.99"),
    ],
)
def test_plain_amounts_are_taken_with_two_places(given: Any, amount: str) -> None:
    assert str(parse_amount(given)) == amount


REFUSED: list[Any] = [
    12.5,
    0.1,
    float("nan"),
    True,
    False,
    None,
    [],
    {},
    b"12",
    "",
    " ",
    " 12",
    "12 ",
    "12\n",
    "\t12",
    "+12",
    "-12",
    "-0",
    "-0.00",
    "12.",
    ".5",
    "012",
    "00.10",
    "12.345",
    "0.001",
    "12.000",
    "1e2",
    "1E2",
    "1e400",
    "1_000",
    "1,000",
    "0x10",
    "NaN",
    "Infinity",
    "-Infinity",
    "sNaN",
    "１２",
    "١٢",
    "12.٥",
    "1" * 5000,
    "0." + "0" * 100000,
    10**5000,
    -1,
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("-1"),
    Decimal("1E+2"),
    Decimal("1e400"),
    Decimal("1e-400"),
    Decimal("-0"),
    Decimal("12.000"),
    Decimal("1" * 5000),
    "100000000.00",
    100000000,
    "0",
    "0.00",
    0,
]


@pytest.mark.parametrize(
    "value", REFUSED, ids=lambda value: repr(value)[:24] if not isinstance(value, int) else "int"
)
def test_everything_else_is_refused_and_the_field_is_named(value: Any) -> None:
    with pytest.raises(InvalidAmount) as refused:
        parse_amount(value, field="refund_amount")

    assert list(refused.value.fields) == ["refund_amount"]
    assert refused.value.status == 400


@pytest.mark.parametrize("text", ["1e400", "1e2", "12.345", "0.001"])
def test_json_numbers_are_judged_by_their_text(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_amount(json.loads(text, parse_float=Decimal))


def test_zero_and_the_maximum_are_the_callers_choice() -> None:
    assert parse_amount("0.00", zero_ok=True) == 0
    assert parse_amount("5.00", maximum=Decimal("5.00")) == 5
    with pytest.raises(InvalidAmount):
        parse_amount("5.01", maximum=Decimal("5.00"))


def test_the_field_message_is_in_the_requests_language() -> None:
    with tracing.bound(tracing.RequestContext(language="en")), pytest.raises(InvalidAmount) as refused:
        parse_amount("abc")

    assert refused.value.fields == {"amount": ["must be plain digits with at most two places"]}


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [("0.005", "0.01"), ("0.015", "0.02"), ("0.025", "0.03"), ("2.674999", "2.67"), ("1", "1.00")],
)
def test_rounding_is_half_up(exact: str, rounded: str) -> None:
    assert str(quantize(Decimal(exact))) == rounded


@pytest.mark.parametrize(
    ("amount", "text"),
    [("12", "12.00"), ("1E+3", "1000.00"), ("-0", "0.00"), ("-0.004", "0.00"), ("-3.5", "-3.50")],
)
def test_the_wire_form_always_has_two_places(amount: str, text: str) -> None:
    assert format_amount(Decimal(amount)) == text


@given(st.integers(min_value=1, max_value=int(MAXIMUM * 100)))
def test_every_amount_survives_the_wire(cents: int) -> None:
    amount = Decimal(cents) / 100

    assert parse_amount(format_amount(amount)) == amount


@given(st.text(max_size=40))
def test_no_text_gets_in_that_is_not_plain_ascii_digits(text: str) -> None:
    try:
        amount = parse_amount(text, zero_ok=True)
    except InvalidAmount:
        return
    assert text.isascii() and set(text) <= set("0123456789.") and Decimal(text) == amount
