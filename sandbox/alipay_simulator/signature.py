"""RSA2 (SHA256withRSA, PKCS1 v1.5) over Alipay's canonical string, and the keys it is done with."""

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.conf import settings


def canonical(parameters: Mapping[str, str], *, without: tuple[str, ...]) -> str:
    """`k=v` of all non-empty parameters, sorted by key, joined by `&`, values not URL-encoded."""
    kept = sorted((name, value) for name, value in parameters.items() if value != "" and name not in without)
    return "&".join(f"{name}={value}" for name, value in kept)


def request_text(parameters: Mapping[str, str]) -> str:
    """What a merchant signs: everything but `sign` (sign_type stays in)."""
    return canonical(parameters, without=("sign",))


def notify_text(parameters: Mapping[str, str]) -> str:
    """What Alipay signs in a notify or return: everything but `sign` and `sign_type`."""
    return canonical(parameters, without=("sign", "sign_type"))


def sign(content: bytes) -> str:
    """Base64 signature by Alipay's own key."""
    return _signed(_alipay_key(), content)


def sign_as_stranger(content: bytes) -> str:
    """A well-formed signature by a key nobody knows: forged notifies and answers."""
    return _signed(_stranger_key(), content)


def is_signed_by_app(content: bytes, signature: str) -> bool:
    try:
        _app_key().verify(base64.b64decode(signature), content, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def alipay_public_key() -> str:
    """The PEM a merchant configures as `ALIPAY_PUBLIC_KEY`."""
    public = _alipay_key().public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _signed(key: rsa.RSAPrivateKey, content: bytes) -> str:
    return base64.b64encode(key.sign(content, padding.PKCS1v15(), hashes.SHA256())).decode()


@lru_cache(maxsize=1)
def _alipay_key() -> rsa.RSAPrivateKey:
    pem = settings.SANDBOX.alipay_private_key.encode()
    return serialization.load_pem_private_key(pem, password=None)  # type: ignore[return-value]


@lru_cache(maxsize=1)
def _app_key() -> rsa.RSAPublicKey:
    pem = settings.SANDBOX.alipay_app_public_key.encode()
    return serialization.load_pem_public_key(pem)  # type: ignore[return-value]


@lru_cache(maxsize=1)
def _stranger_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
