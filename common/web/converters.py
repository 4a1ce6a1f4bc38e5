"""Path converters `<order:…>`, `<payment:…>`, `<user:…>`.

One path takes a UUID, a human number or an id, told apart by form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.urls import register_converter
from django.urls.converters import get_converters

UUID_FORM = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
# out_trade_no at providers is an attempt's UUID without hyphens. Not for orders: a number may look the same.
HEX_FORM = "[0-9a-fA-F]{32}"
NUMBER_FORM = "[A-Z]{2,8}[0-9]{6,24}"
ID_FORM = "[1-9][0-9]{0,15}"
LARGEST_ID = 2**53 - 1

FORMS = {
    "order": f"{UUID_FORM}|{NUMBER_FORM}|{ID_FORM}",
    "payment": f"{UUID_FORM}|{HEX_FORM}|{ID_FORM}",
    "user": f"{UUID_FORM}|{ID_FORM}",
}


@dataclass(frozen=True, slots=True)
class Ref:
    """How a caller named a thing. `value` is a UUID, the number's text, or the integer id, as `kind` says."""

    kind: Literal["uuid", "number", "id"]
    value: UUID | str | int

    def __str__(self) -> str:
        return str(self.value)


def parse_ref(entity: str, text: str) -> Ref:
    """Read `text` as a reference to `entity` (order, payment or user).

    Raises ValueError when no form fits.
    """
    if not re.fullmatch(FORMS[entity], text):
        raise ValueError(text)
    if text.isdigit() and len(text) <= 16:
        number = int(text)
        if number > LARGEST_ID:
            raise ValueError(text)
        return Ref("id", number)
    if len(text) == 36 or (entity == "payment" and len(text) == 32):
        return Ref("uuid", UUID(text))
    return Ref("number", text)


class _RefConverter:
    entity = ""
    regex = ""

    def to_python(self, value: str) -> Ref:
        return parse_ref(self.entity, value)

    def to_url(self, value: Ref | UUID | str | int) -> str:
        return str(value)


class OrderConverter(_RefConverter):
    entity, regex = "order", FORMS["order"]


class PaymentConverter(_RefConverter):
    entity, regex = "payment", FORMS["payment"]


class UserConverter(_RefConverter):
    entity, regex = "user", FORMS["user"]


def register() -> None:
    """Make the three converters known to Django's `path()`; calling it twice is harmless."""
    known = get_converters()
    for converter in (OrderConverter, PaymentConverter, UserConverter):
        if converter.entity not in known:
            register_converter(converter, converter.entity)
