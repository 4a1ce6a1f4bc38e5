"""Processes whose time of day is set apart from everybody else's: `clock_apart.c`, preloaded into them."""

import shutil
import subprocess
from pathlib import Path

from tests import missing

SOURCE = Path(__file__).with_name("clock_apart.c")


def compiled(folder: Path) -> Path:
    """The library, made in `folder`. Skips without a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        missing.skip("clocks set apart were not tested: they need a C compiler (Debian: gcc, libc6-dev)")
    library = folder / "clock_apart.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-o", library, SOURCE], check=True, timeout=60)
    return library


def clock_apart(library: Path, seconds: int) -> dict[str, str]:
    """The variables that set the clock of a process, and of its children, apart."""
    return {"LD_PRELOAD": str(library), "CLOCK_APART": str(seconds)}
