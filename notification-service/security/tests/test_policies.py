"""Policies: everybody sees which are on, administrators switch them, every change is written down."""

import pytest

from common.testing.race import race
from security.models import PolicyChange, SecurityPolicy, SecurityPosture
from security.services.switch import policies_switch
from security.states import SecurityLevel

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies")]
LIST = "/api/security/policies/"
UPDATE = "/api/security/policies/update/"


def enabled(policy_id):
    return SecurityPolicy.objects.get(pk=policy_id).is_enabled


def test_everybody_sees_the_switches_and_nobody_the_thresholds(api, mallory):
    said = api(mallory).get(LIST).json()["data"]

    assert said["security_level"] == "medium"
    assert len(said["policies"]) == 13
    assert set(said["policies"][0]) == {
        "policy_id", "policy_name", "policy_description", "is_enabled", "severity",
    }  # fmt: skip
    assert "20000" not in str(said)


def test_names_in_both_languages(api, alice):
    zh = api(alice).get(LIST).json()["data"]["policies"][0]
    en = api(alice, **{"Accept-Language": "en"}).get(LIST).json()["data"]["policies"][0]

    assert (zh["policy_name"], en["policy_name"]) == ("大额支付复核", "High amount")


def test_an_administrator_switches(api, olive):
    answer = api(olive).put(
        UPDATE, {"security_level": "high", "policies": [{"policy_id": 1, "is_enabled": False}]}
    )

    assert answer.status_code == 200
    said = answer.json()["data"]
    assert (said["security_level"], said["policies"][0]["is_enabled"]) == ("high", False)
    changes = {change.policy_id: change for change in PolicyChange.objects.all()}
    assert changes[None].before == {"security_level": "medium"}
    assert changes[1].after == {"is_enabled": False}
    assert {change.actor for change in changes.values()} == {f"user:{olive.uuid}"}
    assert all(change.request_id for change in changes.values())


def test_a_threshold_is_tuned(api, olive):
    api(olive).put(UPDATE, {"policies": [{"policy_id": 2, "parameters": {"amount": "60000.00"}}]})

    policy = SecurityPolicy.objects.get(pk=2)
    assert (policy.parameters, policy.is_enabled, policy.version) == ({"amount": "60000.00"}, True, 2)
    assert PolicyChange.objects.get().before == {"parameters": {"amount": "50000.00"}}


def test_switching_to_what_is_already_so_writes_nothing_down(api, olive):
    api(olive).put(UPDATE, {"security_level": "medium", "policies": [{"policy_id": 1, "is_enabled": True}]})

    assert not PolicyChange.objects.exists()
    assert SecurityPolicy.objects.get(pk=1).version == 1


@pytest.mark.parametrize(
    "body, status",
    [
        ({"policies": [{"policy_id": 1, "is_enabled": False}, {"policy_id": 999, "is_enabled": False}]}, 404),
        ({"policies": [{"policy_id": 1, "is_enabled": False}, {"policy_id": 2, "parameters": {}}]}, 400),
        ({"policies": [{"policy_id": 1, "is_enabled": False}], "security_level": "extreme"}, 400),
        ({"policies": [{"policy_id": 1, "is_enabled": False}, {"is_enabled": False}]}, 400),
        ({"policies": [{"policy_id": 1, "is_enabled": "maybe"}]}, 400),
        ({"policies": {"policy_id": 1}}, 400),
        ({"policies": [{"policy_id": 0, "is_enabled": False}]}, 400),
        ({"policies": [{"policy_id": 2**31, "is_enabled": False}]}, 400),
        ({}, 400),
    ],
)
def test_all_of_it_or_nothing(api, olive, body, status):
    assert api(olive).put(UPDATE, body).status_code == status

    assert enabled(1) is True
    assert SecurityPosture.objects.get().security_level == "medium"
    assert not PolicyChange.objects.exists()


@pytest.mark.parametrize("person, status", [("alice", 403), ("bob", 403), ("mallory", 403), (None, 401)])
def test_only_administrators_switch(api, request, person, status):
    client = api(request.getfixturevalue(person) if person else None)

    answer = client.put(UPDATE, {"policies": [{"policy_id": 1, "is_enabled": False}]})

    assert answer.status_code == status
    assert enabled(1) is True


@pytest.mark.django_db(transaction=True)
def test_two_administrators_at_once_leave_a_true_record():
    from common.errors import Conflict

    def switch(amount):
        policies_switch(
            level=None, changes=[{"policy_id": 2, "parameters": {"amount": amount}}], actor=amount
        )

    said = race([lambda amount=f"{50001 + number}.00": switch(amount) for number in range(6)])

    assert {type(one) for one in said} <= {type(None), Conflict}
    changes = list(PolicyChange.objects.order_by("id"))
    assert len(changes) == said.count(None)
    policy = SecurityPolicy.objects.get(pk=2)
    assert policy.version == 1 + len(changes)
    # Each change starts from where the one before it ended.
    steps = {
        change.before["parameters"]["amount"]: change.after["parameters"]["amount"] for change in changes
    }
    amount = "50000.00"
    for _ in range(len(steps)):
        amount = steps[amount]
    assert policy.parameters["amount"] == amount


def test_the_level_is_one_of_three():
    assert {level.value for level in SecurityLevel} == {"low", "medium", "high"}


def test_budget(api, alice, count_sql):
    with count_sql() as log:
        api(alice).get(LIST)

    assert log.count == 2, log
