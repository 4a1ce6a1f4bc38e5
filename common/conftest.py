"""Gives common's own tests the fixtures that every service's tests have."""

pytest_plugins = ["common.testing.plugin"]
