"""Two services whose clocks differ: what the callee answers, what the caller makes of it, and who is told.

The callee is a real process with a clock set apart; between two machines it is the same the other way round.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from common.embedded import service_private_key
from common.errors import PeerRejected
from common.service_client import PooledTransport, ServiceClient
from common.service_registry import StaticRegistry
from common.signing import ServiceSigner
from common.testing.processes import give_secrets
from common.tests.instance import Instance, service_folder
from tests.clocks import clock_apart, compiled

PATH = "/api/orders/internal/who/"


@pytest.fixture
def callee(tmp_path: Path, apart: int) -> Iterator[Instance]:
    """OrderService in miniature, `apart` seconds ahead of us."""
    give_secrets(tmp_path / "var")
    away = clock_apart(compiled(tmp_path), apart)
    with Instance(service_folder(tmp_path), tmp_path / "run", **away) as instance:
        # Alive is enough: it has no tables, and who calls is judged before any is asked.
        instance.until(lambda: instance.ask("/livez")[0] == 200)
        yield instance


@pytest.fixture
def caller(callee: Instance, tmp_path: Path) -> ServiceClient:
    registry = StaticRegistry({"OrderService": [f"http://127.0.0.1:{callee.port}"]})
    signer = ServiceSigner("PaymentService", service_private_key(tmp_path / "var", "PaymentService"))
    return ServiceClient(registry, signer, PooledTransport(), timeout=10)


@pytest.mark.parametrize("apart", [25, -25])
def test_clocks_may_differ_by_half_a_minute(caller: ServiceClient) -> None:
    assert caller.get("OrderService", PATH).data["data"] == {"service": "PaymentService"}


@pytest.mark.parametrize("apart", [90, -90, 3600, -3600])
def test_clocks_further_apart_are_named_and_the_caller_is_to_come_back(
    caller: ServiceClient, callee: Instance, apart: int
) -> None:
    with pytest.raises(PeerRejected) as refused:
        caller.get("OrderService", PATH)

    answer = refused.value
    assert (answer.peer_status, answer.peer_name) == (401, "ClockApart")
    seconds = re.search(r"约 (-?\d+) 秒", answer.peer_message)
    assert seconds is not None and int(seconds[1]) == pytest.approx(apart, abs=5)
    assert answer.retryable and answer.retry_after == 30, "a refund must not end as refused"
    assert callee.said().count('"event": "service_token_refused"') == 1, "nor be asked for at once again"
    with urlopen(f"http://127.0.0.1:{callee.port}/metrics", timeout=10) as page:
        assert 'service_tokens_refused_total{reason="clock"} 1.0' in page.read().decode()
