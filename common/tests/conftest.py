"""Fixtures of common's own tests."""

import logging
from collections.abc import Iterator

import pytest

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
