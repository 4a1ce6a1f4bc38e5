"""The few HTTP calls of a fresh Nacos 2.5 with authentication on, as strict as the real one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

TOKEN = "token-of-the-administrator"


@dataclass
class Nacos:
    """Starts without an administrator; whoever asks first names the password."""

    password: str = ""
    namespaces: list[str] = field(default_factory=lambda: [""])
    port: int = 0

    @property
    def server(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, form: dict[str, str]) -> tuple[int, object]:
        match (method, path):
            case ("POST", "/nacos/v1/auth/login"):
                good = self.password and (form.get("username"), form.get("password")) == (
                    "nacos",
                    self.password,
                )
                return (200, {"accessToken": TOKEN}) if good else (403, "unknown user!")
            case ("POST", "/nacos/v1/auth/users/admin"):
                if self.password:
                    return 409, "have admin user cannot use it"
                self.password = form["password"]
                return 200, {"username": "nacos", "password": self.password}
            case (_, "/nacos/v1/console/namespaces"):
                return (
                    self._namespaces(method, form) if form.get("accessToken") == TOKEN else (403, "forbidden")
                )
        return 404, "not found"

    def _namespaces(self, method: str, form: dict[str, str]) -> tuple[int, object]:
        if method == "GET":
            return 200, {"code": 200, "data": [{"namespace": name} for name in self.namespaces]}
        if form["customNamespaceId"] in self.namespaces or not form.get("namespaceName"):
            return 200, False
        self.namespaces.append(form["customNamespaceId"])
        return 200, True


@contextmanager
def running(nacos: Nacos) -> Iterator[Nacos]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = dict(parse_qsl(address.query)) | dict(parse_qsl(body))
            status, said = nacos.answer(method, address.path, form)
            text = said if isinstance(said, str) else json.dumps(said)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        nacos.port = server.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        yield nacos
        server.shutdown()
