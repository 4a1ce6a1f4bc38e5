"""What answers on port 8007, and behind the gateway at `/` and `/shop/`."""

from django.urls import path

from config.web import by_method, health
from shop import views

handler404 = "config.web.not_found"

urlpatterns = [
    path("", by_method(GET=views.page)),
    path("health", by_method(GET=health("Shop"))),
    path("shop/", by_method(GET=views.page)),
    path("shop/<str:name>", by_method(GET=views.asset)),
]
