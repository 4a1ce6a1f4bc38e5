"""The admin has sessions, CSRF and messages under names of its own; API paths have none of them."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from common.outbox.publish import Event, publish

Api = Callable[..., Any]


@pytest.fixture
def olive_at_the_desk(db: None) -> User:
    return User.objects.create_superuser("olive", "olive@example.com", "sandbox-demo")


def browser() -> Client:
    return Client(SERVER_NAME="127.0.0.1", enforce_csrf_checks=True)


def log_in(browser: Client) -> Any:
    browser.get("/admin/login/")
    form = {
        "username": "olive",
        "password": "sandbox-demo",
        "csrfmiddlewaretoken": browser.cookies["order_csrftoken"].value,
        "next": "/admin/",
    }
    return browser.post("/admin/login/", form)


def test_an_operator_logs_in_and_sees_the_desk(olive_at_the_desk: User) -> None:
    desk = browser()

    assert log_in(desk).status_code == 302
    assert set(desk.cookies) == {"order_csrftoken", "order_session"}
    page = desk.get("/admin/")
    assert page.status_code == 200
    assert "OrderService" in page.content.decode()


def test_the_admin_refuses_a_form_without_its_token(olive_at_the_desk: User) -> None:
    answer = browser().post("/admin/login/", {"username": "olive", "password": "sandbox-demo"})

    assert answer.status_code == 403
    assert "order_session" not in answer.cookies


@pytest.mark.django_db
def test_the_admin_speaks_chinese_and_english() -> None:
    assert "登录" in browser().get("/admin/login/").content.decode()
    assert "Log in" in browser().get("/admin/login/", headers={"Accept-Language": "en"}).content.decode()


@pytest.mark.django_db
def test_the_admins_styles_and_scripts_come_from_here() -> None:
    page = browser().get("/admin/login/").content.decode()
    links = [link for link in re.findall(r'(?:src|href)="([^"]+)"', page) if "." in link.rsplit("/", 1)[-1]]

    assert len(links) > 3
    for link in links:
        assert link.startswith("/static/")
        assert browser().get(link).status_code == 200, link


@pytest.mark.django_db
def test_the_admin_is_not_shown_in_frames() -> None:
    answer = browser().get("/admin/login/")

    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_an_api_call_starts_no_session_and_needs_no_csrf_token(olive_at_the_desk: User) -> None:
    desk = browser()
    log_in(desk)

    answer = desk.post("/api/orders/echo/", {"amount": "1.00"}, content_type="application/json")

    assert answer.status_code == 200
    assert answer.cookies == {}
    assert "Vary" not in answer


def test_an_admin_session_opens_no_api(olive_at_the_desk: User) -> None:
    desk = browser()
    log_in(desk)

    assert desk.get("/api/orders/who/").status_code == 401
    assert desk.get("/payments/who").status_code == 401


def test_an_api_call_touches_no_table(api: Api, alice: Any) -> None:
    # Without the `db` fixture any query would fail the test.
    assert api(alice).get("/api/orders/who/").status_code == 200


def test_the_figures_page_shows_what_the_alerts_ask_for(olive_at_the_desk: User, frozen_clock: Any) -> None:
    with transaction.atomic():
        publish(Event("parcel.received.v1", uuid4(), 1))
    frozen_clock.move(minutes=3)
    desk = browser()
    log_in(desk)

    page = desk.get("/admin/figures/").content.decode()

    assert desk.get("/admin/").content.decode().count("/admin/figures/") >= 1
    for name in ("outbox_depth", "outbox_lag_seconds", "sagas_unfinished"):
        assert name in page
    assert re.search(r'data-figure="outbox_lag_seconds".*?3 min 0 s', page, re.S)
    assert re.search(r">pending</td>\s*<td[^>]*>1</td>", page)


def test_who_may_look_at_nothing_sees_no_figures(db: None) -> None:
    User.objects.create_user("olive", "olive@example.com", "sandbox-demo", is_staff=True)
    desk = browser()
    log_in(desk)

    assert desk.get("/admin/").status_code == 200
    assert desk.get("/admin/figures/").status_code == 403


def test_the_figures_page_is_for_the_admin_alone(db: None) -> None:
    answer = browser().get("/admin/figures/")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/")
