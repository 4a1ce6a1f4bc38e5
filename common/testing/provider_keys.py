"""RSA2 as Alipay does it: key pairs, signatures, the text that is signed. Room: testing; knows no trades."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from common import clock


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key pair per name, made once per process (making one takes a tenth of a second)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """PKCS8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """SubjectPublicKeyInfo PEM."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def rsa2(key: rsa.RSAPrivateKey, text: str) -> str:
    """SHA256withRSA, PKCS1 v1.5, Base64."""
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def canonical(fields: Mapping[str, str], *, without: frozenset[str]) -> str:
    """The text that is signed: sorted `k=v` joined by `&`, unquoted, empty values left out."""
    return "&".join(f"{k}={fields[k]}" for k in sorted(fields) if k not in without and fields[k] != "")


def beijing(at: datetime | None) -> str:
    """Alipay's way of writing a moment; "" for none."""
    return at.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M:%S") if at else ""
