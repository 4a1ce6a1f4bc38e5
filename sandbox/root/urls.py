"""What answers on port 8006."""

from django.urls import path

from config import figures
from config.web import by_method, health
from root import views

handler404 = "config.web.not_found"

urlpatterns = [
    path("", by_method(GET=views.page)),
    path("health", by_method(GET=health("RootService"))),
    path("metrics", by_method(GET=figures.page)),
    path("api/root/services/", by_method(GET=views.services)),
    path("api/root/configuration/", by_method(GET=views.configured)),
]
