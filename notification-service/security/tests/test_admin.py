"""The operators' pages: they open, they explain, and their actions write rows and never call out."""

from decimal import Decimal

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from common.ids import new_uuid
from common.pii import blind_index
from notification.models import NotificationDelivery, NotificationOutbox
from notification.services.deliver import deliveries_claim, deliveries_settle
from notification.states import DeliveryDetail, DeliveryState
from security.models import BlockEntry, PolicyChange, RiskAssessment, SecurityPolicy, SecurityPosture
from security.selectors import Attempt
from security.services.evaluate import assessment_evaluate
from security.states import CaseState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies")]
OURS = [
    model._meta for model in admin.site._registry if model._meta.app_label in ("notification", "security")
]


def signed_in(user):
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user)
    return client


@pytest.fixture
def operator(db):
    return signed_in(User.objects.create_superuser("olive"))


@pytest.fixture
def onlooker(db):
    """May look at everything and change nothing."""
    user = User.objects.create_user("mallory", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return signed_in(user)


@pytest.fixture
def case(policies, alice):
    return assessment_evaluate(
        payment_uuid=new_uuid(),
        attempt=Attempt(user_uuid=alice.uuid, amount=Decimal("52000.00"), order_uuid=new_uuid()),
    )


def page(name, app="security", *args):
    return reverse(f"admin:{app}_{name}", args=args)


@pytest.mark.parametrize("meta", OURS, ids=str)
def test_every_list_and_every_row_opens(operator, case, alice, write, event, deliver, meta):
    write(alice)
    deliver(event("order.paid.v1"))
    BlockEntry.objects.create(kind="ip", value="203.0.113.9", reason="fraud")

    listed = operator.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))

    assert listed.status_code == 200
    for row in meta.model.objects.all()[:1]:
        shown = operator.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk]))
        assert shown.status_code == 200


def test_without_signing_in_there_is_only_the_door(case):
    answer = Client(SERVER_NAME="127.0.0.1").get(page("riskassessment_changelist"))

    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


class TestDecide:
    def act(self, client, case, action, **more):
        body = {"action": action, "_selected_action": [case.pk], **more}
        return client.post(page("riskassessment_changelist"), body)

    @pytest.mark.parametrize("action, state", [("release", CaseState.RELEASED), ("stop", CaseState.STOPPED)])
    def test_with_a_reason_it_decides(self, operator, case, fake_transport, action, state):
        answer = self.act(operator, case, action, confirmed="yes", reason="called back")

        assert answer.status_code == 302
        row = RiskAssessment.objects.get()
        assert (row.case_state, row.decided_by, row.decision_reason) == (state, "admin:olive", "called back")
        told = NotificationOutbox.objects.filter(type="risk.decided.v1")
        assert {event.destination for event in told} == {"PaymentService", "NotificationService"}
        assert fake_transport.calls == []

    @pytest.mark.parametrize("more", [{}, {"confirmed": "yes", "reason": "  "}])
    def test_without_a_reason_it_asks(self, operator, case, more):
        answer = self.act(operator, case, "release", **more)

        assert answer.status_code == 200
        assert "Reason" in answer.content.decode()
        assert RiskAssessment.objects.get().case_state == CaseState.OPEN

    def test_a_decided_case_is_told_so_and_stays(self, operator, case):
        self.act(operator, case, "stop", confirmed="yes", reason="no")
        answer = self.act(operator, case, "release", confirmed="yes", reason="yes")

        assert answer.status_code == 302
        assert RiskAssessment.objects.get().case_state == CaseState.STOPPED
        assert NotificationOutbox.objects.filter(type="risk.decided.v1").count() == 2

    def test_who_may_only_look_cannot_decide(self, onlooker, case):
        assert onlooker.get(page("riskassessment_changelist")).status_code == 200

        self.act(onlooker, case, "release", confirmed="yes", reason="please")

        assert RiskAssessment.objects.get().case_state == CaseState.OPEN
        assert not NotificationOutbox.objects.filter(type="risk.decided.v1").exists()


class TestPolicies:
    def form(self, **changes):
        usual = {
            "is_enabled": "on",
            "parameters": '{"amount": "20000.00"}',
            "outcome": "2",
            "score": "30",
            "severity": "medium",
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def test_a_form_switches_and_writes_it_down(self, operator):
        answer = operator.post(
            page("securitypolicy_change", "security", 1), self.form(is_enabled=None, score="35")
        )

        assert answer.status_code == 302
        policy = SecurityPolicy.objects.get(pk=1)
        assert (policy.is_enabled, policy.score, policy.version) == (False, 35, 2)
        change = PolicyChange.objects.get()
        assert (change.actor, change.policy_id) == ("admin:olive", 1)
        assert change.before == {"is_enabled": True, "score": 30}
        assert change.after == {"is_enabled": False, "score": 35}

    @pytest.mark.parametrize("parameters", ['{"amount": 5}', "{}", '{"limit": 3}', "no json"])
    def test_parameters_that_do_not_fit_are_refused(self, operator, parameters):
        answer = operator.post(page("securitypolicy_change", "security", 1), self.form(parameters=parameters))

        assert answer.status_code == 200
        assert SecurityPolicy.objects.get(pk=1).parameters == {"amount": "20000.00"}
        assert not PolicyChange.objects.exists()

    def test_the_level(self, operator):
        operator.post(page("securityposture_change", "security", 1), {"security_level": "high"})

        assert SecurityPosture.objects.get().security_level == "high"
        assert PolicyChange.objects.get().after == {"security_level": "high"}

    def test_none_can_be_added_or_deleted(self, operator):
        assert operator.get(page("securitypolicy_add")).status_code == 403
        assert operator.get(page("securitypolicy_delete", "security", 1)).status_code == 403


class TestBlockList:
    def test_an_entry_is_put_and_lifted_and_both_are_written_down(self, operator, alice):
        body = {"kind": "user", "value": str(alice.uuid).upper(), "reason": "fraud"}
        assert operator.post(page("blockentry_add"), body).status_code == 302

        entry = BlockEntry.objects.get()
        assert (entry.value, entry.created_by) == (str(alice.uuid), "admin:olive")
        operator.post(page("blockentry_delete", "security", entry.pk), {"post": "yes"})

        assert not BlockEntry.objects.exists()
        put, lifted = PolicyChange.objects.order_by("id")
        assert put.after == lifted.before == {"blocked": f"user {alice.uuid}", "reason": "fraud"}

    def test_an_address_is_kept_as_its_index_alone(self, operator):
        body = {"kind": "address", "value": "上海市 世纪大道 100 号", "reason": "fraud"}
        assert operator.post(page("blockentry_add"), body).status_code == 302

        assert BlockEntry.objects.get().value == blind_index("上海市世纪大道100号")
        assert "世纪大道" not in str(PolicyChange.objects.values().get())

    @pytest.mark.parametrize("kind, value", [("user", "alice"), ("ip", "300.1.1.1"), ("ip", "")])
    def test_what_names_nothing_is_refused(self, operator, kind, value):
        answer = operator.post(page("blockentry_add"), {"kind": kind, "value": value, "reason": "x"})

        assert answer.status_code == 200
        assert not BlockEntry.objects.exists()


def test_failed_deliveries_are_queued_again(operator, onlooker, alice, write):
    write(alice)
    deliveries_settle(due=deliveries_claim(), event="give_up", detail=DeliveryDetail.GAVE_UP)
    row = NotificationDelivery.objects.get()
    body = {"action": "queue_again", "_selected_action": [row.pk]}

    onlooker.post(page("notificationdelivery_changelist", "notification"), body)
    assert NotificationDelivery.objects.get().state == DeliveryState.FAILED
    operator.post(page("notificationdelivery_changelist", "notification"), body)

    assert NotificationDelivery.objects.get().state == DeliveryState.QUEUED
