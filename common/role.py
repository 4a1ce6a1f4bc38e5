"""What this process does for its service: serve the web, work, or run one command for an operator.

Room: plain. Logs carry it, metrics keep its files apart.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def process_role(words: Sequence[str] | None = None) -> str:
    """`web` (gunicorn, runserver), `worker`, `command` (any other manage.py), or "" when nobody knows."""
    program, *arguments = words or sys.argv or [""]
    if "gunicorn" in Path(program).parts[-2:]:
        return "web"
    if Path(program).name != "manage.py":
        return ""
    return {"runserver": "web", "worker": "worker"}.get((arguments or [""])[0], "command")
