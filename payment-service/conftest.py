"""The shared fixtures: people, clients, frozen clock, fake neighbours, invariants."""

pytest_plugins = ["common.testing.plugin"]
