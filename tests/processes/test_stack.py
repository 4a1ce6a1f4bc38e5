"""`make start`, `make stop`, Ctrl-C and worse, in a `var` of their own but on the documented ports."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Stack = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("var")
    yield folder
    subprocess.run(command("stop"), env=environment(folder), cwd=ROOT)


@pytest.fixture
def stack(var: Path) -> Stack:
    """Runs one verb and returns what it said."""

    def verb(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(name), env=environment(var), cwd=ROOT, capture_output=True, text=True)

    return verb


@pytest.fixture
def running(stack: Stack) -> None:
    """It runs; starting costs seconds, so tests that leave it running share it."""
    started(stack)


@pytest.fixture
def stopped(stack: Stack) -> None:
    stack("stop")


def started(stack: Stack) -> str:
    said = stack("start")
    assert said.returncode == 0, said.stderr
    return said.stdout


def command(verb: str) -> list[str]:
    return [sys.executable, "-m", "scripts.stack", verb]


def environment(var: Path) -> dict[str, str]:
    return {**os.environ, "CFMP_VAR_DIR": str(var), "WEB_CONCURRENCY": "1"}


def processes(var: Path) -> list[int]:
    """Every process that carries this stack's mark or works with its files."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if str(var) in environ_of(pid)]  # noqa: PTH208


def environ_of(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    return " ".join(word for word in words if word.startswith("CFMP_STACK="))


def rows(var: Path) -> dict[str, int]:
    return {file.name: file.stat().st_ino for file in (var / "db").glob("*.sqlite3")}


def test_it_starts_and_says_how_to_use_it(stack: Stack, var: Path) -> None:
    said = started(stack)

    assert "Ready in" in said
    assert "http://127.0.0.1:9080/" in said
    assert "alice@example.com" in said
    assert said.count("curl -s") == 3
    assert stack("status").returncode == 0


@pytest.mark.usefixtures("stopped")
def test_a_reader_who_leaves_early_stops_nothing(stack: Stack, var: Path) -> None:
    """`make start | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    start = subprocess.run(
        command("start"), env=environment(var), cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)

    assert (start.returncode, start.stderr) == (0, "")
    assert stack("status").returncode == 0


@pytest.mark.usefixtures("running")
def test_a_second_start_finds_the_first(stack: Stack) -> None:
    assert "Already running" in started(stack)
    assert stack("status").returncode == 0


@pytest.mark.usefixtures("running")
def test_a_killed_service_comes_back(stack: Stack, var: Path) -> None:
    for pid in processes(var):
        if Path(f"/proc/{pid}/cwd").resolve().name == "order-service":
            os.kill(pid, signal.SIGKILL)

    deadline = time.monotonic() + 60
    while not answers(8001) or stack("status").returncode:
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.usefixtures("running")
def test_what_a_killed_supervisor_left_is_cleared_away(stack: Stack, var: Path) -> None:
    os.kill(int((var / "run" / "supervisord.pid").read_text()), signal.SIGKILL)
    time.sleep(0.2)
    assert processes(var)

    assert "Ready in" in started(stack)
    assert stack("status").returncode == 0


@pytest.mark.usefixtures("stopped")
def test_a_full_disk_under_the_logs_stops_no_supervisor(stack: Stack, var: Path) -> None:
    files = [var / "log" / name for name in ("supervisord.log", "supervisord.out", "order.log")]
    for file in files:
        file.unlink(missing_ok=True)
        file.symlink_to("/dev/full")

    assert "Ready in" in started(stack)
    assert stack("status").returncode == 0

    stack("stop")
    for file in files:
        file.unlink()


@pytest.mark.usefixtures("running")
def test_a_stop_leaves_nothing_and_a_second_run_keeps_the_data(stack: Stack, var: Path) -> None:
    assert stack("stop").returncode == 0
    assert processes(var) == []
    assert not [path for path in (var / "run").iterdir() if path.is_socket()]
    assert "Nothing was running" in stack("stop").stdout
    before = rows(var)

    started(stack)

    assert len(before) == 4
    assert rows(var) == before


@pytest.mark.usefixtures("stopped")
def test_a_taken_port_is_named_with_its_owner(stack: Stack, var: Path) -> None:
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", 8002))
        squatter.listen()
        refused = stack("start")

    assert refused.returncode == 1
    assert f"port 8002 (PaymentService) is taken by process {os.getpid()}" in refused.stderr
    assert processes(var) == []


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process(var: Path, number: signal.Signals) -> None:
    running = subprocess.Popen(
        command("run"),
        env=environment(var),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    assert any("Ctrl-C" in line for line in running.stdout)

    os.killpg(running.pid, number)
    os.killpg(running.pid, number)  # somebody impatient

    assert running.wait(60) == 0
    assert processes(var) == []


@pytest.mark.usefixtures("stopped")
def test_an_interrupt_while_it_starts_leaves_no_process(var: Path) -> None:
    running = subprocess.Popen(
        command("run"), env=environment(var), cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    while not processes(var) and running.poll() is None:
        time.sleep(0.05)

    os.killpg(running.pid, signal.SIGINT)

    assert running.wait(60) == 0
    assert processes(var) == []


def test_reset_forgets_everything(stack: Stack, var: Path) -> None:
    assert rows(var)

    assert stack("reset").returncode == 0

    assert processes(var) == []
    assert list(var.iterdir()) == []


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
