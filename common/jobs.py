"""A service's recurring jobs as data; `worker` runs them. What a job does lives in the service."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Job:
    """`path` is the dotted name of a function without arguments that returns True when there is more to
    do now.

    `exclusive`: one worker at a time runs it, by a lease of its own; `hold` is how many seconds one turn
    may take, None for twice LEASE_SECONDS.
    """

    name: str
    every_seconds: float
    path: str
    exclusive: bool = True
    hold: float | None = None

    def function(self) -> Callable[[], bool | None]:
        """The function itself; raises ImportError for a wrong path."""
        return cast(Callable[[], bool | None], import_string(self.path))


def service_jobs() -> tuple[Job, ...]:
    """The service's `<app>/jobs.py` JOBS; a service may have none."""
    path = settings.CFMP_JOBS
    return tuple(importlib.import_module(path).JOBS) if path else ()
