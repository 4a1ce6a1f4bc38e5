"""Gunicorn's threaded worker, with our problems in place of its HTML pages.

What it answers here never became a request Django could see: a malformed request line, header or chunk.
It is imported before Django's settings are, so it uses none of them.
"""

from __future__ import annotations

from typing import Any

import orjson
from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from common.errors import InternalError, InvalidInput, SuiteError
from common.tracing import RequestContext, bound
from common.web.envelopes import problem

REASONS = {400: "Bad Request", 500: "Internal Server Error"}


class SuiteLogger(Logger):
    """Gunicorn's own words, through our handlers: one JSON line each, wherever the others go."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class SuiteWorker(ThreadWorker):
    """Answers what cannot be parsed with `InvalidInput`, and its own faults with `InternalError`.

    It takes new connections only while a thread is free. The doors are shared by all workers: one that takes
    a burst whole keeps its connections for as long as their clients do, and the others have nothing to do.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._busy = 0

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled and self._busy < self.cfg.threads)

    def enqueue_req(self, conn: Any) -> None:
        self._busy += 1
        super().enqueue_req(conn)
        # The loop opens the doors again, before it next waits.
        self.set_accept_enabled(self._accepting)

    def finish_request(self, conn: Any, fs: Any) -> None:
        self._busy -= 1
        super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        error = refusal_of(exc)
        if isinstance(error, InternalError):
            self.log.exception("Error handling request %s", getattr(req, "uri", "(unread)"))
        else:
            self.log.info("Invalid request: %s", exc)
        try:
            util.write_nonblock(client, raw_answer(error))
        except Exception:
            # Whoever sent it has gone; there is nobody left to tell.
            self.log.debug("The refusal could not be sent.")


def refusal_of(exc: Exception) -> SuiteError:
    """What gunicorn could not parse is the client's fault; what it could not send is ours."""
    ours = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)
    theirs = type(exc).__module__ == errors.__name__ and not isinstance(exc, ours)
    return InvalidInput(fields={"request": ["malformed HTTP"]}) if theirs else InternalError()


def raw_answer(error: SuiteError) -> bytes:
    """`error` as a whole HTTP answer that also ends the connection: the rest of it cannot be trusted."""
    with bound(RequestContext()) as context:
        body = orjson.dumps(problem("cfmp", error))
    head = (
        f"HTTP/1.1 {error.status} {REASONS[error.status]}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"X-Request-ID: {context.request_id}\r\n\r\n"
    )
    return head.encode() + body
