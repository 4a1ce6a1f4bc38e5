"""The configuration centre's suite on the protocol fake; fixtures are in conftest.py."""

from common.testing.config_suite import *  # noqa: F403
