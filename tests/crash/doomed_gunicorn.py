"""gunicorn's configuration for a service whose one worker shall die: as in production, on a port of its own.

`cd order-service && DOOM_FILE=… DOOM_PORT=… gunicorn -c ../tests/crash/doomed_gunicorn.py config.wsgi`.
The master forks another worker as soon as one is killed.
"""

import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path[:0] = [str(Path.cwd()), str(HERE.parents[2]), str(HERE.parent)]

from common.gunicorn import *  # noqa: E402, F403

bind = [f"127.0.0.1:{os.environ['DOOM_PORT']}"]
workers = 1


def on_starting(server: Any) -> None:
    """The service's own gunicorn runs beside this one: its metrics stay."""


def post_fork(server: Any, worker: Any) -> None:
    from doom import install

    install(Path(os.environ["DOOM_FILE"]))
