"""The operators' pages: every one opens, shows its row, and lets nobody rewrite money."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from common import clock
from common.config_audit.note import note
from common.config_store import Arrival
from payment.models import Payment, SecurityEvent

pytestmark = pytest.mark.django_db
MODELS = [model for model in admin.site._registry if model._meta.app_label == "payment"]


@pytest.fixture
def operator(shop: Any) -> Client:
    """A superuser's browser, and a day's rows to look at."""
    payment = shop.paid()
    shop.refund(payment, "5.00")
    shop.notify(b"trade_status=TRADE_SUCCESS")
    note(
        Arrival("PaymentService.yaml", "md5", "accepted", clock.now(), shown={"risk_failure_mode": "closed"})
    )
    get_user_model().objects.create_superuser("operator", "o@example.com", "a long password")
    client = Client(SERVER_NAME="127.0.0.1")
    assert client.login(username="operator", password="a long password")
    return client


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_page_opens_and_shows_its_rows(operator: Client, model: Any) -> None:
    name = f"admin:payment_{model._meta.model_name}"
    row = model.objects.first()

    assert operator.get(reverse(f"{name}_changelist")).status_code == 200
    assert operator.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_nobody_adds_edits_or_deletes(operator: Client, model: Any) -> None:
    name = f"admin:payment_{model._meta.model_name}"
    row = model.objects.first()

    assert operator.get(reverse(f"{name}_add")).status_code == 403
    assert operator.post(reverse(f"{name}_change", args=[row.pk]), {"amount": "1"}).status_code == 403
    assert operator.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_a_payment_is_found_by_its_order_and_shows_its_ledger(operator: Client) -> None:
    payment = Payment.objects.get()

    found = operator.get(reverse("admin:payment_payment_changelist"), {"q": payment.order_id})
    page = operator.get(reverse("admin:payment_payment_change", args=[payment.pk])).content.decode()

    assert payment.order_id in found.content.decode()
    assert "charge_success" in page and "refund_success" in page and "client_ip" not in page


def test_security_events_are_there(operator: Client) -> None:
    page = operator.get(reverse("admin:payment_securityevent_changelist")).content.decode()

    assert SecurityEvent.objects.get().kind in page


def test_the_pages_the_runbook_names_are_registered() -> None:
    named = {"Payment", "Refund", "PaymentEvent", "SecurityEvent", "PaymentSaga", "PaymentOutbox"}

    assert named <= {model.__name__ for model in MODELS}
    assert apps.get_app_config("payment").verbose_name == "Payments"
