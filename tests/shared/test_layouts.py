"""One MariaDB database for all three services, and one each: migrations side by side, then the journey."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from scripts.demo import Story
from tests.conftest import ROOT, VAR, Stack, running_stack
from tests.mariadb import DATABASE, SERVICES, MariaDB, missing, own_mariadb, say_missing
from tests.shop import at_once

# What Django's own apps bring; nothing else may belong to two services.
CONTRIB = ("auth_", "django_")


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    if missing():
        say_missing("layouts", "skipped")
        pytest.skip(missing())
    with own_mariadb() as server:
        yield server


@pytest.fixture(scope="module")
def shared(server: MariaDB) -> Iterator[Stack]:
    """The stack as it starts: its four migrations run at once, three of them on one empty database."""
    with running_stack(VAR, **server.variables) as stack:
        yield stack


@pytest.fixture(scope="module")
def owners(shared: Stack) -> dict[str, set[str]]:
    """Each service's tables, Django's among them."""
    return dict(zip(SERVICES, at_once(lambda service: tables_of(shared, service), SERVICES), strict=True))


def test_the_golden_journey_runs_on_one_database(shared: Stack) -> None:
    story = Story(shared.gateway)

    story.golden()

    assert shared.manage("payment-service", "audit_money").stdout.endswith(" 0 differences\n")
    assert shared.manage("order-service", "audit_orders").stdout.endswith(" 0 differences\n")


def test_every_service_keeps_its_rows_there(shared: Stack, server: MariaDB) -> None:
    """Not in some SQLite file beside it."""
    for table in ("order", "payment", "notification"):
        assert server.run(f"SELECT COUNT(*) FROM `{table}`")[0][0] > 0
    assert {file.stem for file in (shared.var / "db").glob("*.sqlite3")} == {"sandbox"}


def test_each_table_belongs_to_one_service_or_to_django(owners: dict[str, set[str]], server: MariaDB) -> None:
    for service, tables in owners.items():
        own = {table for table in tables if not table.startswith(CONTRIB)}
        others = set().union(*(owners[other] for other in SERVICES if other != service))
        assert own
        assert own.isdisjoint(others), f"{service} shares {own & others}"
    there = {row[0] for row in server.run("SHOW TABLES")} - {"django_migrations"}
    assert there == set().union(*owners.values())


def test_no_foreign_key_crosses_services(owners: dict[str, set[str]], server: MariaDB) -> None:
    keys = server.run(
        "SELECT TABLE_NAME, REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE"
        " WHERE TABLE_SCHEMA = %s AND REFERENCED_TABLE_NAME IS NOT NULL",
        DATABASE,
    )

    assert keys
    for table, referenced in keys:
        assert any({table, referenced} <= tables for tables in owners.values()), f"{table} -> {referenced}"


def test_migrations_at_once_applied_each_one_once(shared: Stack, server: MariaDB) -> None:
    """The stack started them side by side on an empty database."""
    applied = server.run("SELECT app, name, COUNT(*) FROM django_migrations GROUP BY app, name")

    assert {"order", "payment", "notification", "security"} <= {app for app, _, _ in applied}
    assert {count for _, _, count in applied} == {1}


def test_each_service_may_have_a_database_of_its_own(server: MariaDB) -> None:
    """ORDER_DB_* and its like win over CFMP_DB_*; two instances of each service start at once."""
    environment = environment_of(server.split())
    running = [migrate(service, environment) for service in (*SERVICES, *SERVICES)]

    said = [process.communicate(timeout=300)[0] for process in running]

    assert [process.returncode for process in running] == [0] * 6, "\n".join(said)
    for service in SERVICES:
        name = environment[f"{service.upper()}_DB_NAME"]
        tables = {row[0] for row in server.run("SHOW TABLES", database=name)}
        assert f"{service}_outbox" in tables
        assert not {f"{other}_outbox" for other in SERVICES if other != service} & tables


def environment_of(variables: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "CFMP_VAR_DIR": str(VAR), "CFMP_MODE": "embedded", **variables}


def migrate(service: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
        cwd=ROOT / f"{service}-service",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def tables_of(stack: Stack, service: str) -> set[str]:
    """What the service's models call their tables."""
    models = "from django.apps import apps; models = apps.get_models(include_auto_created=True)"
    question = f"{models}; print(*(model._meta.db_table for model in models), sep='\\n')"
    done = stack.manage(f"{service}-service", "shell", "--verbosity", "0", "--command", question)
    return set(done.stdout.split())
