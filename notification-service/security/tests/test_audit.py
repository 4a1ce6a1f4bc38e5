"""The checks that run after every test can fail: each lie told to the tables is found."""

from decimal import Decimal

import pytest

from common import clock
from common.ids import new_uuid
from notification.models import Notification, NotificationDelivery, NotificationOutbox
from security.models import RiskAssessment, RiskTransition
from security.selectors import Attempt
from security.services.audit import assert_risk_and_messages_are_sound
from security.services.decide import assessment_decide
from security.services.evaluate import assessment_evaluate
from security.states import CaseState, Outcome

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies"), pytest.mark.breaks_invariants]

LIES = {
    "ends elsewhere": lambda: RiskAssessment.objects.update(case_state=CaseState.STOPPED),
    "without a reason for one": lambda: RiskAssessment.objects.update(outcome=Outcome.APPROVE),
    "decided by nobody": lambda: RiskAssessment.objects.update(decided_by=""),
    "nobody was told of release": lambda: NotificationOutbox.objects.filter(type="risk.decided.v1").delete(),
    "nobody was told of open": lambda: NotificationOutbox.objects.filter(version=2).delete(),
    "its history ends": lambda: RiskTransition.objects.all().delete(),
    "read without a time": lambda: Notification.objects.update(read=True),
    "unread with a time": lambda: Notification.objects.update(read_at=clock.now()),
    "still in the box": lambda: Notification.objects.update(deleted_at=clock.now()),
    "from the future": lambda: Notification.objects.update(created_at="2199-01-01T00:00:00Z"),
    "unknown key": lambda: Notification.objects.update(template_key="order.renamed.buyer"),
    "no channel": lambda: NotificationDelivery.objects.all().delete(),
    "queued and settled": lambda: NotificationDelivery.objects.update(settled_at=clock.now()),
    "settled without a time": lambda: NotificationDelivery.objects.update(state=1),
}


@pytest.fixture
def world(policies, alice, write):
    case = assessment_evaluate(
        payment_uuid=new_uuid(),
        attempt=Attempt(user_uuid=alice.uuid, amount=Decimal("52000.00"), order_uuid=new_uuid()),
    )
    assessment_decide(
        assessment_uuid=case.assessment_uuid, decision="release", reason="called back", actor="user:olive"
    )
    write(alice)


def test_the_world_is_sound(world):
    assert_risk_and_messages_are_sound()


@pytest.mark.parametrize("problem", LIES)
def test_a_lie_is_found(world, problem):
    LIES[problem]()

    with pytest.raises(AssertionError, match=problem):
        assert_risk_and_messages_are_sound()
