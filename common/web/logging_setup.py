"""Lets Django's own start-up configure our logs at its usual moment (`settings.LOGGING_CONFIG`)."""

from __future__ import annotations

from typing import Any

from common import log


def configure(options: dict[str, Any]) -> None:
    """Configure `common.log` with what `settings.LOGGING` holds."""
    log.configure(options["service"], log_file=options["log_file"])
