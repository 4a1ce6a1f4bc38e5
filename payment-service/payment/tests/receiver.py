"""A client's server for webhooks, real HTTP on this machine: it notes what comes and behaves as told."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

from payment.gateways.webhook import client_secret


class Receiver(ThreadingHTTPServer):
    """`manner`: a status to answer, "redirect", "hang", "drip", "cut", "stall" or "babble"."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manner: int | str = 204
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.over = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/cfmp"

    def comes(self, many: int, seconds: float = 10.0) -> bool:
        """Whether so many messages have come within the time."""
        end = time.monotonic() + seconds
        while len(self.came) < many and time.monotonic() < end:
            time.sleep(0.02)
        return len(self.came) >= many

    def messages(self, secret: str) -> list[dict[str, Any]]:
        """What came, each verified by the standard's own library with our share of `secret`."""
        ours = Webhook(client_secret(secret, "127.0.0.1"))
        return [ours.verify(body, headers) for _, headers, body in self.came]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Senders that hang up are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, dict(self.headers), body))
        manner = self.server.manner
        if isinstance(manner, int):
            self._say(manner)
        else:
            getattr(self, f"_{manner}")()

    def _say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _redirect(self) -> None:
        self._say(307, Location=f"http://127.0.0.1:{self.server.port}/elsewhere")

    def _hang(self) -> None:
        self.server.over.wait(20)

    def _cut(self) -> None:
        self.connection.close()

    def _drip(self) -> None:
        """A byte now and then: no single wait is long."""
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self.server.over.is_set():
                self.wfile.write(b"a")
                self.wfile.flush()
                time.sleep(0.05)

    def _stall(self) -> None:
        """Answers that say: later."""
        with suppress(OSError):
            while not self.server.over.is_set():
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _babble(self) -> None:
        """An answer without an end."""
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while not self.server.over.is_set():
                self.wfile.write(b"a" * 65536)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def receiving(trust: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver at work; with `trust` it speaks TLS."""
    receiver = Receiver()
    if trust is not None:
        receiver.socket = trust.wrap_socket(receiver.socket, server_side=True)
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        receiver.shutdown()
        thread.join()
        receiver.server_close()
