"""The sandbox's log: JSON lines on stdout, shaped and cleaned of secrets like every other program's."""

import logging
import sys
from typing import Any

from gunicorn.glogging import Logger

from common.log import configure as write_lines


def configure(options: dict[str, Any] | None = None) -> None:
    """Django calls it with `settings.LOGGING`, gunicorn's settings before that."""
    write_lines("sandbox", role="notifier" if "notifier" in sys.argv[1:2] else "web")
    # 4xx are the sandbox's daily bread (that is what it is for), not something to warn about.
    logging.getLogger("django.request").setLevel(logging.ERROR)


class LineLogger(Logger):
    """Gunicorn's own words, one line each, wherever the others go."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
