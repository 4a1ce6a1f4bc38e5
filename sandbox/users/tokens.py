"""Tokens in the two shapes the suite meets: the sandbox's RS256 (with roles) and the published HS256."""

import hashlib
from datetime import timedelta
from typing import Any

import jwt
from django.conf import settings
from django.utils import timezone

from users.models import Account, RevokedToken


def token_mint(account: Account, *, issuer: str = "sandbox") -> str:
    """A JWT for the account. `issuer="published"`: HS256 with the claims user_id, username, key, exp only."""
    env = settings.SANDBOX
    claims: dict[str, Any] = {
        "user_id": str(account.user_id),
        "username": account.username,
        "exp": timezone.now() + timedelta(hours=env.token_hours),
    }
    if issuer == "published":
        return jwt.encode({**claims, "key": env.jwt_hs256_key}, env.jwt_hs256_secret, algorithm="HS256")
    claims |= {"key": env.jwt_key, "iat": timezone.now()}
    if account.privilege == 1:
        claims["roles"] = ["ADMIN"]
    return jwt.encode(claims, env.jwt_private_key, algorithm="RS256")


def token_read(token: str) -> dict[str, Any]:
    """The claims of a token this service made and has not taken back. Raises jwt.InvalidTokenError."""
    header = jwt.get_unverified_header(token)
    algorithm = "HS256" if header.get("alg") == "HS256" else "RS256"
    claims: dict[str, Any] = jwt.decode(
        token, _key_for(algorithm), algorithms=[algorithm], options={"require": ["exp"]}
    )
    if RevokedToken.objects.filter(digest=_digest(token)).exists():
        raise jwt.InvalidTokenError("taken back")
    return claims


def token_revoke(token: str) -> None:
    RevokedToken.objects.get_or_create(digest=_digest(token))


def _key_for(algorithm: str) -> Any:
    env = settings.SANDBOX
    if algorithm == "HS256":
        return env.jwt_hs256_secret
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(env.jwt_private_key.encode(), password=None).public_key()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
