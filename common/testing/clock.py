"""A clock that stands still until a test moves it.

Room: testing. It sets `common.clock` for the whole process, threads included.
"""

from datetime import UTC, datetime, timedelta
from types import TracebackType

from common import clock

# A Saturday morning in Shanghai, far from midnight there and in UTC.
DEFAULT = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


class FrozenClock:
    """Use as a context manager; `move(minutes=31)` and `set(at)` change the time inside it."""

    def __init__(self, at: datetime = DEFAULT) -> None:
        self._at = _aware(at)
        self._before: clock.Source | None = None

    def now(self) -> datetime:
        return self._at

    def set(self, at: datetime) -> datetime:
        """Go to `at`, also backwards: clocks of real machines do."""
        self._at = _aware(at)
        return self._at

    def move(self, **amount: float) -> datetime:
        """Go on by a timedelta's keywords: `seconds`, `minutes`, `hours`, `days`; negative goes back."""
        self._at += timedelta(**amount)
        return self._at

    def __enter__(self) -> "FrozenClock":
        self._before = clock.use_source(self.now)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        clock.use_source(self._before)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a frozen time needs a zone")
    return at.astimezone(UTC)
