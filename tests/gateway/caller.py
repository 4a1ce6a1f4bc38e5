"""A client that sends paths and headers exactly as written: most HTTP libraries tidy up first."""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# Once something was answered; a gateway may hold a connection open that it has no more to say on.
_SILENCE_SECONDS = 0.2


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in lower case) and text."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.text)
        return document


def call(
    url: str, method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes | None = None
) -> Answer:
    """One request on a connection of its own."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port or 80, timeout=20)
    # http.client refuses odd bytes in paths; an attacker's client would not.
    connection._validate_path = lambda path: None  # type: ignore[attr-defined]
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)
    finally:
        connection.close()


def send(url: str, request: bytes) -> list[Answer]:
    """These bytes on a connection of their own, and every answer until the gateway closes or falls silent."""
    place = urlsplit(url)
    with socket.create_connection((str(place.hostname), place.port or 80), timeout=3) as connection:
        connection.sendall(request)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
                connection.settimeout(_SILENCE_SECONDS)
        except (TimeoutError, ConnectionResetError):
            pass
    return [*_answers(received)]


def _answers(received: bytes) -> Iterator[Answer]:
    while received.startswith(b"HTTP/1."):
        head, _, rest = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(headers.get("content-length", len(rest)))
        yield Answer(int(lines[0].split()[1]), headers, rest[:length].decode("utf-8", "replace"))
        received = rest[length:]
