"""The configuration centre's suite on a real server: what the fake promises in `tests/registry` is true."""

from common.testing.config_suite import *  # noqa: F403
from tests.nacos.test_agent import agents, nacos  # noqa: F401  (the fixtures)
