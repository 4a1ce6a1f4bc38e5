"""What is told at RootService's `/metrics`: answers by neighbour, and Alipay's notices that wait.

The notices are counted in the database, since another process, the notifier, sends them.
"""

from collections.abc import Iterator

from django.db.models import Count, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

ANSWERS = Counter("sandbox_answers", "Answers of the neighbours played here.", ["neighbour", "status"])


def count(urlconf: str, status: int) -> None:
    """Count one answer; `users.urls` is called `users`."""
    ANSWERS.labels(urlconf.partition(".")[0], str(status)).inc()


class NoticeCollector(Collector):
    """Notices due and not sent, and how late: when they grow, the notifier does not run."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        from alipay_simulator.models import Notification

        now, notices = timezone.now(), Notification.objects
        due = notices.filter(state=Notification.State.PENDING, next_at__lte=now)
        found = due.aggregate(count=Count("id"), oldest=Min("next_at"))
        late = (now - found["oldest"]).total_seconds() if found["oldest"] else 0
        tried = notices.aggregate(attempts=Sum("attempts"))["attempts"] or 0
        yield GaugeMetricFamily("sandbox_notices_due", "Notices due and not sent.", value=found["count"])
        yield GaugeMetricFamily(
            "sandbox_notice_oldest_seconds", "Since when the oldest of them is due.", value=late
        )
        yield GaugeMetricFamily("sandbox_notice_attempts", "Times that a notice was sent.", value=tried)


def page(request: HttpRequest) -> HttpResponse:
    """Everything in Prometheus' text format."""
    due = CollectorRegistry()
    due.register(NoticeCollector())
    return HttpResponse(generate_latest(REGISTRY) + generate_latest(due), content_type=CONTENT_TYPE_LATEST)
