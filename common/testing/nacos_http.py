"""The HTTP half of the Nacos server for tests: the login and the console's list of namespaces."""

from __future__ import annotations

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs

LOGIN, NAMESPACES = "/nacos/v1/auth/users/login", "/nacos/v1/console/namespaces"
HISTORY = "/nacos/v1/cs/history"


class Keeper(Protocol):
    """What the server keeps that this half tells or adds to; times are monotonic seconds."""

    username: str
    password: str
    tokens: dict[str, float]
    token_seconds: float
    namespaces: set[str]
    history: dict[tuple[str, str], list[dict[str, Any]]]


class NacosHttp:
    """Serves on the port of `server`. `urls` has what was asked, as an access log would."""

    def __init__(self, server: Keeper) -> None:
        self.server = server
        self.urls: list[str] = []
        self.logins = 0
        self.login_path = LOGIN
        # Cleared: a login gets no answer until it is set again.
        self.answers = threading.Event()
        self.answers.set()
        self._http: ThreadingHTTPServer | None = None

    def start(self, port: int) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def login(self, form: dict[str, list[str]]) -> tuple[int, Any]:
        self.logins += 1
        self.answers.wait(30)
        known = (self.server.username, self.server.password)
        if (form.get("username", [""])[0], form.get("password", [""])[0]) != known:
            # As the real one does it (2.3.2): a status line without a status.
            return 0, "unknown user!"
        token = secrets.token_hex(16)
        self.server.tokens[token] = time.monotonic() + self.server.token_seconds
        return 200, {"accessToken": token, "tokenTtl": self.server.token_seconds, "globalAdmin": True}

    def namespaces(self, token: str) -> tuple[int, Any]:
        if token not in self.server.tokens:
            return 403, "token invalid!"
        rows = [{"namespace": "" if name == "public" else name} for name in sorted(self.server.namespaces)]
        return 200, {"code": 200, "data": rows}

    def history(self, token: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        """The newest first; what the content was, it does not say in a list."""
        if token not in self.server.tokens:
            return 403, "token invalid!"
        if query.get("search") != ["accurate"] or query.get("group") != ["DEFAULT_GROUP"]:
            return 400, "caused: search and group"
        rows = self.server.history.get((query.get("tenant", [""])[0], query["dataId"][0]), [])
        size = int(query["pageSize"][0])
        return 200, {"totalCount": len(rows), "pageNumber": 1, "pageItems": rows[::-1][:size]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        here = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                here.urls.append(self.path)
                form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
                if self.path.partition("?")[0] == here.login_path:
                    self._answer(*here.login(form))
                else:
                    self._answer(404, "no such address")

            def do_GET(self) -> None:
                here.urls.append(self.path)
                path, _, query = self.path.partition("?")
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                if path == NAMESPACES:
                    self._answer(*here.namespaces(token))
                elif path == HISTORY:
                    self._answer(*here.history(token, parse_qs(query)))
                else:
                    self._answer(404, "no such address")

            def _answer(self, status: int, body: Any) -> None:
                raw = (body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: `urls` has it."""

        return Handler
