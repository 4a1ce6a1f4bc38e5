"""Writes answers: orjson, money as text with two places, times in UTC with `Z`.

Which fields an answer has is not decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer

from common.money import format_amount

# Times as `common.clock.rfc3339` writes them: UTC, `Z`, microseconds when there are any.
OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS


class MoneyNumber(Decimal):
    """An amount that goes out as a bare JSON number with two places (`299.00`), as some documents show it."""


class SuiteJSONRenderer(BaseRenderer):
    """The one renderer of the suite; what the client lists under `Accept` does not change it."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else dump(data)


def dump(data: Any) -> bytes:
    """`data` as JSON bytes; Decimal becomes text with two places, MoneyNumber a number."""
    return orjson.dumps(data, default=_express, option=OPTIONS)


def _express(value: Any) -> Any:
    if isinstance(value, MoneyNumber):
        return orjson.Fragment(format_amount(value).encode())
    if isinstance(value, Decimal):
        return format_amount(value)
    if isinstance(value, Promise | memoryview):
        return str(value)
    if isinstance(value, set | frozenset | Mapping):
        return dict(value) if isinstance(value, Mapping) else sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
