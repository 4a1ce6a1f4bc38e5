"""The one clock. Everything that is about business time asks `now()`, so a test can move it.

Room: plain. Stored and sent times are UTC; order dates, reconciliation days and Alipay's own
timestamps are Asia/Shanghai. Deadlines of calls are monotonic and live in `common.tracing`.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

Source = Callable[[], datetime]


def _system() -> datetime:
    return datetime.now(UTC)


_source: Source = _system


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _source()


def use_source(source: Source | None) -> Source:
    """Let `source` tell the time (None: the machine again). Returns what told it before."""
    global _source
    before, _source = _source, source or _system
    return before


def age(since: datetime | None) -> float:
    """Seconds since then, never negative; 0 where there is nothing to be old."""
    return max(0.0, (now() - since).total_seconds()) if since else 0.0


def shanghai_date(at: datetime | None = None) -> date:
    """The calendar day in Shanghai at `at` (default: now)."""
    return _aware(at or now()).astimezone(SHANGHAI).date()


def day_range(day: date) -> tuple[datetime, datetime]:
    """The half-open UTC range [start, end) of one Shanghai day."""
    start = datetime.combine(day, time.min, SHANGHAI)
    return start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC)


def rfc3339(at: datetime) -> str:
    """The wire form: `2026-11-21T02:00:00Z`, with microseconds when there are any."""
    return _aware(at).astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_shanghai(text: str) -> datetime:
    """Alipay's `2026-11-21 10:00:00` as aware UTC. Raises ValueError for anything else."""
    if not text.isascii():
        raise ValueError("a Shanghai timestamp has ASCII digits")
    naive = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    return naive.replace(tzinfo=SHANGHAI).astimezone(UTC)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time without a zone has no meaning here")
    return at
