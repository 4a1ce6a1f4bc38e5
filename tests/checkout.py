"""A copy of the tree that tests may write into, and what they start in it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0


@dataclass(frozen=True)
class Checkout:
    """A tree of its own: nothing a test writes reaches the one it came from."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, folder: str, *command: str) -> subprocess.CompletedProcess[str]:
        """`python COMMAND…` in `folder`, as a person would type it."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.root / folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    @contextmanager
    def running(self, folder: str, *command: str) -> Iterator[subprocess.Popen[str]]:
        """The same, left running until the block ends."""
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=self.root / folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)

    def environment(self) -> dict[str, str]:
        """Only what a shell has, and `variables`: other settings come from the copy's own `.env`."""
        shell = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")
        }
        return {**shell, **self.variables}

    def append(self, file: str, text: str) -> None:
        with (self.root / file).open("a") as opened:
            opened.write(text)

    def replace(self, file: str, old: str, new: str) -> None:
        """Edit `file`; the recipe is wrong when `old` is not there."""
        path = self.root / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1))


def copied_to(root: Path, **variables: str) -> Checkout:
    """Every file that is, or could be, committed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    return Checkout(root, variables)
