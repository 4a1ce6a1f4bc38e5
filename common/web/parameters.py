"""Reads query parameters with the same strictness as bodies.

Nonsense is InvalidInput, never a surprise in the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

from rest_framework.request import Request

from common.errors import InvalidInput
from common.tracing import localized
from common.web.converters import HEX_FORM, UUID_FORM

T = TypeVar("T")
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_UUID = re.compile(f"{UUID_FORM}|{HEX_FORM}")
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})


def int_parameter(request: Request, name: str, *, default: int, low: int, high: int) -> int:
    """The integer `name` within `low`…`high`, or `default` when it is absent or empty.

    Raises InvalidInput.
    """
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
        raise _refused(name, f"必须是 {low} 到 {high} 的整数", f"must be a whole number from {low} to {high}")
    return int(text)


def choice_parameter(request: Request, name: str, choices: Mapping[str, T], *, default: T) -> T:
    """What `choices` holds under the value of `name`. Raises InvalidInput naming the choices."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if text not in choices:
        known = ", ".join(choices)
        raise _refused(name, f"可选值:{known}", f"one of: {known}")
    return choices[text]


def text_parameter(request: Request, name: str, *, default: str = "", longest: int = 200) -> str:
    """The text `name`, trimmed; raises InvalidInput when it is too long or holds a NUL."""
    text = request.query_params.get(name, default).strip()
    if len(text) > longest or "\x00" in text:
        raise _refused(name, f"最多 {longest} 个字符", f"at most {longest} characters")
    return text


def uuid_parameter(request: Request, name: str) -> UUID | None:
    """The UUID `name`, or None when it is absent or empty. Raises InvalidInput."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    # UUID() alone also takes braces, prefixes and hyphens in any place.
    if not _UUID.fullmatch(text):
        raise _refused(name, "必须是 UUID", "must be a UUID")
    return UUID(text)


def bool_parameter(request: Request, name: str) -> bool | None:
    """`true`/`1`/`yes` or `false`/`0`/`no` in any case, None when absent or empty. Raises InvalidInput."""
    text = request.query_params.get(name, "").lower()
    if not text:
        return None
    if text not in _TRUE | _FALSE:
        raise _refused(name, "必须是 true 或 false", "must be true or false")
    return text in _TRUE


def _refused(name: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(fields={name: [localized(zh, en)]})
