"""Query parameters: read strictly, refused in both languages, absent when empty."""

from typing import Any
from uuid import UUID

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from common import tracing
from common.errors import InvalidInput
from common.web.parameters import (
    bool_parameter,
    choice_parameter,
    int_parameter,
    text_parameter,
    uuid_parameter,
)

SORTS = {"created_desc": "-created_at", "amount_asc": "total_amount"}


def asked(query: str) -> Request:
    return Request(RequestFactory().get(f"/?{query}"))


def read_integer(request: Request) -> Any:
    return int_parameter(request, "x", default=1, low=-5, high=100)


def read_choice(request: Request) -> Any:
    return choice_parameter(request, "x", SORTS, default="-id")


def read_text(request: Request) -> Any:
    return text_parameter(request, "x", longest=5)


def read_uuid(request: Request) -> Any:
    return uuid_parameter(request, "x")


def read_boolean(request: Request) -> Any:
    return bool_parameter(request, "x")


@pytest.mark.parametrize(
    ("read", "query", "value"),
    [
        (read_integer, "", 1),
        (read_integer, "x=", 1),
        (read_integer, "x=100", 100),
        (read_integer, "x=-5", -5),
        (read_integer, "x=7&x=8", 8),
        (read_choice, "", "-id"),
        (read_choice, "x=amount_asc", "total_amount"),
        (read_text, "", ""),
        (read_text, "x=%20ab%20", "ab"),
        (read_uuid, "", None),
        (read_uuid, "x=01900000-0000-7000-8000-00000000A11C", UUID("01900000-0000-7000-8000-00000000a11c")),
        (read_boolean, "", None),
        (read_boolean, "x=TRUE", True),
        (read_boolean, "x=0", False),
    ],
)
def test_what_is_meant_is_read(read: Any, query: str, value: Any) -> None:
    assert read(asked(query)) == value


@pytest.mark.parametrize(
    ("read", "query"),
    [
        (read_integer, "x=101"),
        (read_integer, "x=-6"),
        (read_integer, "x=1.0"),
        (read_integer, "x=%2B1"),
        (read_integer, "x=0x1"),
        (read_integer, "x=1_000"),
        (read_integer, "x=%D9%A3"),
        (read_integer, "x=" + "9" * 30),
        (read_choice, "x=AMOUNT_ASC"),
        (read_choice, "x=__class__"),
        (read_text, "x=abcdef"),
        (read_uuid, "x=7"),
        (read_uuid, "x={01900000-0000-7000-8000-00000000a11c}"),
        (read_uuid, "x=urn:uuid:01900000-0000-7000-8000-00000000a11c"),
        (read_boolean, "x=maybe"),
    ],
)
def test_nonsense_names_the_parameter(read: Any, query: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read(asked(query))

    assert list(refusal.value.fields) == ["x"]


@pytest.mark.parametrize("read", [read_integer, read_choice, read_text, read_uuid, read_boolean])
def test_the_reason_is_told_in_the_callers_language(read: Any) -> None:
    said = set()
    for language in ("zh", "en"):
        with tracing.bound(tracing.RequestContext(language=language)), pytest.raises(InvalidInput) as refusal:
            read(asked("x=nonsense"))
        said.add(refusal.value.fields["x"][0])

    assert len(said) == 2
