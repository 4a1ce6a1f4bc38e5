"""A real Nacos server under var/nacos, for tests and for DISCOVERY=nacos on one machine.

Standard library only: it is fetched and started before any package is installed.
"""
