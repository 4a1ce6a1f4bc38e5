"""The suite of every Nacos, on the fake: here it runs where no Java is; `tests/nacos` has the real server."""

from common.testing.nacos_suite import *  # noqa: F403
