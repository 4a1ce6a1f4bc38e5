"""Inside a process that shall die: kills it at an appointed moment, before or after one thing it does.

The appointment is a JSON file that the test writes: {"about": [words], "at": [name, number, moment]}. What
counts are outgoing calls (to peers and to the provider) that mention one of the words, and commits when
"commits" is set. Without "at" nothing dies, and what could be an appointment is written to `<file>.seen`.
SIGKILL: no handler runs, nothing more is written.
"""

import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

T = TypeVar("T")
_NAMES = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|CFMP[0-9]+|(?<=/)[0-9]+(?=/|$)")
COMMIT = "COMMIT"


class Doom:
    """Watches what this process does and keeps the appointment."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._appointment = ""

    def around(self, name: str, text: str, act: Callable[[], T]) -> T:
        number = self._met(name, text)
        self._keep(name, number, "before")
        done = act()
        self._keep(name, number, "after")
        return done

    def _met(self, name: str, text: str) -> int:
        """Which one of its kind this is; 0 when the appointment is not about it."""
        order = self._read()
        mentioned = any(word in text for word in order.get("about", ()))
        if not (order.get("commits") if name == COMMIT else mentioned):
            return 0
        with self._lock:
            self._seen[name] += 1
            if not order.get("at"):
                with self._file.with_suffix(".seen").open("a") as seen:
                    seen.write(f"{name}\t{self._seen[name]}\n")
            return self._seen[name]

    def _keep(self, name: str, number: int, moment: str) -> None:
        if number and self._read().get("at") == [name, number, moment]:
            self._file.rename(self._file.with_suffix(".kept"))
            os.kill(os.getpid(), signal.SIGKILL)

    def _read(self) -> dict[str, Any]:
        try:
            text = self._file.read_text()
        except FileNotFoundError:
            return {}
        if text != self._appointment:
            self._appointment, self._seen = text, Counter()
        order: dict[str, Any] = json.loads(text)
        return order


def install(file: Path) -> None:
    """Watch this process's calls and commits. Django is set up, nothing is connected yet."""
    doom = Doom(file)
    _watch_commits(doom)
    _watch_requests(doom)
    _watch_peers(doom)


def _watch_commits(doom: Doom) -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper

    commit = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]
    BaseDatabaseWrapper._commit = lambda self: doom.around(COMMIT, "", lambda: commit(self))  # type: ignore[attr-defined]


def _watch_requests(doom: Doom) -> None:
    """The provider's wire, and in the sandbox Alipay's notifications."""
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def watched(self: Any, request: Any, **options: Any) -> Any:
        body = request.body or b""
        text = f"{request.url} {body if isinstance(body, str) else body.decode()}"
        return doom.around(_named(request), text, lambda: send(self, request, **options))

    HTTPAdapter.send = watched  # type: ignore[method-assign, assignment]


def _named(request: Any) -> str:
    method = parse_qs(urlsplit(request.url).query).get("method")
    return method[0] if method else f"{request.method} {_NAMES.sub('*', urlsplit(request.url).path)}"


def _watch_peers(doom: Doom) -> None:
    try:
        from django.conf import settings

        from common import service_client
    except ImportError:
        return
    if not hasattr(settings, "CFMP"):
        return
    real = service_client.PooledTransport()

    class Watched:
        def send(self, call: service_client.OutboundCall) -> service_client.RawAnswer:
            text = f"{call.path} {call.body.decode()}"
            return doom.around(_call_name(call.method, call.path, call.body), text, lambda: real.send(call))

    service_client.configure(settings.CFMP, Watched())


def _call_name(method: str, path: str, body: bytes) -> str:
    event = json.loads(body).get("type", "") if b'"event_id"' in body else ""
    return f"{method} {_NAMES.sub('*', path.partition('?')[0])} {event}".rstrip()
