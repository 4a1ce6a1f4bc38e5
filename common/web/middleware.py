"""What happens around every request: its context, its limits, its log line.

The admin's own stack is in admin_stack.py.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from functools import lru_cache
from io import BytesIO

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from common import telemetry, tracing
from common.errors import BodyTooLarge, InvalidInput, NotFound, SuiteError
from common.live_settings import live
from common.web import access_log, metrics
from common.web.envelopes import family_for_path
from common.web.exception_handler import problem_response

LARGEST_BODY = 1024 * 1024
# Probes and scrapers come by address, not by a name we would know; these answers do not depend on Host.
PROBES = frozenset(
    {"/health", "/health/", "/livez", "/livez/", "/readyz", "/readyz/", "/metrics", "/metrics/"}
)

# Words of a path that name a choice, not a thing.
PLAIN_CONVERTERS = frozenset({"slug", "str", "int", "path"})

CONTEXT_HEADERS = (
    ("x-request-id", "HTTP_X_REQUEST_ID"),
    ("traceparent", "HTTP_TRACEPARENT"),
    ("x-deadline-ms", "HTTP_X_DEADLINE_MS"),
    ("accept-language", "HTTP_ACCEPT_LANGUAGE"),
)

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestContextMiddleware:
    """Outermost: binds request id, trace, deadline and language; refuses what no view should see.

    Logs and counts.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        context = tracing.from_headers(_context_headers(request))
        live()  # a published log level counts from this request on
        with ExitStack() as scope:
            scope.enter_context(tracing.bound(context))
            span = scope.enter_context(_server_span(request))
            scope.enter_context(_language(context.language))
            # A view binds the caller's name here once it is verified, until this request ends.
            request.suite_scope = scope  # type: ignore[attr-defined]
            response = self._respond(request)
            response["X-Request-ID"] = context.request_id
            response.setdefault("X-Content-Type-Options", "nosniff")
            _measure(request, response)
            self._record(request, response, time.perf_counter() - started)
            _tell_span(span, request, response)
        return response

    def process_view(
        self, request: HttpRequest, view: object, args: object, named: dict[str, object]
    ) -> None:
        """From here on log lines name the order, payment … that the path names."""
        if named and request.resolver_match:
            tracing.about(
                **{entity: named[name] for entity, name in _things_named(request.resolver_match.route)}
            )

    def _respond(self, request: HttpRequest) -> HttpResponse:
        try:
            refuse_malformed(request)
        except SuiteError as error:
            return problem_response(family_for_path(request.path_info), error)
        return self.get_response(request)

    def _record(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        # Told once, here: Django would log the same again, without the request's context.
        response._has_been_logged = True  # type: ignore[attr-defined]
        if request.path_info in PROBES:
            return
        match = request.resolver_match
        route = match.route if match else "unrouted"
        metrics.observe_request(request.method or "", route, response.status_code, seconds)
        access_log.tell(request, response, seconds)


@lru_cache(maxsize=256)
def _things_named(route: str) -> tuple[tuple[str, str], ...]:
    """(what to call it in logs, the path's own word) for each id in `route`: ("order", "ref")."""
    found = re.findall(r"<(\w+):(\w+)>", route)
    return tuple(
        (name.removesuffix("_uuid") if converter == "uuid" else converter, name)
        for converter, name in found
        if converter not in PLAIN_CONVERTERS
    )


def _context_headers(request: HttpRequest) -> dict[str, str]:
    # Only these four: building request.headers for every request costs more than all else here.
    return {name: request.META.get(key, "") for name, key in CONTEXT_HEADERS}


def refuse_malformed(request: HttpRequest) -> None:
    """Raises NotFound for a path nothing can have, InvalidInput for a foreign Host or a NUL in the query."""
    if "\x00" in request.path_info or "\ufffd" in request.path_info:
        raise NotFound
    if "%00" in request.META.get("QUERY_STRING", ""):
        raise _refused("query", "含有 NUL 字符", "contains a NUL")
    if request.path_info not in PROBES:
        try:
            request.get_host()
        except DisallowedHost as error:
            raise _refused("Host", "未知的主机名", "unknown host") from error


def _language(language: str) -> translation.override | nullcontext[None]:
    # Chinese is the settings' default and needs no switch.
    return translation.override("en") if language == "en" else nullcontext()


def _server_span(request: HttpRequest) -> telemetry.Span:
    """Probes and scrapes are no story to tell."""
    if not telemetry.is_on() or request.path_info in PROBES:
        return telemetry.NOTHING
    caller = tracing.traceparent_of(request.META.get("HTTP_TRACEPARENT", "").strip())
    return telemetry.span(request.method or "", kind="server", parent=caller)


def _tell_span(span: telemetry.Span, request: HttpRequest, response: HttpResponse) -> None:
    if span is telemetry.NOTHING:
        return
    match = request.resolver_match
    route = match.route if match else "unrouted"
    span.rename(f"{request.method} {route}")
    span.add(http_route=route, http_request_method=request.method or "")
    span.add(**{"http_response.status_code": response.status_code})
    if response.status_code >= 500:
        span.failed(str(response.status_code))


def _measure(request: HttpRequest, response: HttpResponse) -> None:
    """Say the length, or the server would send chunks; a HEAD request gets it without the body."""
    if response.streaming:
        return
    response.headers.setdefault("Content-Length", str(len(response.content)))
    if request.method == "HEAD":
        response.content = b""


class BodyLimitMiddleware:
    """Refuses bodies over 1 MiB before they are read; gives chunked ones the length Django needs."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            _bound_body(request)
        except SuiteError as error:
            return problem_response(family_for_path(request.path_info), error)
        return self.get_response(request)


def _bound_body(request: HttpRequest) -> None:
    length = request.META.get("CONTENT_LENGTH") or ""
    if length:
        if not length.isascii() or not length.isdigit():
            raise _refused("Content-Length", "必须是整数", "must be a whole number")
        if int(length) > LARGEST_BODY:
            raise BodyTooLarge
    elif request.META.get("wsgi.input_terminated") and request.META.get("HTTP_TRANSFER_ENCODING"):
        _read_chunked(request)


def _read_chunked(request: HttpRequest) -> None:
    try:
        body = request.META["wsgi.input"].read(LARGEST_BODY + 1)
    except Exception as error:  # a malformed chunk or a client gone: each server raises its own
        raise _refused("body", "请求体不完整", "the body ends too early") from error
    if len(body) > LARGEST_BODY:
        raise BodyTooLarge
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = BytesIO(body)  # type: ignore[attr-defined]


def _refused(field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(fields={field: [tracing.localized(zh, en)]})
