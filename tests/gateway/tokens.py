"""Tokens, honest and forged. Alice's UUID is the same in every suite."""

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ALICE = "01900000-0000-7000-8000-00000000a11c"


def new_private_key() -> str:
    """A fresh RSA key, PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def public_key_of(private_key: str) -> str:
    """The public half, PEM."""
    key = serialization.load_pem_private_key(private_key.encode(), password=None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@dataclass(frozen=True)
class Issuer:
    """Mints tokens as both issuers do: RS256 under `cfmp-sandbox`, HS256 under `cfmp-hs256`."""

    private_key: str
    secret: str

    def keys(self) -> dict[str, str]:
        """What a gateway must know, under the names that the route table uses."""
        return {"JWT_RS256_PUBLIC_KEY": public_key_of(self.private_key), "JWT_HS256_SECRET": self.secret}

    def other_algorithms(self) -> list[str]:
        """Rightly signed with the right keys, but not by the algorithms those keys are for."""
        sandbox, published = (
            {"key": "cfmp-sandbox", "user_uuid": ALICE},
            {"key": "cfmp-hs256", "user_id": ALICE},
        )
        by_key = [
            jwt.encode(_claims(sandbox, {}), self.private_key, name) for name in ("RS384", "RS512", "PS256")
        ]
        by_secret = [jwt.encode(_claims(published, {}), self.secret, name) for name in ("HS384", "HS512")]
        return by_key + by_secret

    def rs256(self, **claims: Any) -> str:
        return jwt.encode(
            _claims({"key": "cfmp-sandbox", "user_uuid": ALICE}, claims), self.private_key, "RS256"
        )

    def hs256(self, **claims: Any) -> str:
        return jwt.encode(_claims({"key": "cfmp-hs256", "user_id": ALICE}, claims), self.secret, "HS256")

    def hmac_with_public_key(self) -> str:
        """Algorithm confusion: HS256, signed with the text of the RS256 public key."""
        pem = public_key_of(self.private_key).encode()
        return _signed_by_hand(pem, _claims({"key": "cfmp-sandbox", "user_uuid": ALICE}, {}))

    def with_header(self, **header: Any) -> str:
        """Rightly signed, with more said in the header than a verifier should listen to."""
        claims = _claims({"key": "cfmp-sandbox", "user_uuid": ALICE}, {})
        return jwt.encode(claims, self.private_key, "RS256", headers=header)

    def bringing_its_own_key(self) -> list[str]:
        """Signed by a stranger, whose key or its address comes along in the header."""
        stranger = new_private_key()
        public = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(public_key_of(stranger))
        headers: list[dict[str, Any]] = [
            {"jwk": RSAAlgorithm.to_jwk(public, as_dict=True)},
            {"jku": "http://127.0.0.1:1/keys"},
            {"x5u": "http://127.0.0.1:1/certificate"},
            {"kid": "../key"},
        ]
        claims = _claims({"key": "cfmp-sandbox", "user_uuid": ALICE}, {})
        return [jwt.encode(claims, stranger, "RS256", headers=header) for header in headers]

    def unsigned(self) -> str:
        """alg none, as the oldest trick has it."""
        header, claims = (
            {"alg": "none", "typ": "JWT"},
            _claims({"key": "cfmp-sandbox", "user_uuid": ALICE}, {}),
        )
        return f"{_part(header)}.{_part(claims)}."


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed_with(secret: str, **claims: Any) -> str:
    """HS256 with any secret, also an empty one, which PyJWT would not sign with."""
    return _signed_by_hand(secret.encode(), _claims({"user_id": ALICE}, claims))


def _claims(usual: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = {**usual, "exp": int(time.time()) + 600, **given}
    return {name: value for name, value in merged.items() if value is not None}


def _signed_by_hand(key: bytes, claims: dict[str, Any]) -> str:
    # PyJWT refuses to sign with a public key, as it should.
    import hashlib
    import hmac

    text = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
