"""One process, many threads, every port: `gunicorn -c gunicorn.conf.py config.wsgi:application`."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from common.faults import in_plain_words  # noqa: E402  (needs the path above)
from config import lines  # noqa: E402
from config.environment import load  # noqa: E402

with in_plain_words():
    _sandbox = load()
_ports = _sandbox.ports
bind = [
    f"{_sandbox.host}:{port}"
    for port in (_ports.user, _ports.product, _ports.root, _ports.shop, _ports.alipay)
]
chdir = str(HERE)
workers = 1
worker_class = "gthread"
# A delayed answer (a fault switch) holds its thread, so there are plenty.
threads = 48
keepalive = 75
timeout = 120
graceful_timeout = 5
control_socket_disable = True
logger_class = "config.lines.LineLogger"
lines.configure()
