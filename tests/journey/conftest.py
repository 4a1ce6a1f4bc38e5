"""The journey's stack sends its spans to a collector, so that its suite sees what is told of it too."""

from collections.abc import Iterator

import pytest

from common.testing.collector import Collector
from tests.conftest import Stack, running_stack


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def stack(collector: Collector) -> Iterator[Stack]:
    """The whole system, as `make start` starts it, with empty databases."""
    telling = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_COLLECTOR": collector.address}
    with running_stack(**telling) as stack:
        yield stack
