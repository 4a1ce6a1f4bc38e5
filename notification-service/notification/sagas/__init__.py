"""Flows that call out between two local transactions."""
