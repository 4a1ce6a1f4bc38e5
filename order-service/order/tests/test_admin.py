"""The operators' pages: readable, read-only, without addresses; actions begin sagas and never call out."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from common import clock
from common.config_audit.note import note
from common.config_store import Arrival
from common.outbox.models import OutboxState
from order.models import Order, OrderOutbox, OrderSaga, ProductStock
from order.tests.world import TEA, World

pytestmark = pytest.mark.django_db

PAGES = [model for model in admin.site._registry if model._meta.app_label == "order"]


@pytest.fixture
def desk() -> Client:
    """Olive at her desk, logged in to the admin."""
    User.objects.create_superuser("olive", password="desk")
    client = Client(SERVER_NAME="127.0.0.1")
    assert client.login(username="olive", password="desk")
    return client


def _list(model: Any) -> str:
    return reverse(f"admin:order_{model._meta.model_name}_changelist")


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
def test_every_page_opens_and_changes_nothing(
    desk: Client, model: Any, place: Any, world: World, api: Any, alice: Any, drain: Any
) -> None:
    order = place()
    world.pay(order)
    drain()
    api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})
    note(Arrival("OrderService.yaml", "md5", "accepted", clock.now(), shown={"order_max_lines": "5"}))

    listed = desk.get(_list(model))
    row = model.objects.first()
    opened = desk.get(reverse(f"admin:order_{model._meta.model_name}_change", args=[row.pk]))
    add = desk.get(reverse(f"admin:order_{model._meta.model_name}_add"))

    assert (listed.status_code, opened.status_code, add.status_code) == (200, 200, 403)
    for page in (listed, opened):
        text = page.content.decode()
        assert not any(secret in text for secret in ("13800138000", "王小明", "世纪大道"))


def test_nothing_can_be_edited_or_deleted(desk: Client, place: Any) -> None:
    order = Order.objects.get(order_uuid=place()["order_uuid"])

    edited = desk.post(reverse("admin:order_order_change", args=[order.pk]), {"status": 1})
    deleted = desk.post(reverse("admin:order_order_delete", args=[order.pk]), {"post": "yes"})

    assert (edited.status_code, deleted.status_code) == (403, 403)
    assert Order.objects.get().status == 0


@pytest.mark.parametrize(
    "term", ["{order_id}", "{order_uuid}", "{buyer_uuid}", "138 0013 8000", "13800138000"]
)
def test_an_order_is_found(desk: Client, place: Any, term: str) -> None:
    order = place()

    found = desk.get(_list(Order), {"q": term.format(**order)}).content.decode()
    missed = desk.get(_list(Order), {"q": "13900139000"}).content.decode()

    assert order["order_id"] in found
    assert order["order_id"] not in missed


def test_cancelling_begins_a_saga_that_the_worker_carries_out(
    desk: Client, place: Any, world: World, drain: Any
) -> None:
    order = place()
    paid = world.pay(order)
    calls = len(world.transport.calls)
    row = Order.objects.get()

    answer = desk.post(_list(Order), {"action": "cancel", "_selected_action": [row.pk]})

    assert answer.status_code == 302
    assert len(world.transport.calls) == calls
    assert Order.objects.get().status == 5
    drain()
    assert (Order.objects.get().status, str(paid.refunded)) == (3, "299.00")
    again = desk.post(_list(Order), {"action": "cancel", "_selected_action": [row.pk]}, follow=True)
    assert "does not allow" in again.content.decode()


def test_only_who_may_change_orders_may_cancel(place: Any, world: World) -> None:
    place()
    reader = User.objects.create_user("reader", password="r", is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename="view_order"))
    client = Client(SERVER_NAME="127.0.0.1")
    client.login(username="reader", password="r")

    answer = client.post(_list(Order), {"action": "cancel", "_selected_action": [Order.objects.get().pk]})

    assert answer.status_code in (200, 302)
    assert (Order.objects.get().status, Order.objects.get().closing_key) == (0, "")
    assert not OrderSaga.objects.exists()


def test_a_parked_run_goes_on(
    desk: Client, place: Any, world: World, api: Any, alice: Any, drain: Any, frozen_clock: Any
) -> None:
    order = place()
    world.pay(order)
    world.transport.fail("PaymentService")
    api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})
    for _ in range(25):
        frozen_clock.move(minutes=10)
        drain()
    assert OrderSaga.objects.get().state == 4
    world.transport.heal()

    desk.post(_list(OrderSaga), {"action": "resume", "_selected_action": [OrderSaga.objects.get().pk]})
    drain()

    assert (OrderSaga.objects.get().state, Order.objects.get().status) == (2, 3)


def test_a_dead_letter_is_sent_again(desk: Client, place: Any, world: World, drain: Any) -> None:
    world.transport.on("POST", "NotificationService", "/event/inbox", {"code": 1001}, status=400)
    place()
    drain()
    assert OrderOutbox.objects.get().state == OutboxState.DEAD
    world.transport.on("POST", "NotificationService", "/event/inbox", world._hear)

    desk.post(
        _list(OrderOutbox), {"action": "send_again", "_selected_action": [OrderOutbox.objects.get().pk]}
    )
    drain()

    assert [event["type"] for event in world.told] == ["order.created.v1"]


def test_a_parked_product_shows(desk: Client, place: Any, world: World, drain: Any) -> None:
    place(quantity=8)
    world.goods[TEA].stock = 5
    drain()

    page = desk.get(_list(ProductStock)).content.decode()

    assert "unknown" in page
