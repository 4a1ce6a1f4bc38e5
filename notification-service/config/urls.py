"""Every address of this service. The order matters nowhere: no route of one app can match another's."""

from django.urls import include, path

from common.web.urls import service_urlpatterns

urlpatterns = [
    path("", include("notification.urls")),
    path("", include("security.urls")),
    *service_urlpatterns(),
]
