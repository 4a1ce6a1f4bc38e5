"""How gunicorn runs a service, started by `common.launcher` or alone:
`cd order-service && gunicorn -c ../common/gunicorn.py config.wsgi`.

One file for all services; what differs comes from the service's folder name and its settings. Nothing is
started here that a fork could break (no threads, no pools, no database connections): preloading is safe.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [entry for entry in (str(Path.cwd()), str(ROOT)) if entry not in sys.path]

from common import log, telemetry  # noqa: E402
from common.config import load as load_settings  # noqa: E402  (the name `config` is a gunicorn setting)
from common.faults import in_plain_words  # noqa: E402
from common.instance.run_dir import RunDir  # noqa: E402
from common.instance.stopping import GRACEFUL  # noqa: E402
from common.metrics_files import use_metrics_files, wipe_metrics_files  # noqa: E402

slug = Path.cwd().name.removesuffix("-service")
with in_plain_words():
    _settings = load_settings(f"{slug.capitalize()}Service")
_place = RunDir(_settings.run_dir, slug)
_drain_flag = _place.drain_flag
_place.path.mkdir(parents=True, exist_ok=True)

# The documented TCP port, and beside it the socket the gateway uses: no TCP on the way, a fifth more
# requests. The launcher opens both itself and hands them on (--bind wins over this line).
bind = [f"{_settings.service_host}:{_settings.service_port}", f"unix:{_place.socket}"]
umask = 0o077 if _settings.is_embedded else 0o007

# gthread, with JSON for what cannot be parsed
worker_class = "common.web.server.SuiteWorker"
workers = _settings.web_concurrency
# Few threads: Python code runs one at a time anyway; the others wait for the database or a peer.
threads = _settings.web_threads
# Longer than the gateway (60 s) and our own service_client keep idle connections: the side that opened a
# connection must be the one that closes it, or a request meets a closing door.
keepalive = 75
timeout = 60
graceful_timeout = GRACEFUL
preload_app = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
# Bodies are bounded by BodyLimitMiddleware; these bound the head. JWTs with roles stay well below.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16380

# Requests are logged by our middleware with their context; gunicorn tells about itself, likewise.
accesslog = None
logger_class = "common.web.server.SuiteLogger"
loglevel = "warning"
log.configure(_settings.service, role="web", log_file=_settings.log_path, level=_settings.log_level)
proc_name = f"cfmp-{slug}"
# It would be one file for every gunicorn of this user.
control_socket_disable = True

use_metrics_files(_place.path, slug, "web")


def pre_request(worker: Any, request: Any) -> None:
    """A draining instance ends each connection with its answer: the next request goes elsewhere."""
    if _drain_flag.exists():
        request.force_close()


def on_starting(server: Any) -> None:
    """Before the doors: a database that says no is told now. Metrics of an earlier run would be added up."""
    from common.databases import try_database

    with in_plain_words():
        try_database()
    wipe_metrics_files(_place.path, slug, "web")


def when_ready(server: Any) -> None:
    """Import views, routes and templates before the fork: shared memory, and no slow first request."""
    from django.urls import get_resolver

    _ = get_resolver().url_patterns


def post_fork(server: Any, worker: Any) -> None:
    """Spans are sent by a thread, and threads do not survive a fork."""
    telemetry.start(_settings)


def worker_exit(server: Any, worker: Any) -> None:
    """The last spans go out, for as long as a stop may wait for them."""
    telemetry.stop()


def child_exit(server: Any, worker: Any) -> None:
    """Gauges of a worker that is gone must not be counted as living."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
