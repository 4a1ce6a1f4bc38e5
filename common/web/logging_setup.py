"""Lets Django's own start-up configure our logs at its usual moment (`settings.LOGGING_CONFIG`)."""

from __future__ import annotations

import logging
from typing import Any

from common import log


def configure(options: dict[str, Any]) -> None:
    """Configure `common.log` with what `settings.LOGGING` holds."""
    log.configure(
        options["service"], role=options["role"], log_file=options["log_file"], level=options["level"]
    )
    # Its warnings repeat every 4xx that the access log has told; errors carry the traceback and stay.
    logging.getLogger("django.request").setLevel(logging.ERROR)
