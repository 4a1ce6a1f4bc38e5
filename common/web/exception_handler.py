"""Every failure becomes one envelope, here and nowhere else.

It decides shapes and headers, never business outcomes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, UnreadablePostError
from rest_framework import exceptions, status
from rest_framework.response import Response

from common.counters import DATABASE_FAILURES
from common.errors import (
    AuthenticationRequired,
    BodyTooLarge,
    DatabaseUnavailable,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    PermissionRefused,
    SuiteError,
    TokenInvalid,
    TooManyRequests,
    UnsupportedMediaType,
)
from common.log import get_logger
from common.web.envelopes import Family, problem
from common.web.rendering import dump

log = get_logger(__name__)

_KNOWN: tuple[tuple[type[Exception], type[SuiteError]], ...] = (
    (exceptions.NotAuthenticated, AuthenticationRequired),
    (exceptions.AuthenticationFailed, TokenInvalid),
    (exceptions.PermissionDenied, PermissionRefused),
    (exceptions.NotFound, NotFound),
    (exceptions.MethodNotAllowed, MethodNotAllowed),
    (exceptions.UnsupportedMediaType, UnsupportedMediaType),
    (exceptions.ParseError, InvalidInput),
    (UnreadablePostError, InvalidInput),
    (Http404, NotFound),
    (PermissionDenied, PermissionRefused),
)


def handle(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: `exc` as the envelope of the view's family.

    None for what nobody foresaw: Django then logs its traceback and answers by `problems.server_error`.
    """
    view = context.get("view")
    error = as_suite_error(exc)
    if error is None:
        return None
    headers = headers_for(error)
    if isinstance(error, MethodNotAllowed) and view is not None:
        headers["Allow"] = ", ".join(view.allowed_methods)
    return Response(problem(getattr(view, "family", "cfmp"), error), status=error.status, headers=headers)


def as_suite_error(exc: Exception) -> SuiteError | None:
    """The error of our tree that says what `exc` says; None when none does."""
    if isinstance(exc, SuiteError):
        return exc
    if isinstance(exc, exceptions.ValidationError):
        return InvalidInput(fields=flatten(exc.detail))
    if isinstance(exc, exceptions.Throttled):
        return TooManyRequests(retry_after=int(exc.wait or 1))
    if isinstance(exc, SuspiciousOperation):
        return _for_suspicion(exc)
    if isinstance(exc, OperationalError | InterfaceError):
        log.error("database_failed", error=str(exc))
        DATABASE_FAILURES.labels("request").inc()
        return DatabaseUnavailable(retry_after=1)
    return next((ours() for known, ours in _KNOWN if isinstance(exc, known)), None)


def _for_suspicion(exc: SuspiciousOperation) -> SuiteError:
    # RequestDataTooBig is Django's own limit on form bodies.
    return BodyTooLarge() if type(exc).__name__ == "RequestDataTooBig" else InvalidInput()


def flatten(detail: Any, path: str = "") -> dict[str, list[str]]:
    """DRF's nested error detail as `{"products.0.quantity": ["…"]}`."""
    if isinstance(detail, Mapping):
        return _merge((f"{path}.{key}" if path else str(key), value) for key, value in detail.items())
    if isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        return _merge((f"{path}.{index}" if path else str(index), item) for index, item in enumerate(detail))
    messages = detail if isinstance(detail, list) else [detail]
    return {path or "body": [str(message) for message in messages]} if messages else {}


def _merge(pairs: Any) -> dict[str, list[str]]:
    merged: dict[str, list[str]] = {}
    for path, value in pairs:
        for name, messages in flatten(
            value, path.removesuffix("non_field_errors").rstrip(".") or "body"
        ).items():
            merged.setdefault(name, []).extend(messages)
    return merged


def headers_for(error: SuiteError) -> dict[str, str]:
    """Headers an error's status obliges us to send."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == status.HTTP_401_UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def problem_response(family: Family, error: SuiteError) -> HttpResponse:
    """`error` as a plain Django response, for answers given outside a DRF view."""
    return HttpResponse(
        dump(problem(family, error)),
        status=error.status,
        content_type="application/json",
        headers=headers_for(error),
    )
