"""A person buys, cancels, refunds, reviews; an operator opens Swagger UI and the admin."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import Stack

PATIENCE = 30_000  # milliseconds; the worker and the carrier need a moment
PRECIOUS, ORDINARY, CHEAP = 12, 1, 2


def by_id(name: str) -> str:
    return f"[data-testid={name}]"


def log_in(page: Page, stack: Stack, name: str) -> None:
    page.goto(stack.gateway)
    page.click(by_id("login-open"))
    page.click(by_id(f"login-{name}"))
    expect(page.locator(by_id("person"))).to_contain_text(name.capitalize())


def place(page: Page, product: int) -> str:
    page.goto(page.url.split("#")[0] + "#/")
    page.click(by_id(f"product-{product}"))
    page.click(by_id("place-order"))
    expect(page.locator(by_id("order-page"))).to_be_visible(timeout=PATIENCE)
    return page.locator(by_id("order-id")).inner_text()


def pay(page: Page, stack: Stack, number: str) -> None:
    page.click(by_id("pay"))
    page.wait_for_selector(by_id("cashier-pay"), timeout=PATIENCE)
    page.locator(f"{by_id('cashier-pay')} button, button{by_id('cashier-pay')}").first.click()
    page.wait_for_load_state()
    open_order(page, stack, number)
    expect(page.locator("[data-payment=p_paid]")).to_be_visible(timeout=PATIENCE)


def open_order(page: Page, stack: Stack, number: str) -> None:
    page.goto(f"{stack.gateway}/#/orders/{number}")
    expect(page.locator(by_id("order-id"))).to_have_text(number, timeout=PATIENCE)


def test_alice_buys_bob_ships_alice_confirms(page: Page, stack: Stack) -> None:
    log_in(page, stack, "alice")
    number = place(page, ORDINARY)
    pay(page, stack, number)
    page.click(by_id("logout"))

    log_in(page, stack, "bob")
    open_order(page, stack, number)
    page.click(by_id("ship"))
    page.click(by_id("ship-submit"))
    expect(page.locator(by_id("ship"))).to_have_count(0, timeout=PATIENCE)
    page.click(by_id("logout"))

    log_in(page, stack, "alice")
    open_order(page, stack, number)
    page.click(by_id("confirm-receipt"), timeout=PATIENCE)
    expect(page.locator(by_id("confirm-receipt"))).to_have_count(0, timeout=PATIENCE)
    page.click(by_id("bell"))
    expect(page.locator(by_id("notification-list"))).to_contain_text(number, timeout=PATIENCE)


def test_alice_cancels_a_paid_order(page: Page, stack: Stack) -> None:
    log_in(page, stack, "alice")
    number = place(page, CHEAP)
    pay(page, stack, number)

    page.click(by_id("cancel"))
    page.click(by_id("cancel-submit"))

    expect(page.locator("[data-payment=refunded]")).to_be_visible(timeout=PATIENCE)


def test_alice_gets_a_part_of_her_money_back(page: Page, stack: Stack) -> None:
    log_in(page, stack, "alice")
    number = place(page, ORDINARY)
    pay(page, stack, number)

    page.click(by_id("refund"))
    page.fill(by_id("refund-amount"), "100.00")
    page.click(by_id("refund-submit"))

    expect(page.locator(by_id("refunded-amount"))).to_contain_text("100.00", timeout=PATIENCE)


def test_olive_releases_a_held_payment(page: Page, stack: Stack) -> None:
    log_in(page, stack, "alice")
    number = place(page, PRECIOUS)
    page.click(by_id("pay"))
    expect(page.locator(by_id("under-review"))).to_be_visible(timeout=PATIENCE)
    page.click(by_id("logout"))

    log_in(page, stack, "olive")
    page.goto(f"{stack.gateway}/#/reviews")
    page.locator(by_id("release")).first.click()
    expect(page.locator(by_id("release"))).to_have_count(0, timeout=PATIENCE)
    page.click(by_id("logout"))

    log_in(page, stack, "alice")
    open_order(page, stack, number)
    expect(page.locator(by_id("under-review"))).to_have_count(0, timeout=PATIENCE)
    pay(page, stack, number)


def test_a_page_that_answers_late_draws_over_no_other(page: Page, stack: Stack) -> None:
    log_in(page, stack, "olive")
    page.goto(f"{stack.gateway}/#/notices")
    held: list[Route] = []
    page.route("**/api/product/", lambda route: held.append(route))
    with page.expect_request("**/api/product/"):
        page.goto(f"{stack.gateway}/#/")
    page.goto(f"{stack.gateway}/#/reviews")
    expect(page.locator("h1")).to_have_text("风控审核")

    with page.expect_response("**/api/product/"):
        held[0].continue_()
    # By now the shelf has been drawn, were it to be.
    page.wait_for_timeout(500)

    expect(page.locator("h1")).to_have_text("风控审核")


@pytest.mark.parametrize("port", [8001, 8002, 8003])
def test_swagger_ui_shows_the_schema_without_the_internet(page: Page, stack: Stack, port: int) -> None:
    page.goto(f"http://127.0.0.1:{port}/api/docs/")

    expect(page.locator(".opblock").first).to_be_visible(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("folder", "port", "model"),
    [
        ("order-service", 8001, "order/order"),
        ("payment-service", 8002, "payment/payment"),
        ("notification-service", 8003, "notification/notification"),
    ],
)
def test_an_operator_opens_the_admin(page: Page, stack: Stack, folder: str, port: int, model: str) -> None:
    create = "from django.contrib.auth.models import User; User.objects.filter(username='olive').exists() or "
    create += "User.objects.create_superuser('olive', 'olive@example.com', 'only-for-this-test')"
    stack.manage(folder, "shell", "-c", create)

    page.goto(f"http://127.0.0.1:{port}/admin/login/?next=/admin/{model}/")
    page.fill("input[name=username]", "olive")
    page.fill("input[name=password]", "only-for-this-test")
    page.click("button[type=submit], input[type=submit]")

    expect(page).to_have_url(re.compile(rf"/admin/{model}/"))
    expect(page.locator("#result_list, table").first).to_be_visible(timeout=PATIENCE)


def test_the_alipay_control_room_and_the_root_page_open(page: Page, stack: Stack) -> None:
    for address in ("http://127.0.0.1:8090/sim/", "http://127.0.0.1:8006/"):
        answer = page.goto(address)
        assert answer is not None and answer.status == 200
