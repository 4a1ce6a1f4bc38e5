"""`scripts/nacos`: only pinned jars run, a log-in is needed, and it starts, dies and stops as promised."""

import os
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from scripts.nacos_server import jars
from scripts.nacos_server.console import Console, Refused
from scripts.nacos_server.jars import CannotStart
from scripts.nacos_server.server import USERNAME, Server
from tests.nacos.conftest import demand, own_server

ROOT = Path(__file__).resolve().parents[2]
TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The jars in a folder that a test may spoil."""
    demand()
    folder = tmp_path / "jars"
    folder.mkdir()
    for jar in jars.JARS.iterdir():
        (folder / jar.name).symlink_to(jar)
    return folder


def test_hessian_4_comes_before_hessian_3(copied: Path) -> None:
    names = [Path(entry).name for entry in jars.class_path(copied).split(os.pathsep)]

    assert len(names) == 130
    assert names.index("hessian-4.0.63.jar") < names.index("hessian-3.3.6.jar")


def test_another_jar_under_a_pinned_name_is_refused(copied: Path) -> None:
    (copied / "nacos-core-2.3.2.jar").unlink()
    (copied / "nacos-core-2.3.2.jar").write_bytes(b"something else")

    with pytest.raises(CannotStart) as refused:
        jars.class_path(copied)

    assert "nacos-core-2.3.2.jar has the sha256" in str(refused.value)
    assert str(refused.value).splitlines()[0] in TROUBLESHOOTING
    assert "scripts/nacos install" in str(refused.value)


def test_a_jar_that_is_not_pinned_is_never_on_the_class_path(copied: Path) -> None:
    (copied / "aaa.jar").write_bytes(b"not ours")

    assert "aaa.jar" not in jars.class_path(copied)


def test_anonymous_calls_are_refused(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://{server.address}/nacos/v1/ns/catalog/services?pageNo=1&pageSize=9")

    assert refused.value.code == 403


@pytest.mark.parametrize("password", ["nacos", "wrong", ""])
def test_no_other_password_logs_in(server: Server, password: str) -> None:
    with pytest.raises(Refused):
        Console(f"http://{server.address}/nacos", USERNAME, password).log_in()


def test_its_secrets_are_its_owners_alone(server: Server) -> None:
    for name in ("secrets.json", "conf/application.properties"):
        assert (server.home / name).stat().st_mode & 0o777 == 0o600
    # Its own log has the tokens of whoever calls.
    assert server.home.stat().st_mode & 0o777 == 0o700
    command = Path(f"/proc/{server.pid}/cmdline").read_text()
    assert server.environment()["NACOS_PASSWORD"] not in command


def test_the_http_port_listens_on_loopback_alone(server: Server) -> None:
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    addresses = {
        line[1].rpartition(":")[0]
        for line in lines
        if line[3] == "0A" and int(line[1].rpartition(":")[2], 16) == server.port
    }

    assert addresses == {"0000000000000000FFFF00000100007F"}


def test_the_name_space_is_there_and_a_second_start_changes_nothing(server: Server) -> None:
    before = server.pid, server.environment()

    server.start()

    assert (server.pid, server.environment()) == before
    server.console().publish("probe.yaml", "a: 1")
    server.console().delete_config("probe.yaml")


def test_a_killed_server_comes_back_as_it_was(server: Server) -> None:
    server.console().publish("kept.yaml", "a: 1")
    before = server.environment()

    server.kill()
    assert server.pid is None
    server.start()

    assert server.environment() == before
    assert server.console().configuration("kept.yaml") == "a: 1"
    server.console().delete_config("kept.yaml")


def test_a_taken_port_is_named_with_its_owner() -> None:
    with own_server() as server, socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", server._wanted_port + 1000))
        squatter.listen()

        with pytest.raises(CannotStart) as refused:
            server.start()

        assert f"(Nacos gRPC) is taken by process {os.getpid()}" in str(refused.value)
        assert server.pid is None


def test_the_script_says_what_it_can_do() -> None:
    said = subprocess.run([ROOT / "scripts/nacos", "help"], capture_output=True, text=True)

    assert said.returncode == 2
    assert "install|start|stop|env" in said.stderr


def test_without_java_it_says_what_to_install(tmp_path: Path) -> None:
    environment = {"CFMP_VAR_DIR": str(tmp_path), "PATH": str(tmp_path)}
    python = str(ROOT / ".venv/bin/python")

    said = subprocess.run(
        [python, "-m", "scripts.nacos_server", "start"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert said.returncode == 1
    assert said.stderr == "Java and Maven not found: apt-get install default-jre-headless maven\n"
    assert said.stderr.strip() in TROUBLESHOOTING


@pytest.mark.parametrize("port", ["abc", "8848.5", "-1", "80", "65000"])
def test_a_wrong_port_is_refused_in_one_sentence(tmp_path: Path, port: str) -> None:
    with pytest.raises(CannotStart) as refused:
        Server.of(tmp_path, {"CFMP_NACOS_PORT": port})

    assert str(refused.value).startswith(f"CFMP_NACOS_PORT={port}: a number from 2025 to 63999")
    assert "CFMP_NACOS_PORT=…: a number from 2025 to 63999" in TROUBLESHOOTING


def test_without_the_jars_it_says_how_to_fetch_them(tmp_path: Path) -> None:
    with pytest.raises(CannotStart) as refused:
        jars.class_path(tmp_path / "nothing")

    assert f"`{refused.value}`" in TROUBLESHOOTING


def test_a_server_that_dies_while_it_starts_says_its_last_words() -> None:
    with own_server() as server:
        command = server.prepare()
        (server.home / "conf" / "application.properties").write_text("server.port=none")
        child = server._spawn(command)

        with pytest.raises(CannotStart) as refused:
            server.settle(60, ended=lambda: child.poll() is not None)

    assert str(refused.value).startswith("Nacos ended while it started:\n")
    assert "Nacos ended while it started" in TROUBLESHOOTING
    assert 'For input string: "none"' in str(refused.value)
    assert "\tat " not in str(refused.value)
