"""Is this process alive, is it ready for work: `/livez`, `/readyz`, `/health`.

What to do about it is the caller's business.
"""

from __future__ import annotations

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from common.faults import plain_words
from common.log import get_logger

log = get_logger(__name__)
_migrated = False


def livez(request: HttpRequest) -> JsonResponse:
    """The process answers; touches nothing else."""
    return JsonResponse({"status": "ok", "service": settings.SERVICE_NAME})


def health(request: HttpRequest) -> JsonResponse:
    """What the gateway asks.

    200 while this instance should get traffic (database reachable, not draining).
    """
    return _report({"database": _database_answers(), "draining": not draining()})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, every migration is applied and no drain was asked for."""
    database = _database_answers()
    return _report(
        {"database": database, "migrations": database and _migrations_applied(), "draining": not draining()}
    )


def draining() -> bool:
    """Whether this instance asks for no new traffic."""
    return settings.CFMP_RUN_DIR.drain_flag.exists()


def _report(checks: dict[str, bool]) -> JsonResponse:
    good = all(checks.values())
    body = {
        "status": "ok" if good else "unavailable",
        "service": settings.SERVICE_NAME,
        "checks": {name: "ok" if passed else "failed" for name, passed in checks.items()},
    }
    return JsonResponse(body, status=200 if good else 503)


def _database_answers() -> bool:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError as error:
        log.warning("database_unreachable", reason=plain_words(error) or type(error).__name__)
        return False
    return True


def forget_migrations() -> None:
    """Look again at the next probe (between tests)."""
    global _migrated
    _migrated = False


def _migrations_applied() -> bool:
    # Applied migrations stay applied while this process lives; reading the plan costs tens of milliseconds.
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated
