"""CONTRIBUTING.md's recipe "Add a service", followed: the new one migrates, runs, and is found."""

import re

import pytest

from common.testing.processes import free_port
from tests.checkout import Checkout
from tests.development.conftest import eventually_json

SKELETON = (
    "manage.py",
    "pytest.ini",
    *(f"config/{name}.py" for name in ("__init__", "settings", "urls", "wsgi")),
)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def with_reviews(checkout: Checkout, port: int) -> Checkout:
    """A ReviewService beside the others."""
    for file in (*SKELETON, "notification/__init__.py", "notification/models/plumbing.py"):
        text = (checkout.root / "notification-service" / file).read_text()
        _write(checkout, file.replace("notification", "review"), _as_reviews(text))
    plumbing = (checkout.root / "review-service/review/models/plumbing.py").read_text()
    models = re.findall(r"^class (Review\w+)", plumbing, re.M)
    _write(checkout, "review/models/__init__.py", f"from review.models.plumbing import {', '.join(models)}\n")
    _write(checkout, "review/urls.py", "urlpatterns = []\n")
    _write(checkout, "review/events.py", "ROUTES = {}\n")
    _in_the_tables(checkout, port)
    return checkout


def _as_reviews(text: str) -> str:
    """What the recipe calls name, apps and models; no security app, no jobs yet."""
    text = text.replace("NotificationService", "ReviewService").replace("Notification", "Review")
    text = (
        text.replace("notification", "review")
        .replace(', "security"', "")
        .replace('"security.events', '"review.events')
    )
    return re.sub(r"(?m)^.*\b(security|jobs=|sagas=|CFMP_INVARIANTS)\b.*\n", "", text)


def _in_the_tables(checkout: Checkout, port: int) -> None:
    url = '    review_service_url: tuple[str, ...] = _setting("peers", "ReviewService", (), read=urls)\n'
    for file, before, new in (
        ("ports.py", '    "UserService":', f'    "ReviewService": ("REVIEW_LISTEN_PORT", {port}),\n'),
        ("setting_types.py", '"NotificationService"})', '"ReviewService", '),
        ("settings_table.py", "    root_service_url:", url),
        (
            "settings_table.py",
            '    "NotificationService": "NOTIFICATION"',
            '    "ReviewService": "REVIEW",\n',
        ),
        ("embedded.py", '    "UserService",', '    "ReviewService",\n'),
    ):
        checkout.replace(f"common/{file}", before, new + before)


def _write(checkout: Checkout, file: str, text: str) -> None:
    path = checkout.root / "review-service" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_it_migrates_and_becomes_ready(with_reviews: Checkout, port: int) -> None:
    for command in (("makemigrations", "review"), ("migrate",)):
        done = with_reviews.run("review-service", "manage.py", *command)
        assert done.returncode == 0, done.stdout + done.stderr

    with with_reviews.running("review-service", "manage.py", "runserver", "--noreload", str(port)) as server:
        assert eventually_json(server, port, "/readyz")["service"] == "ReviewService"


def test_the_others_find_it_and_know_its_key(with_reviews: Checkout, port: int) -> None:
    look = """
from common import config
from common.discovery import make_registry
settings = config.load("OrderService")
print(make_registry(settings).instances("ReviewService")[0].url)
print("ReviewService" in settings.service_public_keys)
"""

    found = with_reviews.run(".", "-c", look)

    assert found.stdout.split() == [f"http://127.0.0.1:{port}", "True"], found.stderr
