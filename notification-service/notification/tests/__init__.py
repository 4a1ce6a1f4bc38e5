"""Tests by promise: a URL, an event, a job."""
