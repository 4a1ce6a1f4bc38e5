"""Installs `common` in a service.

Converters, JSON error pages and the rule against calling out inside a transaction.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings


class CommonConfig(AppConfig):
    """No models: outbox, inbox, sagas and the rest are made concrete by each service."""

    name = "common"
    verbose_name = "Common"

    def ready(self) -> None:
        from common import service_client
        from common.web import converters

        converters.register()
        _answer_in_json()
        service_client.configure(settings.CFMP)
        if refuse_inside_transaction not in service_client.before_call:
            service_client.before_call.append(refuse_inside_transaction)


def _answer_in_json() -> None:
    # Django looks here when a root URLconf names no handlers of its own: no service can forget them.
    from django.conf import urls

    urls.handler400 = "common.web.problems.bad_request"
    urls.handler403 = "common.web.problems.permission_denied"
    urls.handler404 = "common.web.problems.not_found"
    urls.handler500 = "common.web.problems.server_error"


def refuse_inside_transaction(*call: object, **details: object) -> None:
    """A guard of `service_client`: no network call while a transaction holds locks.

    Raises CallInTransaction.
    """
    from django.db import connections

    from common.errors import CallInTransaction

    for connection in connections.all(initialized_only=True):
        # The blocks a Django test case wraps around a whole test are not the service's own.
        if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
            raise CallInTransaction
