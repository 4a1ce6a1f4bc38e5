"""Fixtures of the order suite come from the shared plugin and from order/tests/conftest.py."""

pytest_plugins = ["common.testing.plugin"]
