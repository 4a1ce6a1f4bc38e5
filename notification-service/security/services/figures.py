"""How reviews are doing, for `/metrics`: open cases, and how long the oldest has waited."""

from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common import clock
from security.models import RiskAssessment
from security.states import CaseState, Outcome

EVALUATIONS = Counter("risk_evaluations", "Attempts judged, by outcome.", ["outcome"])


class CaseCollector(Collector):
    """`risk_cases_open{outcome}`: held payments are customers who wait, the others are homework."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        rows = RiskAssessment.objects.filter(case_state=CaseState.OPEN).values("outcome")
        found = {row["outcome"]: row for row in rows.annotate(count=Count("id"), since=Min("created_at"))}
        count = GaugeMetricFamily("risk_cases_open", "Cases nobody decided yet.", labels=["outcome"])
        age = GaugeMetricFamily("risk_case_oldest_seconds", "How long the oldest waits.", labels=["outcome"])
        for outcome in (Outcome.REVIEW, Outcome.BLOCK_AND_REVIEW):
            since = found.get(outcome, {}).get("since")
            count.add_metric([outcome.name.lower()], found.get(outcome, {}).get("count", 0))
            age.add_metric([outcome.name.lower()], clock.age(since))
        yield count
        yield age
