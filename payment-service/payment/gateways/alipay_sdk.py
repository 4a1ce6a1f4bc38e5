"""python-alipay-sdk with its traps closed. Signing and verifying stay the SDK's; the wire is ours.

Closed here (sources: the SDK's own code, and Alipay's open documents on signing):
- timestamps are Beijing time whatever the host's zone is;
- empty parameters are dropped before signing (the SDK signs them, the gateway does not);
- the signed text of an answer is found by a JSON decoder, not by counting braces that a subject may contain;
- several Alipay public keys (or certificates) are good at once, so that a key rotation loses nothing;
- one pooled POST instead of `urlopen` with everything in the URL.

The SDK configures logging when imported: `config/settings.py` imports it before Django does its own.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import OpenSSL
import requests
from alipay import AliPay, DCAliPay
from Cryptodome.Hash import SHA256
from Cryptodome.PublicKey import RSA
from Cryptodome.Signature import PKCS1_v1_5

from common import clock

# It logs whole signed payloads when verbose, to a handler of its own: take both away.
_sdk_log = logging.getLogger("python-alipay-sdk")
_sdk_log.handlers.clear()
_sdk_log.setLevel(logging.WARNING)

Transport = Callable[[str, Mapping[str, str], float], bytes]
"""(url with the common parameters, form body, read timeout in seconds) -> the answer's bytes."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Certificate mode. `alipay` may hold several while Alipay renews its own."""

    app: str
    root: str
    alipay: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlipayConfig:
    """Everything needed to talk to one Alipay application. Times in seconds."""

    app_id: str
    seller_id: str
    private_key: str = field(repr=False)
    public_keys: tuple[str, ...]
    gateway_url: str
    notify_url: str
    certificates: Certificates | None = None
    connect_timeout: float = 3.0
    read_timeout: float = 8.0
    # Calls at once in one process, one fewer than a server process has threads: the last one takes notices
    # while Alipay is slow. Who gets no place within `patience` has no answer.
    places: int = 3
    patience: float = 0.2


def http_transport(connect_timeout: float) -> Transport:
    """The real wire: one pooled session, redirects refused (a gateway never redirects a signed call)."""
    session = requests.Session()

    def send(url: str, body: Mapping[str, str], timeout: float) -> bytes:
        answer = session.post(url, data=body, timeout=(connect_timeout, timeout), allow_redirects=False)
        answer.raise_for_status()
        return answer.content

    return send


class _ClosedTraps:
    """The overrides shared by both modes; mixed in before the SDK's classes."""

    _keys: Mapping[str, Any]
    _send: Transport
    _read_timeout: float
    _gateway: str

    def build_body(self, method: str, biz_content: Any = None, **extra: Any) -> dict[str, Any]:
        beijing = clock.now().astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
        data = super().build_body(method, biz_content, **{"timestamp": beijing, **extra})  # type: ignore[misc]
        return {key: value for key, value in data.items() if value not in (None, "")}

    def verified_sync_response(self, data: dict[str, Any], response_type: str) -> dict[str, Any]:
        """Send, verify, return the node. `biz_content` travels in the body: URLs are cut, logged and
        cached."""
        signed = self.sign_data(data)  # type: ignore[attr-defined]
        pairs = [pair for pair in signed.split("&") if not pair.startswith("biz_content=")]
        body = {"biz_content": data["biz_content"]}
        raw = self._send(f"{self._gateway}?{'&'.join(pairs)}", body, self._read_timeout).decode("utf-8")
        return self._verify_and_return_sync_response(raw, response_type)  # type: ignore[attr-defined]

    def _get_string_to_be_signed(self, raw: str, response_type: str) -> str:
        start = raw.index("{", raw.index(f'"{response_type}"'))
        _, end = json.JSONDecoder().raw_decode(raw, start)
        return raw[start:end]

    def _verify(self, content: str | bytes, signature: str) -> bool:
        message = content.encode() if isinstance(content, str) else content
        given = _base64(signature)
        return any(PKCS1_v1_5.new(key).verify(SHA256.new(message), given) for key in self._keys.values())


class KeyClient(_ClosedTraps, AliPay):
    """Key mode."""


class CertificateClient(_ClosedTraps, DCAliPay):
    """Certificate mode: every request names our certificate and Alipay's root."""

    def _verify_and_return_sync_response(self, raw: str, response_type: str) -> dict[str, Any]:
        """An answer names the certificate it is signed with; one we do not hold proves nothing."""
        serial = json.loads(raw).get("alipay_cert_sn")
        if serial and serial not in self._keys:
            raise UnknownCertificate(serial)
        return super()._verify_and_return_sync_response(raw, response_type)


class UnknownCertificate(Exception):
    """Alipay signed with a certificate we were not given: add it to the list of certificates."""


def make_client(config: AlipayConfig, send: Transport) -> KeyClient | CertificateClient:
    """The SDK client for `config`. Read-only after this, so one instance serves all threads."""
    client = _certificate_client(config) if config.certificates else _key_client(config)
    client._gateway = config.gateway_url
    client._send = send
    client._read_timeout = config.read_timeout
    return client


def verify_text(client: KeyClient | CertificateClient, message: bytes, signature: str) -> bool:
    """Is `signature` (Base64, RSA2) Alipay's over exactly these bytes? False for anything unreadable."""
    try:
        return client._verify(message, signature)
    except (ValueError, TypeError, AttributeError):
        return False


def _key_client(config: AlipayConfig) -> KeyClient:
    client = KeyClient(
        appid=config.app_id,
        app_notify_url=config.notify_url,
        app_private_key_string=config.private_key,
        alipay_public_key_string=config.public_keys[0],
    )
    client._keys = {str(index): RSA.import_key(key) for index, key in enumerate(config.public_keys)}
    return client


def _certificate_client(config: AlipayConfig) -> CertificateClient:
    certificates = config.certificates
    assert certificates is not None
    client = CertificateClient(
        appid=config.app_id,
        app_private_key_string=config.private_key,
        app_public_key_cert_string=certificates.app,
        alipay_public_key_cert_string=certificates.alipay[0],
        # The SDK parts a chain at empty lines and reads one certificate between them.
        alipay_root_cert_string=certificates.root.replace("\n-----BEGIN", "\n\n-----BEGIN"),
        app_notify_url=config.notify_url,
    )
    client._keys = {DCAliPay.get_cert_sn(text): _certificate_key(text) for text in certificates.alipay}
    return client


def _certificate_key(text: str) -> Any:
    certificate = OpenSSL.crypto.load_certificate(OpenSSL.crypto.FILETYPE_PEM, text.encode())
    return RSA.import_key(
        OpenSSL.crypto.dump_publickey(OpenSSL.crypto.FILETYPE_PEM, certificate.get_pubkey())
    )


def _base64(signature: str) -> bytes:
    # The SDK's decodebytes skips bytes outside the alphabet, so one signature could be written many ways.
    return base64.b64decode(signature.encode("ascii"), validate=True)
