"""Stub services: they answer 200 with what reached them, and keep a record of it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Arrival:
    """One request as a service saw it. Header names in lower case."""

    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Stubs:
    """Where the stubs listen, and everything that arrived at any of them but questions after their health.

    Those in `unwell` answer 503 to that question, those in `failing` answer 500 to everything else.
    """

    addresses: dict[str, str] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    slow: threading.Event = field(default_factory=threading.Event)
    unwell: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)


class _UnixServer(ThreadingHTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        Path(str(self.server_address)).unlink(missing_ok=True)
        self.socket.bind(str(self.server_address))
        self.server_name, self.server_port = "stub", 0


def _handler(service: str, stubs: Stubs) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            if self.path == "/health":
                self._send({}, 503 if service in stubs.unwell else 200)
                return
            body = self._chunks() if "chunked" in self.headers.get("Transfer-Encoding", "") else self._body()
            headers = {name.lower(): value for name, value in self.headers.items()}
            arrival = Arrival(service, self.command, self.path, headers, body)
            stubs.arrivals.append(arrival)
            if "slowly" in self.path:
                stubs.slow.wait(10)
            told = {"service": service, "method": self.command, "path": self.path, "headers": headers}
            self._send(told, 500 if service in stubs.failing else 200)

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _chunks(self) -> bytes:
            found = b""
            while length := int(self.rfile.readline(), 16):
                found += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
            return found

        def _send(self, document: dict[str, Any], status: int) -> None:
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def serving(folder: Path) -> Iterator[Stubs]:
    """Order, payment and notification on unix sockets, the neighbours on TCP, as in the embedded run."""
    with stubs_of("UserService", "ProductService") as stubs:
        servers: list[ThreadingHTTPServer] = []
        for service in ("OrderService", "PaymentService", "NotificationService"):
            path = folder / f"{service}.sock"
            servers.append(_UnixServer(str(path), _handler(service, stubs)))  # type: ignore[arg-type]
            stubs.addresses[service] = f"unix:{path}"
        with _started(servers):
            yield stubs


@contextmanager
def stubs_of(*names: str) -> Iterator[Stubs]:
    """Stubs on TCP ports of their own."""
    stubs = Stubs()
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(name, stubs)) for name in names]
    for name, server in zip(names, servers, strict=True):
        stubs.addresses[name] = f"127.0.0.1:{server.server_port}"
    with _started(servers):
        yield stubs
        stubs.slow.set()


@contextmanager
def _started(servers: list[ThreadingHTTPServer]) -> Iterator[None]:
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
