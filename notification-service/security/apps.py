"""The security app's name, and its figures at `/metrics`."""

from django.apps import AppConfig


class SecurityConfig(AppConfig):
    name = "security"
    label = "security"
    verbose_name = "风控 Security"

    def ready(self) -> None:
        from common.web import metrics
        from security.services.figures import CaseCollector

        metrics.asked_at_scrape.append(CaseCollector())
