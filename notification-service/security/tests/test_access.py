"""Who may: every path of risk control × method × caller, in one table."""

from decimal import Decimal

import pytest
from django.urls import get_resolver

from common.ids import new_uuid
from security.models import RiskAssessment, SecurityPolicy
from security.selectors import Attempt
from security.services.evaluate import assessment_evaluate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies")]

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
USERS = (200, 200, 200, 200, 401, 401, 401, 401)
ADMINS = (403, 403, 403, 200, 401, 401, 401, 401)
TABLE = {
    "/api/security/risk-assessment/": {"POST": USERS},
    "/api/security/fraud-detection/": {"POST": USERS},
    "/api/security/policies/": {"GET": USERS},
    "/api/security/policies/update/": {"PUT": ADMINS},
    "/api/security/assessments/": {"GET": ADMINS},
    "/api/security/assessments/{assessment_uuid}/decide/": {"POST": ADMINS},
    "/api/internal/risk/evaluate/": {"POST": (401, 401, 401, 401, 401, 403, 200, 403)},
}
BODIES = {
    "/api/security/risk-assessment/": {"amount": "1.00"},
    "/api/security/fraud-detection/": {"amount": "1.00"},
    "/api/security/policies/update/": {"policies": [{"policy_id": 1, "is_enabled": False}]},
    "/api/security/assessments/{assessment_uuid}/decide/": {"decision": "release", "reason": "x"},
    "/api/internal/risk/evaluate/": {
        "payment_uuid": "01900000-0000-7000-8000-0000000000b1",
        "order_uuid": "01900000-0000-7000-8000-0000000000a1",
        "user_uuid": "01900000-0000-7000-8000-00000000a11c",
        "amount": "299.00",
    },
}


@pytest.mark.parametrize("path", TABLE)
@pytest.mark.parametrize("method", METHODS)
def test_who_may(api, service_api, request, alice, path, method):
    statuses = TABLE[path].get(method, (405,) * len(CALLERS))

    for caller, expected in zip(CALLERS, statuses, strict=True):
        RiskAssessment.objects.all().delete()
        case = assessment_evaluate(
            payment_uuid=new_uuid(),
            attempt=Attempt(user_uuid=alice.uuid, amount=Decimal("52000.00"), order_uuid=new_uuid()),
        )
        SecurityPolicy.objects.update(is_enabled=True)
        before = list(RiskAssessment.objects.values())
        if caller == "nobody":
            client = api()
        else:
            person = None if caller.endswith("Service") else request.getfixturevalue(caller)
            client = api(person) if person else service_api(caller)

        address = path.format(assessment_uuid=case.assessment_uuid)
        answer = client.request(method, address, BODIES.get(path))

        assert answer.status_code == expected, (caller, answer.content)
        if expected >= 400:
            assert answer.json()["name"] and answer.json()["request_id"], caller
            assert list(RiskAssessment.objects.values()) == before, caller
            assert not SecurityPolicy.objects.filter(is_enabled=False).exists(), caller


def test_the_table_holds_every_path_of_the_app():
    routes = {
        f"/{pattern.pattern}"
        for resolver in get_resolver().url_patterns
        if getattr(getattr(resolver, "urlconf_name", None), "__name__", "") == "security.urls"
        for pattern in resolver.url_patterns
        if pattern.name
    }

    assert {route.replace("<uuid:assessment_uuid>", "{assessment_uuid}") for route in routes} == set(TABLE)
