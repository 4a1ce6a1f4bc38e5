"""A client that left a `notifyUrl`: real HTTP on this machine, which notes what it is told of each order."""

import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Client:
    """Serves until the tests are over. `told` holds (webhook-id, body) by order number."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told[json.loads(body)["data"]["orderNo"]].append((self.headers["webhook-id"], body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """The test says what was wrong."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def variables(self) -> dict[str, str]:
        """What an operator sets to let it be told."""
        return {"NOTIFY_URL_ALLOW": self.url, "WEBHOOK_SECRET": SECRET}
