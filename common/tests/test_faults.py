"""What an operator can mend is told in a sentence; what is ours keeps its stack trace."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import IntegrityError, OperationalError, ProgrammingError

from common.faults import Misconfigured, in_plain_words, is_lasting, plain_words

ROOT = Path(__file__).resolve().parents[2]
TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text()

DATABASE = [
    (
        OperationalError(2002, "Can't connect to server on 'db' (115)"),
        "The database cannot be reached (",
        False,
    ),
    (OperationalError(2003, "Can't connect to server"), "The database cannot be reached (", False),
    (OperationalError(2006, "Server has gone away"), "The database cannot be reached (", False),
    (OperationalError(2005, "Unknown server host 'db'"), "The database's host is unknown (", True),
    (OperationalError(1045, "Access denied for user 'x'"), "The database refuses the user (", True),
    (OperationalError(1044, "Access denied to 'd'"), "The database user may not use this database (", True),
    (OperationalError(1049, "Unknown database 'd'"), "The database does not exist (", True),
    (ProgrammingError(1146, "Table 'd.order' doesn't exist"), "A table is missing (", False),
    (OperationalError("unable to open database file"), "The database file cannot be opened (", True),
    (OperationalError("attempt to write a readonly database"), "The database file cannot be written (", True),
]


@pytest.mark.parametrize(("fault", "words", "lasting"), DATABASE)
def test_a_databases_no_is_told_and_documented(fault: Exception, words: str, lasting: bool) -> None:
    told = plain_words(fault)

    assert told is not None
    assert told.startswith(words)
    assert str(fault.args[-1]) in told
    assert words in TROUBLESHOOTING
    assert is_lasting(fault) is lasting


@pytest.mark.parametrize(
    "fault",
    [
        ValueError("x"),
        KeyError("x"),
        IntegrityError(1062, "Duplicate entry"),
        OperationalError(1213, "Deadlock found"),
        ImproperlyConfigured("x"),
    ],
)
def test_a_defect_of_ours_keeps_its_stack_trace(fault: Exception) -> None:
    assert plain_words(fault) is None
    with pytest.raises(type(fault)), in_plain_words():
        raise fault


def test_a_mysql_without_its_driver_names_the_package() -> None:
    fault = ImproperlyConfigured("Error loading MySQLdb module.")
    fault.__cause__ = ModuleNotFoundError("No module named 'MySQLdb'", name="MySQLdb")

    told = plain_words(fault)

    assert told is not None
    assert told.startswith("mysqlclient is missing: ")
    assert "mysqlclient is missing: " in TROUBLESHOOTING


def test_a_missing_module_is_named_with_who_wants_it() -> None:
    try:
        importlib.import_module("no_such_module_of_ours")
    except ModuleNotFoundError as fault:
        told = plain_words(fault)

    assert told is not None
    assert told.startswith(f"The Python module no_such_module_of_ours is missing in {sys.executable} (")
    assert "test_faults.py, line" in told


def test_a_fault_ends_the_program_with_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, in_plain_words():
        raise Misconfigured("Set THIS to that.")

    assert ended.value.code == 1
    assert capsys.readouterr().err == "Set THIS to that.\n"


def test_the_stack_trace_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["manage.py", "check", "--traceback"])

    with pytest.raises(Misconfigured), in_plain_words():
        raise Misconfigured("Set THIS to that.")


def test_it_needs_no_package() -> None:
    code = "import common.faults, sys; print(sorted({'django', 'dotenv', 'structlog'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout == "[]\n", done.stderr
