"""The images, built once, and what their containers need around them: secrets, MariaDB, names."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import make_secrets
from tests import mariadb, missing
from tests.deploy import compose
from tests.image import build
from tests.image.engine import HOST, Container, Engine

ROOT = compose.ROOT
# MySQL is on the machine, Nacos is away; each service of the compose file has an address of its own.
ADDRESSES = {name: f"10.77.0.{number}" for number, name in enumerate(sorted(compose.ours()), start=10)}
NAMES = {
    "mysql": HOST,
    "nacos": HOST,
    "alipay.localhost": ADDRESSES["sandbox"],
    "localhost": "127.0.0.1",
    **ADDRESSES,
}


def require() -> None:
    if why := build.missing() or mariadb.missing():
        missing.skip(f"no image was built: {why}")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    require()
    home = tmp_path_factory.mktemp("engine") / "home"
    home.mkdir()
    found = Engine(home)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "secrets"
    make_secrets.make(folder)
    return folder


@pytest.fixture(scope="session")
def database(engine: Engine, secrets: Path) -> Iterator[None]:
    """MariaDB in MySQL's place: on port 3306 of the containers' network, with the services' own user."""
    home = Path(tempfile.mkdtemp(prefix="cfmp-db-"))  # MariaDB's own user has to get there
    environment = {**os.environ, "CFMP_VAR_DIR": str(home), "CFMP_TEST_DB_PORT": "3306"}
    environment["CFMP_TEST_DB_OPTIONS"] = "--bind-address=*"
    script = [*engine.enter(network=True), str(ROOT / "scripts" / "mariadb")]
    subprocess.run([*script, "start"], env=environment, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    try:
        password = (secrets / "mysql_password").read_text()
        told = subprocess.run(
            [*script, "env"], env=environment, capture_output=True, text=True, check=True
        ).stdout
        socket = dict(line.split("=", 1) for line in told.splitlines())["CFMP_DB_SOCKET"]
        statements = (
            "CREATE DATABASE cfmp_microservices CHARACTER SET utf8mb4;"
            f"CREATE USER cfmp@'%' IDENTIFIED BY '{password}';"
            "GRANT ALL ON cfmp_microservices.* TO cfmp@'%'"
        )
        engine.inside(["mariadb", "--no-defaults", f"--socket={socket}", "-u", "root", "-e", statements])
        yield
    finally:
        subprocess.run([*script, "stop"], env=environment, check=False, cwd=ROOT)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def start(
    engine: Engine, secrets: Path, database: None, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Container]:
    """`start("order-migrate")`: a container of that compose service, as compose would make it."""
    hosts = tmp_path_factory.mktemp("etc") / "hosts"
    hosts.write_text("".join(f"{address} {name}\n" for name, address in NAMES.items()))
    volumes: dict[str, Path] = {}

    def volume(name: str, owner: int = 10001) -> Path:
        if name not in volumes:
            volumes[name] = tmp_path_factory.mktemp(name)
            os.chown(volumes[name], owner, owner)
        return volumes[name]

    def run(name: str, **changed: str) -> Container:
        service: dict[str, Any] = compose.services()[name]
        held = {f"/run/secrets/{one}": secrets / one for one in service["secrets"]}
        mounted = {
            place: volume(source) for source, place in (one.split(":") for one in service.get("volumes", ()))
        }
        return engine.run(
            service, address=ADDRESSES[name], mounts={"/etc/hosts": hosts, **held, **mounted}, **changed
        )

    return run
