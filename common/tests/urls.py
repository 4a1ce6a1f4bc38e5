"""The miniature service's addresses; test modules add theirs through `common.tests.views`."""

from common.tests.keyed_views import urlpatterns as keyed_patterns
from common.tests.views import urlpatterns as view_patterns
from common.web.urls import service_urlpatterns

urlpatterns = [*view_patterns, *keyed_patterns, *service_urlpatterns()]
