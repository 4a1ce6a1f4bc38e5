"""Names the test app."""

from django.apps import AppConfig


class RingConfig(AppConfig):
    name = "common.tests.ring"
    label = "ring"
