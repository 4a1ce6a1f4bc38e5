"""Who is let in: people by their tokens, siblings by theirs, nobody by a bare header."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings

from common import tracing
from common.errors import PeerUnavailable
from common.testing.people import JWT_HS256_KEY, JWT_KEY, mint_user_token
from common.testing.service_tokens import service_token
from common.web import authentication, principal, privileges

Api = Callable[..., Any]
USER = "/api/v1/user/"
WHO, OPTIONAL, ADMIN = "/api/orders/who/", "/shopping/who", "/payments/who"
INTERNAL, EITHER = "/api/orders/internal/who/", "/api/orders/either/"


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    privileges.forget()


def user_service_says(fake_transport: Any, person: Any, **fields: Any) -> None:
    answer = {"user_id": str(person.uuid), "username": person.username, **fields}
    fake_transport.on("GET", "UserService", f"{USER}{person.uuid}/", json=answer)


def refused(answer: Any, status: int, name: str) -> bool:
    assert (answer.status_code, answer.json()["name"]) == (status, name)
    return answer["WWW-Authenticate"] == "Bearer" if status == 401 else True


# People


def test_a_person_is_known_by_the_token(api: Api, alice: Any) -> None:
    answer = api(alice).get(WHO)

    assert answer.json()["data"] == {"user_uuid": str(alice.uuid), "actor": f"user:{alice.uuid}"}


def test_the_published_issuer_is_known_too(api: Api, alice: Any) -> None:
    token = mint_user_token(alice, key=JWT_HS256_KEY)

    assert api().get(WHO, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_the_mobile_clients_header_carries_a_token(api: Api, alice: Any) -> None:
    answer = api().get(WHO, headers={"x-cloudmall-access-token": alice.token})

    assert answer.json()["data"]["user_uuid"] == str(alice.uuid)


def test_nobody_is_asked_to_log_in(api: Api) -> None:
    assert refused(api().get(WHO), 401, "AuthenticationRequired")


@pytest.mark.parametrize(
    "header", ["UUID", "X-User-UUID", "X-User-Id", "X-Consumer-Username", "X-Forwarded-User"]
)
def test_a_bare_header_means_nothing(api: Api, alice: Any, header: str) -> None:
    assert refused(api().get(WHO, headers={header: str(alice.uuid)}), 401, "AuthenticationRequired")


@pytest.mark.parametrize("path", [WHO, OPTIONAL, ADMIN, EITHER])
@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer " + "x" * 9000, "token", "Bearer é"]
)
def test_a_malformed_token_is_refused(api: Api, path: str, header: str) -> None:
    assert refused(api().get(path, headers={"Authorization": header}), 401, "TokenInvalid")


def expired(person: Any) -> str:
    return mint_user_token(person, lifetime=timedelta(seconds=-1))


def without_exp(person: Any) -> str:
    return mint_user_token(person, exp=None)


def unsigned(person: Any) -> str:
    return jwt.encode(
        {"user_uuid": str(person.uuid), "key": JWT_KEY, "exp": 9999999999}, None, algorithm="none"
    )


def confused(person: Any) -> str:
    """HS256 signed with the RS256 issuer's public key: the classic confusion of algorithms."""
    public = next(row["public_key"] for row in django_settings.CFMP.jwt_keys if row["key"] == JWT_KEY)
    head, body = (
        _segment(part)
        for part in (
            {"alg": "HS256", "typ": "JWT"},
            {"user_uuid": str(person.uuid), "key": JWT_KEY, "exp": 9999999999},
        )
    )
    # By hand: the library refuses to sign with a public key.
    signature = hmac.new(public.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _segment(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def foreign(person: Any) -> str:
    body = {"user_uuid": str(person.uuid), "key": JWT_HS256_KEY, "exp": 9999999999}
    return jwt.encode(body, "somebody else's secret of enough length", algorithm="HS256")


def unknown_key(person: Any) -> str:
    body = {"user_uuid": str(person.uuid), "key": "another", "exp": 9999999999}
    return jwt.encode(body, "somebody else's secret of enough length", algorithm="HS256")


def without_user(person: Any) -> str:
    return mint_user_token(person, user_uuid=None, user_id=None)


def not_a_uuid(person: Any) -> str:
    return mint_user_token(person, user_uuid="7", user_id="7")


def a_siblings(person: Any) -> str:
    return service_token("PaymentService", "OrderService")


@pytest.mark.parametrize("path", [WHO, OPTIONAL, ADMIN, EITHER])
@pytest.mark.parametrize(
    "forge",
    [expired, without_exp, unsigned, confused, foreign, unknown_key, without_user, not_a_uuid, a_siblings],
)
def test_a_token_that_is_not_good_is_refused(
    api: Api, alice: Any, path: str, forge: Callable[[Any], str]
) -> None:
    answer = api().get(path, headers={"Authorization": f"Bearer {forge(alice)}"})

    assert refused(answer, 401, "TokenInvalid")


def test_optional_paths_take_nobody_but_no_bad_token(api: Api, alice: Any) -> None:
    assert api(alice).get(OPTIONAL).json()["data"]["kind"] == "user"
    nobody = api().get(OPTIONAL, headers={"x-cloudmall-anonymous-user-key": "device-7"})
    assert nobody.json()["data"] == {"kind": "anonymous", "anonymous_key": "device-7"}


# Administrators


def test_the_role_makes_an_administrator_without_asking(api: Api, olive: Any, fake_transport: Any) -> None:
    assert api(olive).get(ADMIN).status_code == 200
    assert fake_transport.calls == []


def test_a_token_with_other_roles_is_not_asked_about(api: Api, mallory: Any, fake_transport: Any) -> None:
    token = mint_user_token(mallory, roles=["buyer", "ADMINISTRATOR"])

    assert refused(api().get(ADMIN, headers={"Authorization": f"Bearer {token}"}), 403, "PermissionRefused")
    assert fake_transport.calls == []


def test_a_token_without_roles_is_asked_about_once_a_minute(
    api: Api, olive: Any, fake_transport: Any
) -> None:
    user_service_says(fake_transport, olive, privilege=1)
    token = mint_user_token(olive, key=JWT_HS256_KEY)

    for _ in range(3):
        assert api().get(ADMIN, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert len(fake_transport.calls) == 1


@pytest.mark.parametrize("privilege", [0, 2, True, "1", None, 1.0])
def test_only_privilege_one_is_an_administrator(
    api: Api, mallory: Any, fake_transport: Any, privilege: Any
) -> None:
    user_service_says(fake_transport, mallory, privilege=privilege)

    assert refused(api(mallory).get(ADMIN), 403, "PermissionRefused")


def test_an_unknown_person_is_no_administrator(api: Api, mallory: Any, fake_transport: Any) -> None:
    fake_transport.on("GET", "UserService", f"{USER}{mallory.uuid}/", json={"message": "?"}, status=404)

    assert refused(api(mallory).get(ADMIN), 403, "PermissionRefused")


def test_nobody_is_let_in_while_user_service_is_silent(api: Api, mallory: Any, fake_transport: Any) -> None:
    fake_transport.fail("UserService", error=PeerUnavailable)

    assert refused(api(mallory).get(ADMIN), 503, "PeerUnavailable")


def test_ordinary_paths_never_ask(api: Api, alice: Any, fake_transport: Any) -> None:
    api(alice).get(WHO)

    assert fake_transport.calls == []


# Siblings


def test_a_named_sibling_is_let_in(service_api: Api) -> None:
    assert service_api("PaymentService").get(INTERNAL).json()["data"] == {"service": "PaymentService"}


def test_another_sibling_is_not(service_api: Api) -> None:
    for path in (INTERNAL, EITHER):
        assert refused(service_api("NotificationService").get(path), 403, "PermissionRefused")


def test_people_do_not_enter_by_the_service_door(api: Api, alice: Any, olive: Any) -> None:
    for person in (alice, olive):
        assert refused(api(person).get(INTERNAL), 401, "AuthenticationRequired")
        as_service = {"X-Service-Authorization": f"Bearer {person.token}"}
        assert refused(api().get(INTERNAL, headers=as_service), 401, "TokenInvalid")


def test_a_token_for_another_service_is_refused(api: Api) -> None:
    token = service_token("PaymentService", "NotificationService")

    answer = api().get(INTERNAL, headers={"X-Service-Authorization": f"Bearer {token}"})

    assert refused(answer, 401, "TokenInvalid")


def test_a_sibling_whose_token_is_not_good_is_counted_and_to_come_back(api: Api, counted: Any) -> None:
    """It would otherwise take the refusal for a decision: of a refund, of a payment."""
    counted("service_tokens_refused_total", reason="token")
    bad = {"X-Service-Authorization": f"Bearer {service_token('PaymentService', 'UserService')}"}

    answer = api().get(INTERNAL, headers=bad)

    assert answer.headers["Retry-After"] == "30"
    assert counted("service_tokens_refused_total", reason="token") == 1
    assert "Retry-After" not in api().get(WHO, headers={"Authorization": "Bearer a.b.c"}).headers


def test_a_shared_path_takes_people_and_siblings(api: Api, service_api: Api, alice: Any) -> None:
    assert api(alice).get(EITHER).json()["data"] == {"actor": f"user:{alice.uuid}"}
    assert service_api("PaymentService").get(EITHER).json()["data"] == {"actor": "service:PaymentService"}
    assert refused(api().get(EITHER), 401, "AuthenticationRequired")


def test_a_bad_service_token_is_not_saved_by_a_good_user_token(api: Api, alice: Any) -> None:
    answer = api(alice).get(EITHER, headers={"X-Service-Authorization": "Bearer a.b.c"})

    assert refused(answer, 401, "TokenInvalid")


# Revocation


@pytest.fixture
def remote(set_live: Any) -> None:
    set_live(auth_verify="remote")


def test_a_revoked_token_is_refused_when_asked_remotely(
    api: Api, alice: Any, fake_transport: Any, remote: None
) -> None:
    fake_transport.on("POST", "UserService", "/api/auth/verify-token/", json={"success": False}, status=401)

    assert refused(api(alice).get(WHO), 401, "TokenInvalid")


def test_a_living_token_is_asked_about_and_briefly_remembered(
    api: Api, alice: Any, fake_transport: Any, remote: None
) -> None:
    fake_transport.on("POST", "UserService", "/api/auth/verify-token/", json={"success": True})
    caller = api(alice)

    assert [caller.get(WHO).status_code for _ in range(3)] == [200, 200, 200]
    assert len(fake_transport.calls) == 1


# What others read of it


def test_a_principal_never_shows_its_token(alice: Any) -> None:
    someone = principal.Principal(kind="user", user_uuid=alice.uuid, token="eyJ.secret.token")

    assert "secret" not in repr(someone)
    assert str(alice.uuid) in repr(someone)


@pytest.mark.parametrize("scope", ["payment:read payment:write", ["payment:read"], ("payment:read",)])
def test_scopes_come_as_text_or_list(alice: Any, scope: Any) -> None:
    someone = principal.from_user_claims({"scope": scope}, user_uuid=alice.uuid, token="")

    assert someone.has_scope("payment:read")
    assert not someone.has_scope("payment")


@pytest.mark.parametrize("roles", [{"ADMIN": 1}, 1, None, [["ADMIN"]], "admin"])
def test_roles_of_a_strange_form_grant_nothing(alice: Any, roles: Any, fake_transport: Any) -> None:
    someone = principal.from_user_claims({"roles": roles}, user_uuid=alice.uuid, token="")

    assert not someone.is_admin
    assert fake_transport.calls == []


def test_two_anonymous_shoppers_do_not_share_idempotency_keys() -> None:
    one = principal.Principal(kind="anonymous", anonymous_key="a")
    other = principal.Principal(kind="anonymous", anonymous_key="b")

    assert one.scope_key != other.scope_key


def test_the_callers_name_is_gone_after_the_request(api: Api, alice: Any) -> None:
    api(alice).get(WHO)

    assert tracing.current().actor == ""


def test_verifiers_are_made_once() -> None:
    assert authentication.user_verifier() is authentication.user_verifier()
