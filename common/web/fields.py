"""Serializer fields that know the house's money and reference rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from common.errors import InvalidAmount
from common.money import format_amount, parse_amount
from common.tracing import current, localized
from common.web.converters import Ref, parse_ref

LARGEST_AMOUNT = Decimal("99999999.99")


class AmountField(serializers.Field):
    """A CNY amount: JSON number or string in, Decimal with two places inside, text with two places out.

    Never negative; zero only with `zero_ok`. A float cannot arrive: bodies are parsed to Decimal.
    """

    def __init__(self, *, zero_ok: bool = False, maximum: Decimal = LARGEST_AMOUNT, **kwargs: Any) -> None:
        self.zero_ok, self.maximum = zero_ok, maximum
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        try:
            return parse_amount(
                data, field=self.field_name or "amount", zero_ok=self.zero_ok, maximum=self.maximum
            )
        except InvalidAmount as error:
            raise serializers.ValidationError(_sentences(error)) from error

    def to_representation(self, value: Any) -> str:
        return format_amount(value)


class RefField(serializers.Field):
    """An order, payment or user named by number, UUID or id, as the path converters take them."""

    def __init__(self, *, entity: str = "order", **kwargs: Any) -> None:
        self.entity = entity
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Ref:
        text = str(data) if type(data) in (str, int) else ""
        try:
            return parse_ref(self.entity, text)
        except ValueError as error:
            message = localized("编号格式错误", "Not a known form of reference")
            raise serializers.ValidationError(message) from error

    def to_representation(self, value: Any) -> str:
        return str(value.value if isinstance(value, Ref) else value)


def _sentences(error: InvalidAmount) -> list[str]:
    said = [sentence for sentences in error.fields.values() for sentence in sentences]
    return said or [error.message(current().language)]
