"""A client's `notifyUrl`: told of what becomes of the payment, in order, at least once, by real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from common import worker
from common.outbox import relay
from common.outbox.figures import outbox_figures
from common.outbox.lanes import Lanes
from common.outbox.models import OutboxState
from common.testing.people import ALICE, BOB
from payment.gateways.webhook import client_secret
from payment.models import Payment, PaymentOutbox
from payment.tests.receiver import Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        allow = (f"http://127.0.0.1:{receiver.port}/hooks",)
        settings.CFMP = replace(settings.CFMP, notify_url_allow=allow, webhook_secret=(SECRET,))
        yield receiver


def asked_for(shop: Any, receiver: Receiver) -> Payment:
    """A payment whose client wants to be told."""
    wish = {"orderNo": shop.order().number, "notifyUrl": receiver.url}
    answer = shop.api(ALICE).post("/api/v1/payment/alipay/create", wish)
    assert answer.status_code == 200, answer.content
    return Payment.objects.get(id=answer.json()["data"]["paymentId"])


def paid(shop: Any, payment: Payment) -> None:
    shop.alipay.pay_url(payment.pay_url)
    assert shop.notify(shop.alipay.notices.pop()).content == b"success"
    payment.refresh_from_db()


def test_it_is_told_of_success_and_of_each_refund_in_order(shop: Any, receiver: Receiver) -> None:
    payment = asked_for(shop, receiver)
    paid(shop, payment)
    assert shop.refund(payment, "2.00", person=BOB).status_code == 200
    assert shop.refund(payment, person=BOB).status_code == 200

    worker.drain()

    first, second, third = receiver.messages(SECRET)
    assert [first["type"], second["type"], third["type"]] == [
        *("payment.succeeded", "refund.succeeded", "refund.succeeded")
    ]
    assert first["data"] == {
        "paymentId": payment.id,
        "outTradeNo": payment.out_trade_no,
        "orderNo": payment.order_id,
        "orderUuid": str(payment.order_uuid),
        "status": "success",
        "amount": "12.00",
        "refundedAmount": "0.00",
        "transactionId": payment.transaction_id,
        "paidAt": first["data"]["paidAt"],
        "version": first["data"]["version"],
    }
    assert (second["data"]["status"], second["data"]["refundAmount"]) == ("part_refunded", "2.00")
    assert (third["data"]["status"], third["data"]["refundedAmount"]) == ("refunded", "12.00")
    assert third["data"]["version"] > second["data"]["version"] > first["data"]["version"]


def test_an_operator_gives_each_client_its_own_secret(receiver: Receiver, settings: Any) -> None:
    def told(address: str) -> list[str]:
        out = StringIO()
        call_command("webhook_secret", address, stdout=out)
        return out.getvalue().split()

    assert told(receiver.url) == [client_secret(SECRET, "127.0.0.1")]
    settings.CFMP = replace(settings.CFMP, webhook_secret=(NEXT, SECRET))
    assert told(receiver.url) == [client_secret(secret, "127.0.0.1") for secret in (NEXT, SECRET)]
    with pytest.raises(CommandError, match="NOTIFY_URL_ALLOW"):
        told("https://stranger.example")
    settings.CFMP = replace(settings.CFMP, webhook_secret=())
    with pytest.raises(CommandError, match="WEBHOOK_SECRET is missing"):
        told(receiver.url)


def test_it_is_told_of_a_closed_payment(shop: Any, receiver: Receiver) -> None:
    payment = asked_for(shop, receiver)
    assert shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {}).status_code == 200

    worker.drain()

    [message] = receiver.messages(SECRET)
    assert (message["type"], message["data"]["status"]) == ("payment.closed", "cancelled")


def test_it_never_reaches_alipay_and_who_left_none_is_told_nothing(shop: Any, receiver: Receiver) -> None:
    payment = asked_for(shop, receiver)
    assert str(receiver.port) not in payment.pay_url
    silent = shop.paid(shop.order(amount=Decimal("3.00")))

    worker.drain()

    assert receiver.came == []
    assert not PaymentOutbox.objects.filter(aggregate_id=silent.payment_uuid, destination="Client").exists()


def test_a_later_message_waits_for_an_earlier_one_and_ids_stay(
    shop: Any, receiver: Receiver, frozen_clock: Any
) -> None:
    payment = asked_for(shop, receiver)
    paid(shop, payment)
    assert shop.refund(payment, "2.00", person=BOB).status_code == 200
    receiver.manner = 503

    worker.drain()
    assert len(receiver.came) == 1
    receiver.manner = 200
    for _ in range(3):
        frozen_clock.move(minutes=5)
        relay.relay_outside()

    ids = [headers["webhook-id"] for _, headers, _ in receiver.came]
    bodies = [body for *_, body in receiver.came]
    assert len(ids) == 3 and ids[0] == ids[1] != ids[2] and bodies[0] == bodies[1]


def test_a_receiver_that_stays_away_becomes_a_dead_letter(
    shop: Any, receiver: Receiver, frozen_clock: Any
) -> None:
    paid(shop, asked_for(shop, receiver))
    receiver.manner = 500

    for _ in range(40):
        relay.relay_outside()
        frozen_clock.move(hours=2)

    row = PaymentOutbox.objects.get(destination="Client")
    assert (row.state, row.attempts, len(receiver.came)) == (OutboxState.DEAD, 32, 32)
    assert "answered 500" in row.last_error


def test_a_slow_client_holds_up_nobody_of_the_suite(shop: Any, receiver: Receiver) -> None:
    """The relay to our peers does not even look at what is a client's."""
    paid(shop, asked_for(shop, receiver))

    while relay.relay_once():
        pass

    assert receiver.came == []
    assert PaymentOutbox.objects.get(destination="Client").state == OutboxState.PENDING
    assert not PaymentOutbox.objects.exclude(destination="Client").filter(state=OutboxState.PENDING).exists()
    assert set(worker.duties(Lanes())) == {"relay", "outside", "sagas", "jobs"}


def test_letters_go_by_host_however_its_address_is_spelt(
    shop: Any, receiver: Receiver, settings: Any
) -> None:
    allow = ("https://shop.example",)
    settings.CFMP = replace(settings.CFMP, notify_url_allow=allow)
    for url in ("https://shop.example/a", "https://SHOP.example:443/b", "https://shop.example:00443/c"):
        wish = {"orderNo": shop.order().number, "notifyUrl": url}
        answer = shop.api(ALICE).post("/api/v1/payment/alipay/create", wish)
        paid(shop, Payment.objects.get(id=answer.json()["data"]["paymentId"]))

    doors = PaymentOutbox.objects.filter(destination="Client").values_list("path", flat=True)
    assert list(doors) == ["shop.example"] * 3


@pytest.mark.django_db(transaction=True)
def test_a_client_that_hangs_keeps_no_other_waiting(shop: Any, receiver: Receiver, settings: Any) -> None:
    lanes = Lanes()
    with receiving() as other:
        there = other.url.replace("127.0.0.1", "localhost")
        allow = (*settings.CFMP.notify_url_allow, there)
        settings.CFMP = replace(settings.CFMP, notify_url_allow=allow)
        paid(shop, asked_for(shop, receiver))
        receiver.manner = "hang"
        wish = {"orderNo": shop.order().number, "notifyUrl": there}
        answer = shop.api(ALICE).post("/api/v1/payment/alipay/create", wish)
        paid(shop, Payment.objects.get(id=answer.json()["data"]["paymentId"]))

        while lanes.start_due():
            pass
        try:
            assert other.comes(1) and receiver.comes(1)
            hanging = PaymentOutbox.objects.get(destination="Client", path="127.0.0.1")
            assert (hanging.state, hanging.attempts) == (OutboxState.PENDING, 0)
        finally:
            receiver.over.set()
            lanes.finish()

    hanging.refresh_from_db()
    assert hanging.attempts == 1 and "no answer" in hanging.last_error


def test_a_client_that_is_away_is_no_lag_of_ours(shop: Any, receiver: Receiver, frozen_clock: Any) -> None:
    paid(shop, asked_for(shop, receiver))
    receiver.manner = 503
    worker.drain()

    frozen_clock.move(minutes=30)

    figures = outbox_figures()
    assert (figures.pending, figures.oldest_seconds) == (1, 0.0)


def test_an_address_taken_off_the_list_is_told_no_more(shop: Any, receiver: Receiver, settings: Any) -> None:
    paid(shop, asked_for(shop, receiver))
    settings.CFMP = replace(settings.CFMP, notify_url_allow=())

    relay.relay_outside()

    assert receiver.came == []
    assert PaymentOutbox.objects.get(destination="Client").state == OutboxState.DEAD


def test_an_address_that_is_not_on_the_list_is_refused_and_nothing_moves(
    shop: Any, receiver: Receiver
) -> None:
    for url in (
        f"http://127.0.0.1:{receiver.port}/hooks-evil",
        f"{receiver.url}/%2e%2e/x",
        f"{receiver.url}/付款",
        "nonsense",
    ):
        wish = {"orderNo": shop.order().number, "notifyUrl": url}
        answer = shop.api(ALICE).post("/api/v1/payment/alipay/create", wish)
        assert (answer.status_code, answer.json()["name"]) == (400, "NotifyUrlRefused")

    assert Payment.objects.count() == 0
