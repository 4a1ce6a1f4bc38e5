"""Promises of the order service, by URL, command and event."""
