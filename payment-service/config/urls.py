"""Every address of this service."""

from django.urls import include, path

from common.web.urls import service_urlpatterns

urlpatterns = [path("", include("payment.urls")), *service_urlpatterns()]
