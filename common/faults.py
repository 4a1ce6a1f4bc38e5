"""Faults that an operator can mend, in plain words: what is wrong and what to do, without a stack trace.

Room: plain, and the first thing a program imports: it needs no package, since a missing package is one of the
faults. What it does not know is a defect of ours and keeps its stack trace.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb

_THERE = "CFMP_DB_HOST, CFMP_DB_PORT or CFMP_DB_SOCKET"
_MIGRATE = "A table is missing ({}): run `python manage.py migrate`"
_UNREACHED = f"The database cannot be reached ({{}}): start it, or mend {_THERE}"
# By MySQL's numbers.
_MYSQL = {
    2002: _UNREACHED,
    2003: _UNREACHED,
    2005: f"The database's host is unknown ({{}}): mend {_THERE}",
    2006: _UNREACHED,
    2013: _UNREACHED,
    1044: "The database user may not use this database ({}): GRANT it, or mend CFMP_DB_NAME",
    1045: "The database refuses the user ({}): mend CFMP_DB_USER and CFMP_DB_PASSWORD, or create the user",
    1049: "The database does not exist ({}): create it, or mend CFMP_DB_NAME",
    1146: _MIGRATE,
}
_SQLITE = {
    "unable to open database file": "The database file cannot be opened ({}): mend CFMP_VAR_DIR",
    "file is not a database": "The database file is none ({}): mend CFMP_DB_NAME, or move the file away",
    "readonly database": "The database file cannot be written ({}): give it to this user",
    "no such table": _MIGRATE,
    "no such column": _MIGRATE,
}
# These do not go away by themselves.
_LASTING = {2005, 1044, 1045, 1049}
_LASTING_SQLITE = ("unable to open database file", "file is not a database", "readonly database")


class Misconfigured(Exception):
    """Something must be mended before this can run; the text says what is wrong and what to do."""


@contextmanager
def in_plain_words() -> Iterator[None]:
    """End the program with status 1 and one message when a fault that can be mended comes out of the block.

    `--traceback` on the command line shows where it came from.
    """
    try:
        yield
    except Exception as fault:
        words = plain_words(fault)
        if words is None or "--traceback" in sys.argv:
            raise
        print(words, file=sys.stderr)
        raise SystemExit(1) from None


def plain_words(fault: BaseException) -> str | None:
    """What is wrong and what to do; None for what is no operator's to mend."""
    if isinstance(fault, Misconfigured):
        return str(fault)
    if isinstance(fault, ModuleNotFoundError):
        return _missing_module(fault)
    if isinstance(fault.__cause__, ModuleNotFoundError) and fault.__cause__.name == "MySQLdb":
        return "mysqlclient is missing: `pip install -r requirements/mysql.txt`, or CFMP_DB_ENGINE=sqlite"
    if _is_from_the_database(fault):
        return _database(fault)
    return None


def is_lasting(fault: BaseException) -> bool:
    """Whether waiting does not help: a database that says no, rather than one that is away."""
    if not _is_from_the_database(fault):
        return False
    return _number(fault) in _LASTING or any(mark in str(fault) for mark in _LASTING_SQLITE)


def _missing_module(fault: ModuleNotFoundError) -> str:
    return (
        f"The Python module {fault.name} is missing in {sys.executable} (wanted by {_wanted_by(fault)}): "
        "install the packages (`pip install -r requirements.txt`), start in a service's folder, "
        "and look at PYTHONPATH and DJANGO_SETTINGS_MODULE"
    )


def _wanted_by(fault: BaseException) -> str:
    """The line of code whose import failed; importlib's own frames say nothing."""
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(fault.__traceback__)]
    real = [(name, line) for name, line in frames if not name.startswith("<") and "importlib" not in name]
    name, line = real[-1] if real else ("?", 0)
    return f"{Path(name).name}, line {line}"


def _is_from_the_database(fault: BaseException) -> bool:
    django = sys.modules.get("django.db.utils")
    return django is not None and isinstance(fault, django.Error)


def _database(fault: BaseException) -> str | None:
    text = re.sub(r"\s+", " ", str(fault.args[-1] if fault.args else fault)).strip()
    sentence = _MYSQL.get(_number(fault) or 0)
    if sentence is None:
        sentence = next((words for mark, words in _SQLITE.items() if mark in text), None)
    return None if sentence is None else sentence.format(text)


def _number(fault: BaseException) -> int | None:
    return fault.args[0] if fault.args and isinstance(fault.args[0], int) else None
