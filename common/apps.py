"""Installs `common` in a service.

Converters, JSON error pages and the rule against calling out inside a transaction.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import register

from common.errors import CallInTransaction


class CommonConfig(AppConfig):
    """No models: outbox, inbox, sagas and the rest are made concrete by each service."""

    name = "common"
    verbose_name = "Common"

    def ready(self) -> None:
        from common import live_settings, service_client
        from common.web import checks, converters

        converters.register()
        register(checks.check_views)
        _answer_in_json()
        _tell_figures()
        live_settings.configure(settings.CFMP)
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


def _tell_figures() -> None:
    from common.config_audit.figures import ConfigCollector
    from common.outbox.figures import OutboxCollector
    from common.sagas.figures import SagaCollector
    from common.web import metrics
    from common.web.registry_figures import RegistryCollector

    metrics.asked_at_scrape[:] = [OutboxCollector(), SagaCollector(), RegistryCollector(), ConfigCollector()]


def refuse_inside_transaction(method: str, service: str, path: str) -> None:
    """A guard of `service_client`: no network call while a transaction holds locks.

    Raises CallInTransaction.
    """
    from common.atomic import inside_atomic

    if inside_atomic():
        raise CallInTransaction
