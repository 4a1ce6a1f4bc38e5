"""The miniature service for a real server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "common.tests.settings")
application = get_wsgi_application()
