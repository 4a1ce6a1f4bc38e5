"""The order app's name."""

from django.apps import AppConfig


class OrderConfig(AppConfig):
    name = "order"
    label = "order"
    verbose_name = "订单 Orders"
