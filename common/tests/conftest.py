"""Fixtures of common's own tests."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import embedded
from common.outbox import relay
from common.sagas import definition as definitions
from common.tests.recorder import Recorder
from common.tests.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def saga_registry() -> Iterator[None]:
    """Definitions made by a test are forgotten after it."""
    before = dict(definitions._known)
    yield
    definitions._known.clear()
    definitions._known.update(before)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Carries this test's events."""
    mine = Recorder()
    before = relay.use_transport(mine)
    yield mine
    relay.use_transport(before)


@pytest.fixture
def root_level() -> Iterator[logging.Logger]:
    """The root logger, whose level is put back."""
    root = logging.getLogger()
    before = root.level
    yield root
    root.setLevel(before)


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


@pytest.fixture
def embedded_env(var_dir: Path) -> dict[str, str]:
    return {"CFMP_VAR_DIR": str(var_dir)}


@pytest.fixture
def production(var_dir: Path) -> dict[str, str]:
    """All that a PaymentService needs in production, with keys of its own."""
    made = embedded.embedded_environment(var_dir, "PaymentService")
    user_keys = json.loads(made["JWT_KEYS"])
    return {
        "CFMP_MODE": "production",
        "ALLOWED_HOSTS": "payment.internal, 10.0.0.2",
        "PUBLIC_BASE_URL": "https://shop.example/",
        "DJANGO_SECRET_KEY": "d" * 50,
        "PII_KEYS": made["PII_KEYS"],
        "PII_INDEX_KEY": "i" * 40,
        "SERVICE_PRIVATE_KEY": made["SERVICE_PRIVATE_KEY"],
        "SERVICE_PUBLIC_KEYS": made["SERVICE_PUBLIC_KEYS"],
        "JWT_KEYS": json.dumps([{**user_keys[0], "key": "shop-issuer"}]),
        "ALIPAY_APP_ID": "2021000000000001",
        "ALIPAY_SELLER_ID": "2088000000000002",
        "ALIPAY_PRIVATE_KEY": made["ALIPAY_PRIVATE_KEY"],
        "ALIPAY_PUBLIC_KEY": made["ALIPAY_PUBLIC_KEY"],
        "CFMP_DB_USER": "shop",
        "CFMP_DB_PASSWORD": "of-the-shop",
        **{
            f"{name}_SERVICE_URL": f"http://{name.lower()}:80"
            for name in ("ORDER", "PAYMENT", "NOTIFICATION", "USER", "PRODUCT", "ROOT")
        },
    }
