"""First the race with the guard off, then closed: a user's payments at once, against a velocity limit.

SQLite runs one writing transaction at a time, so the unguarded race shows itself on MariaDB alone.
"""

import threading
from decimal import Decimal

import pytest
from django.db import connection

from common.ids import new_uuid
from common.testing.race import race
from common.transactions import in_transaction
from security.models import RiskAssessment, SecurityPolicy
from security.rules import judge
from security.selectors import Attempt, facts_of, rules_in_force
from security.services.evaluate import assessment_evaluate
from security.states import Outcome

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("policies")]
LIMIT, TRIES = 3, 8


@pytest.fixture(autouse=True)
def three_in_ten_minutes(policies):
    SecurityPolicy.objects.filter(pk=4).update(parameters={"window_seconds": 600, "limit": LIMIT})


def attempt(user):
    return Attempt(user_uuid=user.uuid, amount=Decimal("299.00"), order_uuid=new_uuid())


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite never has two writers at once")
@pytest.mark.breaks_invariants
def test_without_queueing_up_they_all_slip_under_the_limit(alice):
    counted = threading.Barrier(TRIES)

    def unguarded():
        rules, level = rules_in_force()
        one = attempt(alice)
        verdict = judge(facts_of(one, rules), rules, level)
        counted.wait(timeout=20)
        return RiskAssessment.objects.create(
            payment_uuid=new_uuid(),
            order_uuid=one.order_uuid,
            user_uuid=one.user_uuid,
            amount=one.amount,
            outcome=verdict.outcome,
        )

    made = race([lambda: in_transaction(unguarded)] * TRIES)

    assert [one.outcome for one in made] == [Outcome.APPROVE] * TRIES


def test_queueing_up_lets_exactly_the_limit_through(alice):
    made = race([lambda: assessment_evaluate(payment_uuid=new_uuid(), attempt=attempt(alice))] * TRIES)

    outcomes = sorted(one.outcome for one in made)
    assert outcomes == [Outcome.APPROVE] * LIMIT + [Outcome.REVIEW] * (TRIES - LIMIT)


def test_two_users_do_not_wait_for_each_other(alice, bob):
    made = race(
        [lambda: assessment_evaluate(payment_uuid=new_uuid(), attempt=attempt(alice))] * LIMIT
        + [lambda: assessment_evaluate(payment_uuid=new_uuid(), attempt=attempt(bob))] * LIMIT
    )

    assert {one.outcome for one in made} == {Outcome.APPROVE}
