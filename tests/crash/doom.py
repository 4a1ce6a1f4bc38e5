"""Inside a process that shall die: kills it at an appointed moment, before or after one thing it does.

The appointment is a JSON file that the test writes: {"about": [words], "at": [name, number, moment]}. What
counts are outgoing calls (to peers and to the provider) that mention one of the words, a saga's steps and
undone steps, done with the advance that stores it, and, when "commits" is set, every commit and every
step. Without "at" nothing dies, and what could be an appointment is written to `<file>.seen`.
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
NAMES = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|CFMP[0-9]+|(?<=/)[0-9]+(?=/|$)")
COMMIT = "COMMIT"
WEBHOOK = "POST notifyUrl"
# What one does with a saga's step: of these the moment before is the moment after what precedes it.
STEP, UNDO = "step", "undo"


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
        if number and name.startswith((STEP, UNDO)):
            # Only now: a step that asks to wait is not done.
            self._note(name, number)
        self._keep(name, number, "after")
        return done

    def _met(self, name: str, text: str) -> int:
        """Which one of its kind this is; 0 when the appointment is not about it."""
        order = self._read()
        mentioned = any(word in text for word in order.get("about", ()))
        ours = mentioned or (order.get("commits") and name.startswith((STEP, UNDO)))
        if not (order.get("commits") if name == COMMIT else ours):
            return 0
        with self._lock:
            self._seen[name] += 1
            number = self._seen[name]
        if not name.startswith((STEP, UNDO)):
            self._note(name, number)
        return number

    def _note(self, name: str, number: int) -> None:
        if not self._read().get("at"):
            with self._lock, self._file.with_suffix(".seen").open("a") as seen:
                seen.write(f"{name}\t{number}\n")

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
    _watch_webhooks(doom)
    _watch_sagas(doom)


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
    return method[0] if method else f"{request.method} {NAMES.sub('*', urlsplit(request.url).path)}"


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


def _watch_webhooks(doom: Doom) -> None:
    """A client's own address, which neither of the two above speaks to."""
    try:
        from payment.gateways.webhook import WebhookSender
    except ImportError:
        return
    send = WebhookSender.send

    def watched(self: Any, url: str, *, event_id: str, body: bytes) -> None:
        tell = lambda: send(self, url, event_id=event_id, body=body)  # noqa: E731
        doom.around(WEBHOOK, body.decode(), tell)

    WebhookSender.send = watched  # type: ignore[method-assign]


def _watch_sagas(doom: Doom) -> None:
    """What is stored when a step is done, or undone: `journal.advance` and its like commit inside."""
    try:
        from common.sagas import definition, runner
    except ImportError:
        return
    do, undo = runner._do_and_advance, runner._undo

    def named(kind: str, saga: definition.Saga, step: definition.Step) -> str:
        return f"{kind} {saga.name}.{saga.version}.{step.name}"

    def done(row: Any, saga: definition.Saga, step: definition.Step) -> None:
        doom.around(named(STEP, saga, step), str(row.entity_uuid), lambda: do(row, saga, step))

    def undone(row: Any, saga: definition.Saga, step: definition.Step) -> bool:
        return doom.around(named(UNDO, saga, step), str(row.entity_uuid), lambda: undo(row, saga, step))

    runner._do_and_advance, runner._undo = done, undone


def _call_name(method: str, path: str, body: bytes) -> str:
    event = json.loads(body).get("type", "") if b'"event_id"' in body else ""
    return f"{method} {NAMES.sub('*', path.partition('?')[0])} {event}".rstrip()
