"""Nobody's business: every path × method × caller, in one table. Alice owns the message that is named."""

import pytest
from django.urls import get_resolver

from common.testing.people import mint_user_token
from notification.models import Notification

pytestmark = pytest.mark.django_db

BODY = {
    "user_uuid": "01900000-0000-7000-8000-00000000a11c",
    "type": 0,
    "title": "t",
    "content": "c",
    "related_id": "r",
}
EVENT = {
    "event_id": "01900000-0000-7000-8000-0000000000e1",
    "type": "order.shipped.v1",
    "aggregate_id": "01900000-0000-7000-8000-0000000000a1",
    "version": 1,
    "occurred_at": "2026-11-21T01:00:00Z",
    "data": {"buyer_uuid": BODY["user_uuid"], "order_id": "CFMP2026112112345678"},
}
CALLERS = (
    "alice",
    "bob",
    "mallory",
    "olive",
    "nobody",
    "OrderService",
    "PaymentService",
    "NotificationService",
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# path -> method -> status per caller, in the order of CALLERS; a method that is missing is 405 for everybody.
OWN = (200, 404, 404, 404, 401, 401, 401, 401)
USERS = (200, 200, 200, 200, 401, 401, 401, 401)
TABLE = {
    "/api/notifications/": {
        "GET": (200, 200, 200, 200, 401, 400, 400, 403),
        "POST": (403, 403, 403, 403, 401, 200, 200, 403),
    },
    "/api/notifications/{id}/": {"GET": OWN, "DELETE": OWN},
    "/api/notifications/detail/{id}/": {"GET": OWN, "DELETE": OWN},
    "/api/notifications/{id}/read/": {"POST": OWN, "PUT": OWN, "PATCH": OWN},
    "/api/notifications/read-all/": {"POST": USERS, "PUT": USERS, "PATCH": USERS},
    "/api/notifications/unread-count/": {"GET": USERS},
    "/api/notifications/preferences/": {"GET": USERS, "PUT": USERS},
    "/api/internal/notifications/create/": {"POST": (401, 401, 401, 401, 401, 200, 200, 403)},
    "/event/inbox": {"POST": (401, 401, 401, 401, 401, 200, 403, 403)},
}
BODIES = {
    ("POST", "/api/notifications/"): BODY,
    ("POST", "/api/internal/notifications/create/"): BODY,
    ("PUT", "/api/notifications/preferences/"): {"promotion": True},
    ("POST", "/event/inbox"): EVENT,
}


@pytest.fixture
def client_of(api, service_api, request):
    def client(caller):
        if caller == "nobody":
            return api()
        return service_api(caller) if caller.endswith("Service") else api(request.getfixturevalue(caller))

    return client


@pytest.mark.parametrize("path", TABLE)
@pytest.mark.parametrize("method", METHODS)
def test_who_may(client_of, write, alice, path, method):
    statuses = TABLE[path].get(method, (405,) * len(CALLERS))

    for caller, expected in zip(CALLERS, statuses, strict=True):
        Notification.objects.all().delete()
        made = write(alice)
        before = list(Notification.objects.values())

        answer = client_of(caller).request(method, path.format(**made), BODIES.get((method, path)))

        assert answer.status_code == expected, (caller, answer.content)
        if expected >= 400:
            assert answer.json()["name"] and answer.json()["request_id"], caller
            assert list(Notification.objects.values()) == before, caller


def test_the_table_holds_every_path_of_the_app():
    routes = {
        f"/{pattern.pattern}"
        for resolver in get_resolver().url_patterns
        if getattr(resolver, "urlconf_name", None) is not None
        and getattr(resolver.urlconf_name, "__name__", "") == "notification.urls"
        for pattern in resolver.url_patterns
        if pattern.name
    }
    named = {route.replace("<notification:notification>", "{id}") for route in routes}

    assert named == set(TABLE)


def test_unknown_and_not_yours_look_the_same(api, mallory, alice, write):
    made = write(alice)

    foreign = api(mallory).get(f"/api/notifications/{made['id']}/").json()
    unknown = api(mallory).get("/api/notifications/12345/").json()

    assert {**foreign, "request_id": ""} == {**unknown, "request_id": ""}


def test_mallorys_writes_move_nothing_of_alices(api, alice, mallory, write):
    made = write(alice)
    before = Notification.objects.values().get()

    api(mallory).patch("/api/notifications/read-all/")
    for method in ("POST", "PUT", "PATCH"):
        assert api(mallory).request(method, f"/api/notifications/{made['id']}/read/").status_code == 404
    assert api(mallory).delete(f"/api/notifications/{made['id']}/").status_code == 404

    assert Notification.objects.values().get() == before
    assert api(alice).get("/api/notifications/unread-count/").json()["unread_count"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"UUID": "01900000-0000-7000-8000-00000000a11c"},
        {"X-User-UUID": "01900000-0000-7000-8000-00000000a11c"},
        {"X-Consumer-Username": "alice"},
        {"X-Service-Authorization": "Bearer OrderService"},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Basic YWxpY2U6"},
    ],
)
def test_headers_that_prove_nothing(api, headers):
    assert api(None, **headers).get("/api/notifications/").status_code == 401


@pytest.mark.parametrize(
    "claims",
    [{"exp": 1}, {"exp": None}, {"user_uuid": None, "user_id": None, "sub": None}, {"user_uuid": "alice"}],
)
def test_tokens_that_do_not_hold(api, alice, claims):
    token = mint_user_token(alice, **claims)

    assert api(None, Authorization=f"Bearer {token}").get("/api/notifications/").status_code == 401


def test_the_published_issuers_token_is_good(api, alice, write):
    write(alice)
    token = mint_user_token(alice, key="cfmp-hs256")

    assert api(None, Authorization=f"Bearer {token}").get("/api/notifications/").json()["count"] == 1


def test_somebody_elses_uuid_header_beside_a_good_token_means_nothing(api, alice, mallory, write):
    write(alice)

    said = api(mallory, UUID=str(alice.uuid), **{"X-User-UUID": str(alice.uuid)}).get("/api/notifications/")

    assert said.json()["count"] == 0
