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

T = TypeVar("T")
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})


def int_parameter(request: Request, name: str, *, default: int, low: int, high: int) -> int:
    """The integer `name` within `low`…`high`, or `default` when it is absent or empty.

    Raises InvalidInput.
    """
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
        raise InvalidInput(fields={name: [f"{low}…{high}"]})
    return int(text)


def choice_parameter(request: Request, name: str, choices: Mapping[str, T], *, default: T) -> T:
    """What `choices` holds under the value of `name`. Raises InvalidInput naming the choices."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if text not in choices:
        raise InvalidInput(fields={name: [", ".join(choices)]})
    return choices[text]


def text_parameter(request: Request, name: str, *, default: str = "", longest: int = 200) -> str:
    """The text `name`, trimmed; raises InvalidInput when it is too long or holds a NUL."""
    text = request.query_params.get(name, default).strip()
    if len(text) > longest or "\x00" in text:
        raise InvalidInput(fields={name: [f"0…{longest}"]})
    return text


def uuid_parameter(request: Request, name: str) -> UUID | None:
    """The UUID `name`, or None when it is absent or empty. Raises InvalidInput."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInput(fields={name: ["UUID"]}) from error


def bool_parameter(request: Request, name: str) -> bool | None:
    """`true`/`1`/`yes` or `false`/`0`/`no` in any case, None when absent or empty. Raises InvalidInput."""
    text = request.query_params.get(name, "").lower()
    if not text:
        return None
    if text not in _TRUE | _FALSE:
        raise InvalidInput(fields={name: ["true, false"]})
    return text in _TRUE
