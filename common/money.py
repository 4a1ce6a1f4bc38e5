"""Amounts of money: Decimal from the first byte to the last, two places, never a float.

Room: plain. Serializer fields and JSON rendering of money are `common.web`'s; what an amount is
worth in a rule is the service's.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from common.errors import InvalidAmount
from common.tracing import localized

CENT = Decimal("0.01")
MAXIMUM = Decimal("99999999.99")

# Explicit [0-9]: \d and Decimal() would also take digits of other scripts.
_PLAIN = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,2})?")
_LONGEST = 32


def parse_amount(
    value: Any, *, field: str = "amount", zero_ok: bool = False, maximum: Decimal = MAXIMUM
) -> Decimal:
    """`value` (str, int or Decimal) as an amount with exactly two places.

    Raises InvalidAmount, naming `field`, for a float, a bool, NaN, an infinity, an exponent, a sign,
    spaces, more than two places, zero (unless `zero_ok`) and anything above `maximum`.
    """
    text = _plain_text(value)
    if text is None:
        raise _refused(field, "必须是数字,最多两位小数", "must be plain digits with at most two places")
    amount = Decimal(text).quantize(CENT)
    if amount == 0 and not zero_ok:
        raise _refused(field, "必须大于零", "must be greater than zero")
    if amount > maximum:
        raise _refused(field, f"不能超过 {maximum}", f"must not exceed {maximum}")
    return amount


def quantize(amount: Decimal) -> Decimal:
    """`amount` rounded half up to the cent."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def format_amount(amount: Decimal) -> str:
    """`"12.00"`: the wire form, always two places, no exponent and no negative zero."""
    return f"{quantize(amount) + 0:f}"


def _plain_text(value: Any) -> str | None:
    """The digits of `value`, or None when it is not a plain amount. Long input is never converted."""
    if isinstance(value, int):
        # str() of a huge int is slow and, past 4300 digits, an error. A bool reads "True": no digits.
        value = str(value) if 0 <= value < 10**_LONGEST else ""
    elif isinstance(value, Decimal):
        value = str(value) if value.is_finite() and len(value.as_tuple().digits) <= _LONGEST else ""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    return value if _PLAIN.fullmatch(value) else None


def _refused(field: str, zh: str, en: str) -> InvalidAmount:
    return InvalidAmount(fields={field: [localized(zh, en)]})
