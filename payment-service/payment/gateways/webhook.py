"""The client's own address, told what became of its payment: one POST, signed per Standard Webhooks.

The address is a stranger's choice within NOTIFY_URL_ALLOW: it gets nothing but the message, and nothing of
its answer is read but the status. In production the connection goes to the very address that was looked up
and found public, whatever DNS says a moment later. Redirects are not followed. One deadline holds
for looking up and the exchange together.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings

from common import clock
from payment.gateways.names import Names
from payment.policies import is_within

SECONDS = 5.0
GONE = 410
# All that IANA has given out for unicast: not site-local, nor the forms that carry an IPv4 address inside,
# which a translator on the way would lead to a private one. 6to4 is such a form within it.
_GIVEN_OUT, _6TO4 = ipaddress.ip_network("2000::/3"), ipaddress.ip_network("2002::/16")


class WebhookUndelivered(Exception):
    """The message did not arrive. `hopeless`: nor will it, however often it is sent.

    `away`: nobody answered, or not in time.
    """

    def __init__(self, why: str, *, hopeless: bool = False, away: bool = False) -> None:
        self.hopeless, self.away = hopeless, away
        super().__init__(why)


@dataclass(frozen=True)
class WebhookSender:
    """Sends to addresses within `allow`, signed for their host by each of `secrets`; two in a change."""

    secrets: tuple[str, ...] = field(repr=False)
    allow: tuple[str, ...]
    only_public: bool
    seconds: float = SECONDS
    names: Names = field(default_factory=Names)
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def send(self, url: str, *, event_id: str, body: bytes) -> None:
        """Returns when the receiver has said 2xx; WebhookUndelivered otherwise."""
        if not is_within(url, self.allow):
            raise WebhookUndelivered("NOTIFY_URL_ALLOW does not have the address any more", hopeless=True)
        try:
            status = self._exchange(url, self._headers(url, event_id, body), body)
        except (OSError, http.client.HTTPException, ValueError) as broken:
            away = isinstance(broken, OSError)
            raise WebhookUndelivered(f"no answer: {type(broken).__name__}", away=away) from broken
        if not 200 <= status < 300:
            raise WebhookUndelivered(f"answered {status}", hopeless=status == GONE)

    def _headers(self, url: str, event_id: str, body: bytes) -> dict[str, str]:
        at, host = int(clock.now().timestamp()), urlsplit(url).hostname or ""
        its = (client_secret(secret, host) for secret in self.secrets)
        signatures = (webhook_signature(secret, event_id, at, body) for secret in its)
        return {
            "Content-Type": "application/json",
            "User-Agent": "cfmp-webhook/1",
            "webhook-id": event_id,
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(signatures),
        }

    def _exchange(self, url: str, headers: dict[str, str], body: bytes) -> int:
        parts = urlsplit(url)
        trust = self.trust if parts.scheme == "https" else None
        port = parts.port or (443 if trust else 80)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        ends = time.monotonic() + self.seconds
        line = _Line(parts.hostname or "", port, self._addresses(parts.hostname or "", port), trust)
        with closing(line), line.cut_after(ends - time.monotonic()):
            line.request("POST", target or "/", body, headers)
            status = line.getresponse().status
        if line.was_cut:
            # Cut off within its headers: http.client takes what had come for the whole.
            raise TimeoutError
        return status

    def _addresses(self, host: str, port: int) -> list[str]:
        found = self.names.addresses(host, port, self.seconds)
        if self.only_public and not all(map(_is_public, found)):
            raise WebhookUndelivered("the address leads into a private network")
        return found


def webhook_sender() -> WebhookSender:
    """As the settings have it: anything goes to this machine in an embedded run alone."""
    given = settings.CFMP
    return _sender(given.webhook_secret, given.notify_url_allow, not given.is_embedded)


@lru_cache(maxsize=2)
def _sender(secrets: tuple[str, ...], allow: tuple[str, ...], only_public: bool) -> WebhookSender:
    # Reading the trusted certificates takes longer than telling a client.
    return WebhookSender(secrets, allow, only_public)


def client_secret(secret: str, host: str) -> str:
    """What the client at `host` verifies with. One secret for all would let each speak as us to others."""
    its = hmac.digest(_key(secret), f"webhooks of {host}".encode(), hashlib.sha256)
    return "whsec_" + base64.b64encode(its).decode()


def webhook_signature(secret: str, event_id: str, at: int, body: bytes) -> str:
    """`v1,…` over id, seconds and body, as the Standard Webhooks specification has it."""
    text = f"{event_id}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), text, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"))


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text)
    if address.version == 6 and (address not in _GIVEN_OUT or address in _6TO4):
        return False
    return address.is_global and not address.is_multicast


class _Line(http.client.HTTPConnection):
    """One connection to the addresses given, whatever the host's name would lead to by now."""

    def __init__(self, host: str, port: int, addresses: list[str], trust: ssl.SSLContext | None) -> None:
        super().__init__(host, port)
        self.default_port = 443 if trust else 80
        self._addresses, self._trust = addresses, trust
        self._ends = 0.0
        self.was_cut = False

    def cut_after(self, seconds: float) -> _Deadline:
        """Bounds each wait, and all of them together: a receiver that drips is cut off."""
        self.timeout = seconds
        self._ends = time.monotonic() + seconds
        return _Deadline(seconds, self._cut)

    def connect(self) -> None:
        self.sock = self._connected()
        self._refuse_if_cut()
        if self._trust is not None:
            self.sock = self._trust.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self._refuse_if_cut()
            self.sock.do_handshake()

    def _connected(self) -> socket.socket:
        problem = OSError("no address")
        for number, address in enumerate(self._addresses):
            # There is nothing to cut off yet, and a name may have as many addresses as it likes: each has its
            # share of what is left, so that a dead one leaves time for the next.
            share = self._left() / (len(self._addresses) - number)
            try:
                found = socket.create_connection((address, self.port), share)
            except OSError as refused:
                problem = refused
            else:
                found.settimeout(self._left())
                return found
        raise problem

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _refuse_if_cut(self) -> None:
        """After each new socket: the cut that came just before had none to shut."""
        if self.was_cut:
            raise TimeoutError

    def _cut(self) -> None:
        self.was_cut = True
        # The receiver may have hung up in the same moment.
        with suppress(OSError):
            if isinstance(self.sock, socket.socket):
                # Past SSLSocket's own, which is not meant for a socket that another thread reads from.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _Deadline:
    """Calls `cut` unless left in time."""

    def __init__(self, seconds: float, cut: Callable[[], None]) -> None:
        self._timer = threading.Timer(seconds, cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
