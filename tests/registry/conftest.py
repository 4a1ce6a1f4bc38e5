"""A Nacos server of the protocol fake for each test, and agents beside it as real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.testing.agents import Agents, agents_of
from common.testing.nacos_server import NacosServer

pytest.register_assert_rewrite("common.testing.nacos_suite", "common.testing.config_suite")


@pytest.fixture
def nacos() -> Iterator[NacosServer]:
    server = NacosServer().start()
    yield server
    server.stop()


@pytest.fixture
def agents(nacos: NacosServer, tmp_path: Path) -> Iterator[Agents]:
    with agents_of(nacos, tmp_path) as made:
        yield made
