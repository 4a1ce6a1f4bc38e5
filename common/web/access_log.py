"""One line for each answered request: on every hot path, so written straight, not through structlog.

What may be in a line is settled here: names, numbers and the path, never a query, a header or a body.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import orjson
from django.http import HttpRequest, HttpResponse

from common.clock import rfc3339
from common.log import clean_text, own_fields, write_line
from common.tracing import current

logger = logging.getLogger("common.access")


def tell(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    """Log the answer to `request` under its context."""
    if not logger.isEnabledFor(logging.INFO):
        return
    context = current()
    fields = {
        **own_fields(),
        "event": "request",
        "level": "info",
        "logger": logger.name,
        "at": rfc3339(datetime.now(UTC)),
        "method": request.method,
        "path": clean_text(request.path_info),
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
        "request_id": context.request_id,
        "trace_id": context.trace_id,
        "actor": context.actor,
        **context.about,
    }
    write_line(logger, logging.INFO, orjson.dumps(fields).decode())
