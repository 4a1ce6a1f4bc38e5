"""Logs: one JSON line each, with the request, without anything that must not leave."""

import io
import json
import logging
import logging.handlers
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from common import config, log, tracing
from common.log import HIDDEN, clean_text, get_logger, redact
from common.role import process_role
from common.testing.people import ALICE
from common.tracing import RequestContext, bound

PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----"
FERNET = "gAAAAABm" + "x" * 80


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising
    structlog.reset_defaults()


@pytest.fixture
def lines(tmp_path: Path) -> Any:
    """What a service wrote to its log file."""
    path = tmp_path / "logs" / "order.log"
    log.configure("OrderService", log_file=path)

    def read() -> list[dict[str, Any]]:
        for handler in logging.getLogger().handlers:
            handler.flush()
        return [json.loads(line) for line in path.read_text().splitlines()]

    return read


def test_a_line_says_who_when_and_in_which_request(lines: Any) -> None:
    with bound(RequestContext(request_id="r1", actor="user:alice")):
        get_logger("order.services").info("order_paid", order_id="CFMP1", amount="12.00")

    (line,) = lines()
    assert line["event"] == "order_paid"
    assert (line["service"], line["level"], line["logger"]) == ("OrderService", "info", "order.services")
    assert (line["request_id"], line["actor"], line["order_id"]) == ("r1", "user:alice", "CFMP1")
    assert len(line["trace_id"]) == 32
    assert line["at"].endswith("Z")


def test_libraries_write_the_same_lines(lines: Any) -> None:
    logging.getLogger("some.library").warning("Not Found: %s", "/x", extra={"status_code": 404, "token": "t"})

    (line,) = lines()
    assert (line["event"], line["status_code"], line["token"]) == ("Not Found: /x", 404, HIDDEN)


def test_an_exception_is_one_line_too_and_redacted(lines: Any) -> None:
    try:
        raise ValueError(f"cannot use Bearer {ALICE.token}")
    except ValueError:
        get_logger("x").exception("failed")

    (line,) = lines()
    assert "ValueError" in line["exception"]
    assert "eyJ" not in json.dumps(line)


def test_debug_is_silent_unless_asked_for(lines: Any) -> None:
    get_logger("x").debug("detail")
    logging.getLogger("urllib3").debug("GET /?token=1")

    assert lines() == []


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "access_token",
        "Authorization",
        "X-Service-Authorization",
        "password",
        "DJANGO_SECRET_KEY",
        "api_key",
        "sign",
        "signature",
        "shipping_name",
        "shipping_address",
        "shipping_phone",
        "phone",
        "mobile",
        "email",
        "cookie",
        "pii_keys",
        "card_number",
        "private_key",
    ],
)
def test_a_secret_name_hides_whatever_it_holds(name: str) -> None:
    for value in ("x", 7, None, ["x"], {"x": 1}):
        assert redact({name: value}) == {name: HIDDEN}


@pytest.mark.parametrize(
    "name",
    ["order_id", "amount", "status", "idempotency_key", "reason", "signal", "keyboard", "design", "assigned"],
)
def test_a_plain_name_is_kept(name: str) -> None:
    assert redact({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        PEM,
        PEM[:40],
        "13800138000",
        "+8613800138000",
        "86-13912345678",
        FERNET,
    ],
)
def test_a_secret_inside_a_text_is_cut_out(secret: str) -> None:
    cleaned = clean_text(f"before {secret} after")

    assert secret not in cleaned
    assert cleaned.startswith("before ")
    assert HIDDEN in cleaned


def test_query_strings_lose_their_signatures() -> None:
    text = "POST /gateway.do?app_id=2021&sign=abc%2Fdef==&charset=utf-8 password=hunter2 Bearer abcdef123"

    cleaned = clean_text(text)
    assert "app_id=2021" in cleaned and "charset=utf-8" in cleaned
    assert not any(secret in cleaned for secret in ("abc%2F", "hunter2", "abcdef123"))


@pytest.mark.parametrize(
    "text",
    [
        "CFMP2026112112345678",
        "01900000-0000-7000-8000-13800138000a",
        "2088000000000001",
        "order 12345678901234",
        "12.00",
    ],
)
def test_numbers_that_are_no_phones_stay(text: str) -> None:
    assert clean_text(text) == text


def test_nested_values_are_redacted_and_odd_ones_do_not_break() -> None:
    deep: Any = "end"
    for _ in range(50):
        deep = {"inner": deep}

    event = redact(
        {"list": [{"token": "t"}, ("13800138000",)], "raw": b"secret", "deep": deep, "error": ValueError("x")}
    )

    assert event["list"] == [{"token": HIDDEN}, [HIDDEN]]
    assert event["raw"] == "<6 bytes>"
    assert event["error"] == "x"
    assert "end" not in json.dumps(event["deep"])


def test_a_huge_text_is_cut() -> None:
    assert len(clean_text("x" * 1_000_000)) < 5000


def test_a_log_that_cannot_be_opened_does_not_stop_the_service(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")

    log.configure("OrderService", log_file=tmp_path / "file" / "order.log")
    get_logger("x").info("still_here")

    warning, line = map(json.loads, capsys.readouterr().out.splitlines())
    assert (warning["event"], warning["level"]) == ("log_file_unwritable", "warning")
    assert (warning["file"], warning["instead"]) == (str(tmp_path / "file" / "order.log"), "stdout only")
    assert line["event"] == "still_here"


def test_a_file_that_cannot_be_followed_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "order.log"
    log.configure("OrderService", log_file=path)
    get_logger("x").info("first")
    path.parent.rename(tmp_path / "elsewhere")
    get_logger("x").info("lost: its folder is gone")
    path.parent.mkdir()

    get_logger("x").info("found again")

    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["found again"]


def test_a_line_says_what_it_is_about(lines: Any) -> None:
    with bound(RequestContext()):
        tracing.about(order="CFMP1", payment=None)
        get_logger("x").info("paid")
    get_logger("x").info("another")

    paid, another = lines()
    assert paid["order"] == "CFMP1"
    assert "payment" not in paid and "order" not in another


def test_a_line_names_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("OrderService", role="agent")
    get_logger("x").info("hello")

    line = json.loads(capsys.readouterr().out)
    assert (line["service"], line["role"]) == ("OrderService", "agent")


@pytest.mark.parametrize(
    ("words", "role"),
    [
        (["/venv/bin/gunicorn", "-c", "x"], "web"),
        (["/venv/lib/gunicorn/__main__.py"], "web"),
        (["manage.py", "runserver", "8001"], "web"),
        (["/app/order-service/manage.py", "worker"], "worker"),
        (["manage.py", "migrate"], "command"),
        (["manage.py"], "command"),
        (["/venv/bin/pytest"], ""),
        ([""], ""),
    ],
)
def test_a_process_knows_its_role(words: list[str], role: str) -> None:
    assert process_role(words) == role


def test_the_default_file_belongs_to_a_service_run_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "order-service"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def path(**given: str) -> Path | None:
        return config.load("OrderService", given).log_path

    assert path() == folder / "logs" / "order-service.log"
    assert path(LOG_FILE="off") is None
    assert path(LOG_FILE="/tmp/x.log") == Path("/tmp/x.log")
    monkeypatch.chdir(tmp_path)
    assert path() is None


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_does_not_stop_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("OrderService")
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(FullDisk())

    get_logger("x").info("lost")

    handler.setStream(sys.stdout)
    assert capsys.readouterr().err == ""


def test_the_file_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "order.log"
    log.configure("OrderService", log_file=path)
    handler = next(
        h for h in logging.getLogger().handlers if isinstance(h, logging.handlers.RotatingFileHandler)
    )
    handler.maxBytes = 500

    for _ in range(10):
        get_logger("x").info("a_line")

    assert path.stat().st_size <= 500
    assert (tmp_path / "order.log.1").exists()


def test_processes_that_share_a_file_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "order.log"
    # Four handlers on one file are what four processes are; eleven files are just enough for all lines.
    writers = [log._SharedFile(path, maxBytes=61, backupCount=10, encoding="utf-8") for _ in range(4)]
    texts = [f"{number:05}" for number in range(100)]
    for number, text in enumerate(texts):
        writers[number % 4].emit(logging.LogRecord("x", logging.INFO, "", 0, text, None, None))
    for writer in writers:
        writer.close()

    written = [line for file in tmp_path.glob("order.log*") for line in file.read_text().split()]
    assert sorted(written) == texts


def test_a_file_that_was_moved_away_is_made_anew(lines: Any, tmp_path: Path) -> None:
    get_logger("x").info("before")
    (tmp_path / "logs" / "order.log").rename(tmp_path / "logs" / "archived")
    get_logger("x").info("after")

    assert [line["event"] for line in lines()] == ["after"]


def test_configuring_twice_does_not_write_twice(tmp_path: Path) -> None:
    path = tmp_path / "order.log"
    for _ in range(2):
        log.configure("OrderService", log_file=path)

    get_logger("x").info("once")

    assert len(path.read_text().splitlines()) == 1
