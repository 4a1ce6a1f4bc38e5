"""Reads request bodies strictly: one JSON object, UTF-8, money never through a float.

What fields mean is the serializers' room.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from common.errors import InvalidInput, UnsupportedMediaType
from common.tracing import localized

DEEPEST = 20
# Databases keep 64 bits; a longer integer is never a quantity, an id or a page.
LONGEST_INTEGER = 19
LARGEST_INTEGER = 2**63 - 1
BODY = "body"


class StrictJSONParser(BaseParser):
    """JSON with decimals kept exact; refuses NaN, depth > 20, NUL, lone surrogates, all but objects.

    Raises InvalidInput (field `body` says why) or UnsupportedMediaType (a charset other than UTF-8).
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        _require_utf8(media_type or "")
        return parse_object(stream.read())


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`; an empty body is an empty object. Raises InvalidInput."""
    if not raw.strip():
        return {}
    value = _decode(raw)
    if not isinstance(value, dict):
        raise _refused("请求体必须是 JSON 对象", "The body must be a JSON object")
    _check(value, depth=1)
    return value


def _decode(raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused("请求体不是 UTF-8 编码", "The body is not UTF-8") from error
    try:
        return json.loads(text, parse_float=Decimal, parse_int=_integer, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise _refused("请求体不是合法的 JSON", "The body is not valid JSON") from error


def _integer(text: str) -> int:
    # The length first: turning a million digits into an int takes quadratic time.
    if len(text.lstrip("-")) > LONGEST_INTEGER or abs(value := int(text)) > LARGEST_INTEGER:
        raise _refused("整数超出 64 位", "An integer is beyond 64 bits")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _refused(f"{name} 不是数字", f"{name} is not a number")


def _check(value: Any, *, depth: int) -> None:
    """Walk the parsed value once: depth, and strings no database or log can hold."""
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        _check_depth(depth)
        for key, item in value.items():
            _check_text(key)
            _check(item, depth=depth + 1)
    elif isinstance(value, list):
        _check_depth(depth)
        for item in value:
            _check(item, depth=depth + 1)


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise _too_deep()


def _check_text(text: str) -> None:
    if text.isascii() and "\x00" not in text:
        return
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise _refused("文本含有 NUL 或孤立代理字符", "A text contains a NUL or a lone surrogate")


def _require_utf8(media_type: str) -> None:
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip(" \"'").lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType


def _too_deep() -> InvalidInput:
    return _refused(f"请求体嵌套超过 {DEEPEST} 层", f"The body is nested deeper than {DEEPEST} levels")


def _refused(zh: str, en: str) -> InvalidInput:
    return InvalidInput(fields={BODY: [localized(zh, en)]})
