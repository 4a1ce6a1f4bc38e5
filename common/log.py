"""JSON lines for every log record, ours and the libraries', with secrets and people's data taken out.

Room: plain. What is logged is the caller's choice; what may never be is decided here, by the name of
the field and by the look of the text. structlog renders, stdlib's handlers write.
"""

import fcntl
import logging
import logging.handlers
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import structlog

from common import tracing

HIDDEN = "***"
_BIG = 4000
_DEEPEST = 6
_LOG_FILE_BYTES = 20 * 1024 * 1024
_LOG_FILES = 5

# A field of such a name is never written, whatever it holds.
_SECRET_NAME = re.compile(
    r"token|secret|passw|authorization|cookie|api_?key|private_?key|pii_?key|index_?key|signature|credential"
    r"|phone|mobile|shipping_|address_line|id_?card|card_?number|cvv|email|^sign$|^key$|_key$|^jwt|^pem$",
    re.IGNORECASE,
)
# Harmless although their name looks otherwise.
_OPEN_NAMES = frozenset({"idempotency_key", "step_key", "jwt_key_claim", "saga_key"})
# Texts that carry secrets inside them, wherever they stand.
_SECRET_TEXT = (
    (re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"), HIDDEN),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
        HIDDEN,
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(r"(?i)\b(sign|password|passwd|token|access_token|secret|api_key)=[^&\s\"']+"),
        rf"\1={HIDDEN}",
    ),
    (re.compile(r"(?<![0-9A-Za-z.-])(?:\+?86[- ]?)?1[3-9][0-9]{9}(?![0-9A-Za-z-])"), HIDDEN),
    (re.compile(r"gAAAA[A-Za-z0-9_=-]{60,}"), HIDDEN),
)

Event = MutableMapping[str, Any]


def configure(
    service: str, *, role: str = "", log_file: str | Path | None = None, level: str = "INFO"
) -> None:
    """Send every record as one JSON line to stdout and, rotated, to `log_file`.

    `role` says which of the service's processes writes: web, worker, agent …
    A log that cannot be written (disk full, no such place) never stops the work; a file that cannot be
    opened is told once, and stdout goes on.
    """
    logging.raiseExceptions = False
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    file, problem = _file_handler(log_file)
    if file is not None:
        handlers.append(file)
    _own.clear()
    _own.update({"service": service, **({"role": role} if role else {})})
    for handler in handlers:
        handler.setFormatter(_formatter())
    _replace_handlers(logging.getLogger(), handlers)
    set_level(level)
    # Below this urllib3 writes whole URLs, queries included.
    logging.getLogger("urllib3").setLevel(logging.INFO)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    if problem is not None:
        get_logger(__name__).warning(
            "log_file_unwritable", file=str(log_file), problem=str(problem), instead="stdout only"
        )


# What every line of this process begins with.
_own: dict[str, str] = {}


def own_fields() -> dict[str, str]:
    """The service's name and the process' role, for lines that are written straight."""
    return dict(_own)


def set_level(level: str) -> None:
    """From now on write records of `level` and above, in this process."""
    logging.getLogger().setLevel(level)


def _replace_handlers(logger: logging.Logger, handlers: list[logging.Handler]) -> None:
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.handlers[:] = handlers


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose calls take an event name and fields: `log.info("order_paid", order_uuid=…)`."""
    return structlog.stdlib.get_logger(name)


def write_line(logger: logging.Logger, level: int, line: str) -> None:
    """Write `line`, a whole JSON line, as it is: for hot paths that know every field they name."""
    logger.log(level, line, extra={"json_line": line})


class _OnceFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders a record once, however many handlers write it; one that brings its line is not rendered."""

    def format(self, record: logging.LogRecord) -> str:
        line = getattr(record, "json_line", None)
        if line is None:
            line = record.json_line = super().format(record)
        return line


def redact(event: Event) -> Event:
    """`event` without secrets and personal data, in names or inside texts, however deep."""
    return {name: _clean(name, value, 0) for name, value in event.items()}


def _formatter() -> logging.Formatter:
    return _OnceFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_shared()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            lambda _, __, event: {**_own, **event},
            structlog.processors.format_exc_info,
            lambda _, __, event: redact(event),
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
    )


def _shared() -> list[Any]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _add_context,
    ]


def _add_context(_: Any, __: str, event: Event) -> Event:
    context = tracing.current()
    event.setdefault("request_id", context.request_id)
    event.setdefault("trace_id", context.trace_id)
    if context.actor:
        event.setdefault("actor", context.actor)
    for name, value in context.about.items():
        event.setdefault(name, value)
    return event


class _SharedFile(logging.handlers.RotatingFileHandler):
    """A rotated file that several processes of one service write to.

    One of them rotates, under a lock; the others notice that the file was moved away and follow.
    """

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        self._follow()
        return bool(super().shouldRollover(record))

    def doRollover(self) -> None:
        with open(f"{self.baseFilename}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Someone else may have rotated while we waited for the lock.
            if not self._follow():
                super().doRollover()

    def _follow(self) -> bool:
        """Open the file anew when ours was moved away; says whether it was."""
        if self.stream is None or self._is_in_place(self.stream.fileno()):
            return False
        moved, self.stream = self.stream, None  # should the next line fail, the next record tries again
        moved.close()
        self.stream = self._open()
        return True

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(Path(self.baseFilename).stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False


def _file_handler(path: str | Path | None) -> tuple[logging.Handler | None, OSError | None]:
    """The handler of the file, or why there is none."""
    if path is None:
        return None, None
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        file = _SharedFile(path, maxBytes=_LOG_FILE_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
    except OSError as problem:
        return None, problem
    return file, None


def _clean(name: str, value: Any, depth: int) -> Any:
    if name not in _OPEN_NAMES and _SECRET_NAME.search(name):
        return HIDDEN
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", inner, depth + 1) for inner in value]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return clean_text(value) if isinstance(value, str) else _clean_other(value)


def _clean_other(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else clean_text(str(value))


def clean_text(text: str) -> str:
    """`text` without tokens, keys, signatures, phone numbers and ciphertext, and not longer than 4000."""
    text = text if len(text) <= _BIG else f"{text[:_BIG]}…"
    for pattern, instead in _SECRET_TEXT:
        text = pattern.sub(instead, text)
    return text
