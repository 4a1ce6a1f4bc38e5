"""Makes and checks the tokens that say who is calling: our own service JWTs, and people's JWTs.

Room: network. It reads no settings and no headers; `common.web.authentication` and `service_client`
hand it keys and tokens. A token is judged by `common.clock`, and why one was refused is never told
to the caller; but a sibling, once its signature is verified, is told that a clock is wrong.

Service token: EdDSA (RFC 8037), at most 60 s, `iss` the caller, `aud` the callee. User token: the
claim `key` names the issuer's key, each key has one pinned algorithm, `exp` is required.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from common import clock
from common.errors import ClockApart, TokenInvalid

SERVICE_ALGORITHM = "EdDSA"
SERVICE_LIFETIME = 60
SERVICE_LEEWAY = 30
# A cached token is used until this many seconds before it ends, so that it survives its journey.
_RENEW_BEFORE = 20
_LONGEST_TOKEN = 8192
_USER_CLAIMS = ("user_uuid", "user_id", "sub")


class ServiceSigner:
    """Signs this service's calls, one token per callee, kept for as long as it is good."""

    def __init__(self, service: str, private_key_pem: str) -> None:
        self.service = service
        key = load_pem_private_key(private_key_pem.encode(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("a service signs with an Ed25519 key")
        self._key = key
        self._tokens: dict[str, tuple[float, float, str]] = {}

    def token(self, audience: str) -> str:
        """A token for `audience`, good for at least 20 seconds."""
        now = clock.now().timestamp()
        made, ends, token = self._tokens.get(audience, (0.0, 0.0, ""))
        # `made <= now` as well: a clock set back would otherwise keep sending tokens from the future.
        if made <= now < ends - _RENEW_BEFORE:
            return token
        token = self._sign(audience, int(now))
        self._tokens[audience] = (now, int(now) + SERVICE_LIFETIME, token)
        return token

    def _sign(self, audience: str, now: int) -> str:
        claims = {
            "iss": self.service,
            "aud": audience,
            "iat": now,
            "exp": now + SERVICE_LIFETIME,
            "jti": uuid4().hex,
        }
        return jwt.encode(claims, self._key, algorithm=SERVICE_ALGORITHM)


class VerifiedTokens:
    """Claims of tokens already verified, by digest, until they end: bounded, the least used leave first."""

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._entries: OrderedDict[bytes, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get_or_verify(self, token: str, verify: Callable[[str], tuple[float, Any]]) -> Any:
        """What `verify` said of `token` the first time. `verify` gives (good until, value) or raises.

        Raises TokenInvalid for what can be no token at all, before anything is computed.
        """
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            raise TokenInvalid
        digest = hashlib.sha256(token.encode()).digest()
        with self._lock:
            ends, value = self._entries.get(digest, (0.0, None))
            if clock.now().timestamp() < ends:
                self._entries.move_to_end(digest)
                return value
        ends, value = verify(token)
        self._keep(digest, ends, value)
        return value

    def _keep(self, digest: bytes, ends: float, value: Any) -> None:
        with self._lock:
            self._entries[digest] = (ends, value)
            self._entries.move_to_end(digest)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


class ServiceVerifier:
    """Checks the tokens of sibling services that are addressed to `audience`."""

    def __init__(self, public_keys: Mapping[str, Sequence[str]], audience: str) -> None:
        self._audience = audience
        self._keys = {
            caller: [load_pem_public_key(pem.encode()) for pem in pems]
            for caller, pems in public_keys.items()
        }
        self._verified = VerifiedTokens(256)

    def verify(self, token: str) -> str:
        """The name of the calling service. Raises TokenInvalid; ClockApart when only the time is wrong."""
        return self._verified.get_or_verify(token, self._verify)

    def _verify(self, token: str) -> tuple[float, str]:
        caller = _peek(token, SERVICE_ALGORITHM).get("iss")
        if not isinstance(caller, str) or caller not in self._keys:
            raise TokenInvalid
        for key in self._keys[caller]:
            claims = _decode(token, key, SERVICE_ALGORITHM, audience=self._audience, issuer=caller)
            if claims is not None:
                return _service_end(claims), caller
        raise TokenInvalid


def _service_end(claims: Mapping[str, Any]) -> float:
    """Until when a service's token is good, leeway included. Raises TokenInvalid, ClockApart."""
    issued, ends = _moment(claims, "iat"), _moment(claims, "exp")
    now = clock.now().timestamp()
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise TokenInvalid
    if ends - issued > SERVICE_LIFETIME:
        raise TokenInvalid
    if issued > now + SERVICE_LEEWAY or now >= ends + SERVICE_LEEWAY:
        raise ClockApart(seconds=round(now - issued))
    return ends + SERVICE_LEEWAY


class UserTokenVerifier:
    """Checks people's tokens. `keys` are rows {"key", "algorithm", "public_key" or "secret"}."""

    def __init__(
        self, keys: Sequence[Mapping[str, str]], key_claim: str = "key", *, remembered: int = 4096
    ) -> None:
        self._claim = key_claim
        self._keys = {row["key"]: (row["algorithm"], _material(row)) for row in keys}
        self._verified = VerifiedTokens(remembered)

    def verify(self, token: str) -> dict[str, Any]:
        """The claims, a fresh copy for each caller. Raises TokenInvalid."""
        return dict(self._verified.get_or_verify(token, self._verify))

    def _verify(self, token: str) -> tuple[float, dict[str, Any]]:
        # The claim is read before the signature, but only to choose the key: the algorithm is the
        # key's, never the header's, and the verified payload is the same bytes.
        name = _peek(token, None).get(self._claim)
        if not isinstance(name, str) or name not in self._keys:
            raise TokenInvalid
        algorithm, material = self._keys[name]
        claims = _decode(token, material, algorithm)
        if claims is None:
            raise TokenInvalid
        return _user_end(claims), claims


def _user_end(claims: Mapping[str, Any]) -> float:
    """Until when a person's token is good. Raises TokenInvalid."""
    ends = _moment(claims, "exp")
    now = clock.now().timestamp()
    if now >= ends or ("nbf" in claims and now < _moment(claims, "nbf")):
        raise TokenInvalid
    return ends


def user_uuid_of(claims: Mapping[str, Any]) -> UUID:
    """Whose token it is: `user_uuid`, else `user_id`, else `sub`. TokenInvalid when that is no UUID."""
    for name in _USER_CLAIMS:
        if claims.get(name) is not None:
            return _uuid(claims[name])
    raise TokenInvalid


def _uuid(value: Any) -> UUID:
    if not isinstance(value, str) or not value.isascii() or len(value) not in (32, 36):
        raise TokenInvalid
    try:
        return UUID(value)
    except ValueError:
        raise TokenInvalid from None


def _material(row: Mapping[str, str]) -> Any:
    if row["algorithm"].startswith("HS"):
        return row["secret"].encode()
    return load_pem_public_key(row["public_key"].encode())


def _peek(token: str, algorithm: str | None) -> Mapping[str, Any]:
    """The claims as written, unverified; with `algorithm`, only of a token that names it."""
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise TokenInvalid from None
    if algorithm is not None and parts["header"].get("alg") != algorithm:
        raise TokenInvalid
    return parts["payload"]


def _decode(token: str, key: Any, algorithm: str, **expected: Any) -> dict[str, Any] | None:
    """The verified claims, or None. Times are not judged here but by our own clock."""
    options: Any = {
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
        "verify_aud": "audience" in expected,
        "strict_aud": "audience" in expected,
        "require": ["exp", *(["iss", "aud", "iat", "jti"] if expected else [])],
    }
    try:
        return jwt.decode(token, key, algorithms=[algorithm], options=options, **expected)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None


def _moment(claims: Mapping[str, Any], name: str) -> float:
    """A NumericDate claim (RFC 7519 §2). Raises TokenInvalid for text, NaN or an absurd number."""
    value = claims.get(name)
    # NaN compares false with everything, so it falls out of the range too.
    if not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise TokenInvalid
    return float(value)
