"""What answers on port 8004."""

from django.urls import path
from faults.views import fault_urls

from config.web import by_method, health
from users import views

handler404 = "config.web.not_found"

urlpatterns = [
    path("health", health("UserService")),
    path("api/v1/auth/login-with-password/", by_method(POST=views.login_with_password)),
    path("api/v1/auth/logout/", by_method(POST=views.logout)),
    path("api/v1/user/<uuid:user_id>/", by_method(GET=views.detail)),
    path("api/auth/verify-token/", by_method(POST=views.verify_token)),
    path("api/users/<uuid:user_id>/", by_method(GET=views.detail)),
    *fault_urls("user"),
]
