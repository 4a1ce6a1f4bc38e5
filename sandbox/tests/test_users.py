"""UserService: log-ins, both shapes of token, and what is said about people."""

import jwt
import pytest
import requests
from users.people import ALICE, NINA, OLIVE, PASSWORD

from common.embedded import embedded_environment
from tests.live import Live


def login(live: Live, email: str, password: str = PASSWORD, query: str = "") -> requests.Response:
    body = {"email": email, "password": password}
    return requests.post(f"{live.user}/api/v1/auth/login-with-password/{query}", json=body, timeout=10)


def claims_of(live: Live, token: str) -> dict:
    """Verified with the key the services are given for the token's `key` claim, and its pinned algorithm."""
    import json

    keys = json.loads(embedded_environment(live.var_dir, "OrderService")["JWT_KEYS"])
    name = jwt.decode(token, options={"verify_signature": False})["key"]
    key = next(entry for entry in keys if entry["key"] == name)
    secret = key.get("public_key") or key["secret"]
    return jwt.decode(token, secret, algorithms=[key["algorithm"]], options={"require": ["exp"]})


def test_alice_logs_in_and_the_services_can_verify_her_token(live: Live) -> None:
    answer = login(live, "alice@example.com").json()
    assert answer.keys() == {"success", "access_token", "user_id", "username", "privilege"}
    assert (answer["success"], answer["user_id"], answer["privilege"]) == (True, str(ALICE.user_id), 0)
    claims = claims_of(live, answer["access_token"])
    assert claims["user_id"] == str(ALICE.user_id)
    assert (claims["username"], claims["key"]) == ("Alice", "cfmp-sandbox")
    assert "roles" not in claims


def test_olive_is_an_administrator(live: Live) -> None:
    answer = login(live, "olive@example.com").json()
    assert answer["privilege"] == 1
    assert claims_of(live, answer["access_token"])["roles"] == ["ADMIN"]


def test_the_published_issuer_says_no_roles_and_signs_hs256(live: Live) -> None:
    token = login(live, "olive@example.com", query="?issuer=published").json()["access_token"]
    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    claims = claims_of(live, token)
    assert claims.keys() == {"user_id", "username", "key", "exp"}
    assert claims["key"] == "cfmp-hs256"


@pytest.mark.parametrize(
    ("email", "password"), [("alice@example.com", "wrong"), ("no@example.com", PASSWORD)]
)
def test_a_wrong_log_in_is_refused(live: Live, email: str, password: str) -> None:
    answer = login(live, email, password)
    assert answer.status_code == 401
    assert answer.json()["success"] is False
    assert "access_token" not in answer.json()


@pytest.mark.parametrize("path", ["/api/v1/user/", "/api/users/"])
def test_people_are_described_under_both_documented_paths(live: Live, path: str) -> None:
    answer = requests.get(f"{live.user}{path}{ALICE.user_id}/", timeout=10).json()
    assert answer["user_id"] == str(ALICE.user_id)
    assert (answer["username"], answer["email"], answer["privilege"]) == ("Alice", "alice@example.com", 0)
    assert answer["created_at"] == "2025-01-15T02:00:00Z"
    assert "password" not in answer


def test_ninas_account_is_always_new(live: Live) -> None:
    created = requests.get(f"{live.user}/api/v1/user/{NINA.user_id}/", timeout=10).json()["created_at"]
    assert created > "2026"


def test_unknown_people_are_404(live: Live) -> None:
    answer = requests.get(f"{live.user}/api/v1/user/01900000-0000-7000-8000-00000000ffff/", timeout=10)
    assert answer.status_code == 404


def verify(live: Live, token: str) -> requests.Response:
    return requests.post(f"{live.user}/api/auth/verify-token/", json={"token": token}, timeout=10)


@pytest.mark.parametrize("query", ["", "?issuer=published"])
def test_a_token_is_verified_until_it_is_taken_back(live: Live, query: str) -> None:
    token = login(live, "olive@example.com", query=query).json()["access_token"]
    assert verify(live, token).json()["privilege"] == OLIVE.privilege
    bearer = {"Authorization": f"Bearer {token}"}
    assert requests.post(f"{live.user}/api/v1/auth/logout/", headers=bearer, timeout=10).ok
    assert verify(live, token).status_code == 401


def test_forged_tokens_do_not_verify(live: Live) -> None:
    token = login(live, "alice@example.com").json()["access_token"]
    header, body, _ = token.split(".")
    claims = {"user_id": str(ALICE.user_id), "exp": 4102444800}
    # The RSA public key as an HMAC secret, `none`, and a body whose signature belongs to another.
    public = claims_key(live)
    for forged in (
        jwt.encode(claims, "x" * 40, algorithm="HS256"),
        jwt.encode(claims, None, algorithm="none"),
        f"{header}.{body}.AAAA",
        _confused(claims, public),
        "",
        "not.a.token",
    ):
        assert verify(live, forged).status_code == 401, forged


def claims_key(live: Live) -> str:
    import json

    keys = json.loads(embedded_environment(live.var_dir, "OrderService")["JWT_KEYS"])
    return str(next(entry["public_key"] for entry in keys if entry["algorithm"] == "RS256"))


def _confused(claims: dict, public_key: str) -> str:
    """HS256 over the public key: PyJWT refuses to make one, so it is made by hand."""
    import base64
    import hashlib
    import hmac
    import json

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = (
        f"{part(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode())}.{part(json.dumps(claims).encode())}"
    )
    return f"{signed}.{part(hmac.new(public_key.encode(), signed.encode(), hashlib.sha256).digest())}"
