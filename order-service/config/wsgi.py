"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from common.faults import in_plain_words

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

with in_plain_words():
    application = get_wsgi_application()
