"""Tokens: forged, expired, replayed elsewhere, of the wrong algorithm: each refused, and nothing learned."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from common import clock
from common.errors import ClockApart, TokenInvalid
from common.signing import ServiceSigner, ServiceVerifier, UserTokenVerifier, VerifiedTokens, user_uuid_of
from common.testing.clock import FrozenClock

ALICE = "01900000-0000-7000-8000-00000000a11c"
SECRET = "a-shared-secret-of-at-least-32-bytes!"


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public(key: Any) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


ORDER, OLD_ORDER, PAYMENT, STRANGER = (ed25519.Ed25519PrivateKey.generate() for _ in range(4))
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_KEYS = {"OrderService": [public(OLD_ORDER), public(ORDER)], "PaymentService": [public(PAYMENT)]}


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}.{b64(signature)}"


@pytest.fixture(autouse=True)
def time() -> Any:
    with FrozenClock() as frozen:
        yield frozen


def seconds(offset: float = 0) -> int:
    return int(clock.now().timestamp() + offset)


# --- services -----------------------------------------------------------------------------------


@pytest.fixture
def payment() -> ServiceVerifier:
    return ServiceVerifier(PUBLIC_KEYS, "PaymentService")


def service_claims(**changes: Any) -> dict[str, Any]:
    usual = {
        "iss": "OrderService",
        "aud": "PaymentService",
        "iat": seconds(),
        "exp": seconds(60),
        "jti": "one",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def service_jwt(signer: Any = ORDER, algorithm: str = "EdDSA", /, **changes: Any) -> str:
    return jwt.encode(service_claims(**changes), signer, algorithm=algorithm)


def test_a_siblings_token_names_its_caller(payment: ServiceVerifier) -> None:
    token = ServiceSigner("OrderService", pem(ORDER)).token("PaymentService")

    assert payment.verify(token) == "OrderService"
    assert payment.verify(token) == "OrderService"


def test_two_public_keys_are_good_at_once(payment: ServiceVerifier) -> None:
    assert payment.verify(service_jwt(OLD_ORDER)) == payment.verify(service_jwt(ORDER)) == "OrderService"


def test_a_token_is_kept_for_its_callee_and_renewed_in_time(time: FrozenClock) -> None:
    signer = ServiceSigner("OrderService", pem(ORDER))
    first = signer.token("PaymentService")

    assert signer.token("PaymentService") == first
    assert signer.token("NotificationService") != first
    time.move(seconds=39)
    assert signer.token("PaymentService") == first
    time.move(seconds=1)
    assert signer.token("PaymentService") != first


def test_a_clock_set_back_makes_a_new_token(time: FrozenClock) -> None:
    signer = ServiceSigner("OrderService", pem(ORDER))
    first = signer.token("PaymentService")
    time.move(hours=-1)

    assert signer.token("PaymentService") != first


@pytest.mark.parametrize(("skew", "good"), [(-89, True), (-91, False), (29, True), (31, False)])
def test_clocks_may_differ_by_thirty_seconds(payment: ServiceVerifier, skew: int, good: bool) -> None:
    token = service_jwt(iat=seconds(skew), exp=seconds(skew + 60))

    if good:
        assert payment.verify(token) == "OrderService"
    else:
        with pytest.raises(ClockApart) as refused:
            payment.verify(token)
        assert refused.value.params == {"seconds": -skew}


@pytest.mark.parametrize("skew", [-3600, 3600])
def test_only_a_sibling_learns_that_clocks_differ(payment: ServiceVerifier, skew: int) -> None:
    times = {"iat": seconds(skew), "exp": seconds(skew + 60)}
    for token in (service_jwt(STRANGER, **times), service_jwt(aud="NotificationService", **times)):
        with pytest.raises(TokenInvalid) as refused:
            payment.verify(token)
        assert type(refused.value) is TokenInvalid


def test_a_remembered_token_ends_too(payment: ServiceVerifier, time: FrozenClock) -> None:
    token = service_jwt()
    payment.verify(token)
    time.move(seconds=91)

    with pytest.raises(TokenInvalid):
        payment.verify(token)


BAD_SERVICE_TOKENS: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "no token at all": lambda: "....",
    "letters of other scripts": lambda: "令牌.令牌.令牌",
    "a lone surrogate": lambda: "\ud800.a.b",
    "huge": lambda: service_jwt(x="x" * 20000),
    "for another service": lambda: service_jwt(aud="NotificationService"),
    "for several services": lambda: service_jwt(aud=["PaymentService", "NotificationService"]),
    "for nobody": lambda: service_jwt(aud=...),
    "from a stranger": lambda: service_jwt(STRANGER, iss="Stranger"),
    "from a stranger in a known name": lambda: service_jwt(STRANGER),
    "payment's key in order's name": lambda: service_jwt(PAYMENT),
    "from nobody": lambda: service_jwt(iss=...),
    "from a list of names": lambda: unsigned(
        {"alg": "EdDSA"}, service_claims(iss=["OrderService"]), b"x" * 64
    ),
    "without a number": lambda: service_jwt(jti=...),
    "without a birth": lambda: service_jwt(iat=...),
    "without an end": lambda: service_jwt(exp=...),
    "living too long": lambda: service_jwt(exp=seconds(61)),
    "ending as text": lambda: service_jwt(exp=str(seconds(60))),
    "ending as true": lambda: service_jwt(exp=True),
    "born in the far future": lambda: service_jwt(iat=seconds(10**6), exp=seconds(10**6 + 60)),
    "unsigned": lambda: unsigned({"alg": "none"}, service_claims()),
    "unsigned, spelt oddly": lambda: unsigned({"alg": "nOnE"}, service_claims()),
    "unsigned but claiming EdDSA": lambda: unsigned({"alg": "EdDSA"}, service_claims()),
    "signed with the public key as a secret": lambda: hmac_with(
        PUBLIC_KEYS["OrderService"][1], service_claims()
    ),
    "RSA": lambda: service_jwt(RSA, "RS256"),
    "an algorithm that does not exist": lambda: unsigned({"alg": "XX1"}, service_claims(), b"x"),
    "claims that are a list": lambda: unsigned({"alg": "EdDSA"}, [1], b"x"),  # type: ignore[arg-type]
    "claims nested without end": lambda: f'{b64(b"""{"alg":"EdDSA"}""")}.{b64(b"[" * 3000)}.{b64(b"x")}',
}


def hmac_with(secret: str, claims: dict[str, Any], algorithm: str = "HS256") -> str:
    """Signed by hand: PyJWT itself refuses a PEM as an HMAC secret."""
    import hashlib
    import hmac

    head = f"{b64(json.dumps({'alg': algorithm}).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{head}.{b64(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize("name", BAD_SERVICE_TOKENS)
def test_a_bad_service_token_is_refused(payment: ServiceVerifier, name: str) -> None:
    with pytest.raises(TokenInvalid):
        payment.verify(BAD_SERVICE_TOKENS[name]())


def test_a_changed_claim_breaks_the_signature(payment: ServiceVerifier) -> None:
    head, _, signature = service_jwt().split(".")
    body = b64(json.dumps(service_claims(jti="two")).encode())

    with pytest.raises(TokenInvalid):
        payment.verify(f"{head}.{body}.{signature}")


def test_only_an_ed25519_key_signs() -> None:
    with pytest.raises(ValueError, match="Ed25519"):
        ServiceSigner("OrderService", pem(RSA))


# --- people -------------------------------------------------------------------------------------


@pytest.fixture
def users() -> UserTokenVerifier:
    return UserTokenVerifier(
        [
            {"key": "issuer", "algorithm": "RS256", "public_key": public(RSA)},
            {"key": "published", "algorithm": "HS256", "secret": SECRET},
        ]
    )


def user_claims(**changes: Any) -> dict[str, Any]:
    usual = {"key": "issuer", "user_id": ALICE, "username": "alice", "exp": seconds(3600)}
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def user_jwt(signer: Any = RSA, algorithm: str = "RS256", /, **changes: Any) -> str:
    return jwt.encode(user_claims(**changes), signer, algorithm=algorithm)


def test_each_issuers_token_is_read(users: UserTokenVerifier) -> None:
    assert users.verify(user_jwt())["username"] == "alice"
    assert users.verify(user_jwt(SECRET, "HS256", key="published"))["user_id"] == ALICE


def test_claims_are_not_shared_between_callers(users: UserTokenVerifier) -> None:
    token = user_jwt()
    users.verify(token)["roles"] = ["ADMIN"]

    assert "roles" not in users.verify(token)


BAD_USER_TOKENS: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "expired": lambda: user_jwt(exp=seconds(-1)),
    "expired this second": lambda: user_jwt(exp=seconds()),
    "without an end": lambda: user_jwt(exp=...),
    "never ending": lambda: user_jwt(exp=2**60),
    "ending as text": lambda: user_jwt(exp="9999999999"),
    "ending at NaN": lambda: user_jwt(exp=float("nan")),
    "ending at infinity": lambda: user_jwt(exp=float("inf")),
    "ending as true": lambda: user_jwt(exp=True),
    "not yet good": lambda: user_jwt(nbf=seconds(60)),
    "of no known key": lambda: user_jwt(key="someone"),
    "without a key": lambda: user_jwt(key=...),
    "with a key that is a list": lambda: user_jwt(key=["issuer"]),
    "signed by someone else": lambda: user_jwt(OTHER_RSA),
    "unsigned": lambda: unsigned({"alg": "none"}, user_claims()),
    "unsigned, in capitals": lambda: unsigned({"alg": "NONE"}, user_claims()),
    "unsigned but claiming RS256": lambda: unsigned({"alg": "RS256"}, user_claims()),
    "confused: HMAC with the public key": lambda: hmac_with(public(RSA), user_claims()),
    "confused: HMAC with the public key, stripped": lambda: hmac_with(public(RSA).strip(), user_claims()),
    "the other issuer's secret, this issuer's key": lambda: user_jwt(SECRET, "HS256"),
    "this issuer's key, the other issuer's name": lambda: user_jwt(key="published"),
    "a stronger hash than pinned": lambda: user_jwt(RSA, "RS512"),
    "another HMAC than pinned": lambda: user_jwt(SECRET + SECRET, "HS512", key="published"),
    "elliptic": lambda: user_jwt(ec.generate_private_key(ec.SECP256R1()), "ES256"),
    "a key of its own in the header": lambda: jwt.encode(
        user_claims(), OTHER_RSA, algorithm="RS256", headers={"jwk": {"kty": "RSA"}, "kid": "issuer"}
    ),
    "critical extensions": lambda: jwt.encode(
        user_claims(), RSA, algorithm="RS256", headers={"crit": ["x"], "x": 1}
    ),
    "huge": lambda: user_jwt(x="x" * 20000),
    "with a space": lambda: " " + user_jwt(),
    "with a signature cut": lambda: user_jwt()[:-10],
}


@pytest.mark.parametrize("name", BAD_USER_TOKENS)
def test_a_bad_user_token_is_refused(users: UserTokenVerifier, name: str) -> None:
    with pytest.raises(TokenInvalid) as refused:
        users.verify(BAD_USER_TOKENS[name]())

    # Why is nobody's business: the answer is the same for each.
    assert (refused.value.fields, refused.value.data) == ({}, None)


def test_a_remembered_user_token_ends_when_it_says(users: UserTokenVerifier, time: FrozenClock) -> None:
    token = user_jwt(exp=seconds(10))
    users.verify(token)
    time.move(seconds=9)
    users.verify(token)
    time.move(seconds=1)

    with pytest.raises(TokenInvalid):
        users.verify(token)


def test_the_claim_that_names_the_key_can_be_another() -> None:
    rows = [{"key": "issuer", "algorithm": "RS256", "public_key": public(RSA)}]
    users = UserTokenVerifier(rows, "consumer")

    assert users.verify(user_jwt(key=..., consumer="issuer"))["user_id"] == ALICE
    with pytest.raises(TokenInvalid):
        users.verify(user_jwt())


@pytest.mark.parametrize(
    "claims",
    [
        {"user_uuid": ALICE, "user_id": "x", "sub": "y"},
        {"user_id": ALICE, "sub": "y"},
        {"sub": ALICE},
        {"user_uuid": None, "sub": ALICE.replace("-", "")},
    ],
)
def test_a_person_is_the_first_claim_there_is(claims: dict[str, Any]) -> None:
    assert user_uuid_of(claims) == UUID(ALICE)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"user_id": 7},
        {"user_id": ""},
        {"user_id": "alice"},
        {"user_id": {"$ne": 1}},
        {"user_uuid": "not-one", "user_id": ALICE},
        {"user_id": f"{{{ALICE}}}"},
        {"user_id": f"urn:uuid:{ALICE}"},
        {"user_id": "０" * 36},
    ],
)
def test_someone_without_a_uuid_is_nobody(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        user_uuid_of(claims)


# --- memory of verified tokens ------------------------------------------------------------------


def test_a_token_is_verified_once_and_refusals_are_not_remembered() -> None:
    memory, asked = VerifiedTokens(), []

    def verify(token: str) -> tuple[float, str]:
        asked.append(token)
        if token == "bad":
            raise TokenInvalid
        return seconds(60), token

    for token in ("good", "good", "bad", "bad"):
        try:
            memory.get_or_verify(token, verify)
        except TokenInvalid:
            pass

    assert asked == ["good", "bad", "bad"]
    assert len(memory) == 1


def test_the_memory_is_bounded_and_forgets_the_least_used() -> None:
    memory, asked = VerifiedTokens(size=2), []

    def verify(token: str) -> tuple[float, str]:
        asked.append(token)
        return clock.now().timestamp() + timedelta(minutes=1).total_seconds(), token

    for token in ("a", "b", "a", "c", "a", "b"):
        memory.get_or_verify(token, verify)

    assert asked == ["a", "b", "c", "b"]
    assert len(memory) == 2
