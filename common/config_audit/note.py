"""Writes what arrived from the configuration centre into the service's table, once, whoever saw it.

Each instance keeps what it saw in its own files, so every worker of the service comes with the same news,
some late. What counts is the table: a publication is new unless it stands there, or something later does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Max

from common.atomic import in_transaction
from common.concrete import concrete, has_part
from common.config_store import ACCEPTED, REFUSED, Arrival, documents_for
from common.jobs import Job
from common.log import get_logger

log = get_logger(__name__)


@dataclass
class _Memory:
    """What this process has brought to the table already: without news the job asks no database."""

    last: dict[str, list[Arrival]] = field(default_factory=dict)


_memory = _Memory()


def note_changes() -> bool:
    """One look at the files of this instance. True when another worker was noting at the same moment."""
    documents = documents_for(settings.CFMP) if has_part("config_change") else None
    if documents is None:
        return False
    arrivals = {data_id: documents.arrivals(data_id) for data_id in documents.data_ids}
    if arrivals == _memory.last:
        return False
    try:
        for arrived in arrivals.values():
            for arrival in arrived:
                in_transaction(lambda arrival=arrival: note(arrival))  # type: ignore[misc]
    except IntegrityError:
        return True
    _memory.last = arrivals
    return False


def note(arrival: Arrival) -> bool:
    """Write one publication; False when it stands there already or is older than what does.

    In a transaction of the caller's. Raises IntegrityError when another worker is writing it.
    """
    rows = concrete("config_change").objects.filter(data_id=arrival.data_id)
    # Read before anything is looked up: what another worker commits from here on takes this number.
    sequence = (rows.aggregate(last=Max("sequence"))["last"] or 0) + 1
    other = rows.exclude(md5=arrival.md5).order_by("-sequence").values("sequence", "published_at").first()
    if other is not None and arrival.at < other["published_at"]:
        return False
    since = other["sequence"] if other is not None else 0
    if rows.filter(md5=arrival.md5, outcome=arrival.outcome, sequence__gt=since).exists():
        return False
    model = rows.model
    model.objects.bulk_create(
        model(**_facts(arrival), sequence=sequence, line=number, **what)
        for number, what in enumerate(_lines(arrival, _values(rows)))
    )
    log.info("config_change_noted", data_id=arrival.data_id, outcome=arrival.outcome, md5=arrival.md5)
    return True


def _facts(arrival: Arrival) -> dict[str, Any]:
    return {
        "data_id": arrival.data_id,
        "outcome": arrival.outcome,
        "md5": arrival.md5,
        "operator": arrival.operator[:128],
        "address": arrival.address[:64],
        "published_at": arrival.at,
    }


def _lines(arrival: Arrival, before: Mapping[str, str]) -> list[dict[str, str]]:
    if arrival.outcome == REFUSED:
        return [{"reason": "\n".join(arrival.problems)}]
    now = arrival.shown
    changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    lines = [{"setting": n, "old_value": before.get(n, ""), "new_value": now.get(n, "")} for n in changed]
    return lines or [{"reason": "no value changed"}]


def _values(rows: Any) -> dict[str, str]:
    """What the document said last, by setting."""
    accepted = rows.filter(outcome=ACCEPTED).exclude(setting="").order_by("sequence")
    values: dict[str, str] = dict(accepted.values_list("setting", "new_value"))
    return {name: value for name, value in values.items() if value}


# Any number of workers may note at once: the unique index decides.
JOB = Job("config_changes", 2.0, "common.config_audit.note.note_changes", exclusive=False)
