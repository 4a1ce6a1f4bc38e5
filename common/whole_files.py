"""Files that other processes read at any moment: they are put in place whole, or not at all.

Room: plain.
"""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: str | bytes, mode: int) -> None:
    """Put `content` at `path` in one step. Raises OSError with a name; what was there before then stays."""
    raw = content.encode() if isinstance(content, str) else content
    # The process's own number: two writers (one of them about to be told to go) never share a draft.
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        _write(draft, raw, mode)
        draft.replace(path)
    except OSError as problem:
        # Half a draft would take what is left of a full disk.
        with suppress(OSError):
            draft.unlink()
        raise OSError(problem.errno, problem.strerror, str(path)) from problem


def _write(draft: Path, raw: bytes, mode: int) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
