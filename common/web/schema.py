"""Writes the OpenAPI description so that it holds every answer a view can give, failures included."""

from __future__ import annotations

from drf_spectacular.openapi import AutoSchema


class SuiteSchema(AutoSchema):
    """Envelopes around answers, and the common problems beside them."""


def drop_alias_paths(endpoints: list, **kwargs: object) -> list:  # type: ignore[type-arg]
    """Each route answers with and without its last slash; the description shows one of the two."""
    return endpoints
