"""What the rules are fed with: sliding windows, the account's age, block lists."""

from datetime import timedelta

import pytest

from common.errors import PeerTimeout
from common.ids import new_uuid
from common.pii import blind_index
from common.testing.people import NINA
from security.models import BlockEntry, RiskProfile, SecurityPolicy
from security.services.block import block_put

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies")]
ORDER = "01900000-0000-7000-8000-0000000000a1"


class TestVelocity:
    @pytest.fixture(autouse=True)
    def three_in_a_minute(self):
        SecurityPolicy.objects.filter(pk=4).update(parameters={"window_seconds": 60, "limit": 3})

    def test_the_window_slides(self, evaluate, frozen_clock):
        said = []
        for _ in range(4):
            said.append(evaluate()["outcome"])
            frozen_clock.move(seconds=15)
        frozen_clock.move(seconds=16)  # the first two are more than a minute ago now
        said.append(evaluate()["outcome"])

        assert said == ["approve", "approve", "approve", "review", "approve"]

    def test_each_user_has_windows_of_their_own(self, evaluate, bob):
        for _ in range(3):
            evaluate()

        assert evaluate(user_uuid=str(bob.uuid))["outcome"] == "approve"

    def test_repeating_one_evaluation_is_one_attempt(self, evaluate):
        payment = str(new_uuid())
        for _ in range(5):
            evaluate(payment_uuid=payment, order_uuid=ORDER)

        assert evaluate()["outcome"] == "approve"

    def test_money_that_was_declined_does_not_add_up(self, evaluate):
        SecurityPolicy.objects.filter(pk=6).update(
            parameters={"window_seconds": 86400, "amount": "510000.00"}
        )
        evaluate(amount="500000.00")

        assert evaluate(amount="19999.00")["outcome"] == "approve"

    def test_the_days_total_does(self, evaluate):
        SecurityPolicy.objects.filter(pk=6).update(parameters={"window_seconds": 86400, "amount": "600.00"})

        assert [evaluate()["outcome"] for _ in range(3)] == ["approve", "approve", "block_and_review"]

    def test_three_declines_hold_the_fourth(self, evaluate):
        SecurityPolicy.objects.filter(pk=4).update(is_enabled=False)
        for _ in range(3):
            assert evaluate(amount="500000.00")["outcome"] == "decline"

        assert evaluate()["outcome"] == "block_and_review"


class TestNewAccount:
    @pytest.mark.parametrize(
        "amount, outcome", [("299.00", "approve"), ("2000.00", "review"), ("10000.00", "block_and_review")]
    )
    def test_a_young_account_with_a_higher_amount(self, evaluate, amount, outcome):
        assert evaluate(user_uuid=str(NINA.uuid), amount=amount)["outcome"] == outcome

    def test_userservice_is_asked_once_in_a_users_life(self, evaluate, user_service):
        for _ in range(3):
            evaluate()

        assert len(user_service.calls_to("UserService")) == 1

    def test_without_its_answer_the_other_rules_still_speak(self, evaluate, user_service):
        user_service.fail("UserService", error=PeerTimeout)

        small, high = evaluate(), evaluate(amount="52000.00")

        assert (small["outcome"], small["reasons"]) == ("approve", [])
        assert high["outcome"] == "block_and_review"
        assert {reason["code"] for reason in high["reasons"]} == {"amount_at_least", "unknown_account"}

    @pytest.mark.parametrize(
        "said", [{}, [], {"created_at": 5}, {"created_at": "soon"}, {"created_at": "2026-13-45T00:00:00Z"}]
    )
    def test_an_odd_answer_is_no_answer(self, evaluate, user_service, said):
        user_service.on("GET", "UserService", "/api/v1/user/{uuid}/", said)

        assert evaluate()["outcome"] == "approve"
        assert RiskProfile.objects.get().account_created_at is None

    def test_it_is_asked_again_when_it_could_not_say(self, evaluate, user_service):
        user_service.fail("UserService", error=PeerTimeout, times=3)
        evaluate()

        evaluate()

        assert RiskProfile.objects.get().account_created_at is not None


class TestBlockLists:
    @pytest.mark.parametrize(
        "entry, outcome",
        [
            (("user", "01900000-0000-7000-8000-00000000A11C"), "decline"),
            (("address", "上海市浦东新区 世纪大道 100 号"), "decline"),
            (("ip", "203.0.113.7"), "block_and_review"),
            (("ip", "203.0.113.8"), "approve"),
            (("user", "01900000-0000-7000-8000-000000000b0b"), "approve"),
        ],
    )
    def test_entries(self, evaluate, entry, outcome):
        block_put(kind=entry[0], value=entry[1], reason="fraud", expires_at=None, actor="test")

        assert evaluate(address_index=blind_index("上海市浦东新区世纪大道100号"))["outcome"] == outcome

    def test_an_entry_ends(self, evaluate, frozen_clock, alice):
        ends = frozen_clock.now() + timedelta(hours=1)
        BlockEntry.objects.create(kind="user", value=str(alice.uuid), reason="fraud", expires_at=ends)

        assert evaluate()["outcome"] == "decline"
        frozen_clock.move(hours=1)
        assert evaluate()["outcome"] == "approve"
