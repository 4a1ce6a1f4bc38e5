"""The pytest plugin of every suite: people, their clients, a clock to move, a wire to fake, the work to
drain.

Enabled by `pytest_plugins = ["common.testing.plugin"]` in a service's conftest.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest

DATABASE_FIXTURES = frozenset({"db", "transactional_db", "django_db_reset_sequences", "live_server"})


@pytest.fixture
def alice() -> Any:
    """Buys."""
    from common.testing.people import ALICE

    return ALICE


@pytest.fixture
def bob() -> Any:
    """Sells."""
    from common.testing.people import BOB

    return BOB


@pytest.fixture
def carol() -> Any:
    """Buys as well."""
    from common.testing.people import CAROL

    return CAROL


@pytest.fixture
def mallory() -> Any:
    """May not."""
    from common.testing.people import MALLORY

    return MALLORY


@pytest.fixture
def olive() -> Any:
    """Operates: an administrator."""
    from common.testing.people import OLIVE

    return OLIVE


@pytest.fixture
def api() -> Callable[..., Any]:
    """`api(alice).post(path, {...}, key=…)`: the caller's JSON client; `api()` has no token."""
    from common.testing.client import JsonClient

    def client(person: Any = None, *, raises: bool = True, **headers: str) -> Any:
        own = {"Authorization": f"Bearer {person.token}"} if person is not None else {}
        return JsonClient({**own, **headers}, raises=raises)

    return client


@pytest.fixture
def service_api(settings: Any) -> Callable[..., Any]:
    """`service_api("PaymentService").get(path)`: a sibling service calling this one, with a token it
    signed.
    """
    from common.testing.client import JsonClient
    from common.testing.service_tokens import service_token

    def client(service: str, *, raises: bool = True, **headers: str) -> Any:
        token = service_token(service, audience=settings.SERVICE_NAME)
        return JsonClient({"X-Service-Authorization": f"Bearer {token}", **headers}, raises=raises)

    return client


@pytest.fixture
def set_live() -> Iterator[Callable[..., None]]:
    """`set_live(order_expire_minutes=5)`: in force until the test ends, as if an operator had
    published it.
    """
    from common.live_settings import use_live

    with ExitStack() as scope:
        yield lambda **values: scope.enter_context(use_live(**values))


@pytest.fixture
def frozen_clock() -> Iterator[Any]:
    """Time stands still until the test moves it."""
    from common.testing.clock import FrozenClock

    with FrozenClock() as clock:
        yield clock


@pytest.fixture
def fake_transport() -> Iterator[Any]:
    """The wire to the siblings: `.on(method, service, path, json)`, `.calls`, `.fail(…)`."""
    from common.service_client import use_transport
    from common.testing.transport import FakeTransport

    with use_transport(FakeTransport()) as transport:
        yield transport


@pytest.fixture
def drain(fake_transport: Any) -> Callable[[], None]:
    """Deliver events, finish sagas and run jobs until nothing is due."""
    from common.worker import drain

    return drain


@pytest.fixture
def count_sql() -> Callable[[], AbstractContextManager[Any]]:
    """`with count_sql() as log:` … `assert log.count == 3, log`."""
    from common.testing.sql import count_sql

    return count_sql


@pytest.fixture
def counted() -> Callable[..., float]:
    """`counted("job_runs_total", name="stock_push")`: how much it grew since first asked (0.0)."""
    from prometheus_client import REGISTRY

    first: dict[Any, float] = {}

    def grown(metric: str, /, **labels: str) -> float:
        value = REGISTRY.get_sample_value(metric, labels) or 0.0
        return value - first.setdefault((metric, *sorted(labels.items())), value)

    return grown


@pytest.fixture(autouse=True)
def invariants(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test that touched the database: what must hold, holds."""
    touched = DATABASE_FIXTURES & set(request.fixturenames) or request.node.get_closest_marker("django_db")
    if touched:
        request.getfixturevalue("db")  # so that its tables outlive our look at them
    yield
    if touched and not request.node.get_closest_marker("breaks_invariants"):
        from common.testing.invariants import assert_invariants

        assert_invariants()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "breaks_invariants: the test leaves rows that no running system would."
    )
