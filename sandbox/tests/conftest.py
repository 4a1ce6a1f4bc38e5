"""Two ways in: the real stack (gunicorn and notifier as processes, python-alipay-sdk as the merchant), and
Django's test client for what needs a clock or a database row."""

# First of all: importing the SDK reconfigures logging and would close handlers made before it.
import alipay  # noqa: F401, I001

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import Live, Merchant, Receiver, running


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    var_dir: Path = tmp_path_factory.mktemp("var")
    with running(var_dir, SANDBOX_NOTIFY_SCALE="0.001", SANDBOX_BILL_SAME_DAY="1") as live:
        yield live


@pytest.fixture
def live(running_sandbox: Live) -> Live:
    """The stack with nothing left over from another test."""
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The merchant's notify address; answers `success` unless a test scripts other replies."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def merchant(live: Live, receiver: Receiver) -> Merchant:
    return Merchant(live, notify_url=receiver.url)
