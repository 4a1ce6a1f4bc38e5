"""Root addresses: the app's own and those every service has."""

from common.web.urls import service_urlpatterns
from order.urls import urlpatterns as order_urlpatterns

urlpatterns = [*order_urlpatterns, *service_urlpatterns()]
