"""The miniature service for a real server; `/slow?SECONDS` answers with its process's id after that time."""

import os
import time
from collections.abc import Callable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "common.tests.settings")
service = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    if environ["PATH_INFO"] != "/slow":
        return service(environ, start_response)
    time.sleep(float(environ["QUERY_STRING"]))
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
