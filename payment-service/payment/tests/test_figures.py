"""What the payment service counts as it happens: money, risk's word, refused callbacks, Alipay's answers."""

from __future__ import annotations

from typing import Any

import pytest

from common import clock
from common.config_audit.note import note
from common.config_store import Arrival
from payment.services.figures import money_figures

pytestmark = pytest.mark.django_db


def test_money_in_and_out_is_counted_in_yuan(
    shop: Any, counted: Any, django_capture_on_commit_callbacks: Any
) -> None:
    for kind in ("charged", "refunded"):
        counted("payment_money_yuan_total", kind=kind)

    with django_capture_on_commit_callbacks(execute=True):
        shop.refund(shop.paid(), "5.00")

    assert counted("payment_money_yuan_total", kind="charged") == 12
    assert counted("payment_money_yuan_total", kind="refunded") == 5


def test_what_risk_control_said_is_counted(
    shop: Any, counted: Any, django_capture_on_commit_callbacks: Any
) -> None:
    counted("payment_risk_outcomes_total", outcome="approve")

    with django_capture_on_commit_callbacks(execute=True):
        shop.pending()

    assert counted("payment_risk_outcomes_total", outcome="approve") == 1


def test_a_refused_callback_counts_each_time(shop: Any, counted: Any) -> None:
    counted("payment_callbacks_refused_total", reason="unsigned")

    for _ in range(3):
        shop.notify(b"trade_status=TRADE_SUCCESS")

    assert counted("payment_callbacks_refused_total", reason="unsigned") == 3


def test_calls_to_alipay_are_counted_by_outcome(shop: Any, counted: Any) -> None:
    precreate = {"provider": "alipay", "method": "alipay.trade.precreate"}
    for outcome in ("answered", "no_answer"):
        counted("provider_calls_total", outcome=outcome, **precreate)

    shop.pending()
    shop.alipay.fail_next("alipay.trade.precreate")
    shop.pending()

    assert counted("provider_calls_total", outcome="answered", **precreate) == 1
    assert counted("provider_calls_total", outcome="no_answer", **precreate) == 1


def published(shown: dict[str, str], md5: str) -> None:
    note(Arrival("PaymentService.yaml", md5, "accepted", clock.now(), shown=shown))


def test_a_changed_account_is_told_and_other_settings_are_not(frozen_clock: Any) -> None:
    assert money_figures().account_changed == 0
    published({"risk_failure_mode": "closed"}, "1" * 32)
    refused = Arrival("PaymentService.yaml", "2" * 32, "refused", clock.now(), problems=["alipay_app_id …"])
    note(refused)
    assert money_figures().account_changed == 0

    published({"alipay_public_key": "MIIB…"}, "3" * 32)
    changed = clock.now().timestamp()
    frozen_clock.move(seconds=60)
    published({"alipay_public_key": "MIIB…", "risk_failure_mode": "open"}, "4" * 32)
    assert money_figures().account_changed == pytest.approx(changed)
    published({}, "5" * 32)
    assert money_figures().account_changed == pytest.approx(changed + 60), "taken out is a change too"
