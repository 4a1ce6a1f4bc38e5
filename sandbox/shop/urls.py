"""What answers on port 8007."""

from django.urls import path

from config.web import by_method, health

handler404 = "config.web.not_found"

urlpatterns = [
    path("health", by_method(GET=health("Shop"))),
]
