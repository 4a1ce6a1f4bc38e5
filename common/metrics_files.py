"""Where the processes of one service leave their metrics for `/metrics` to add up.

Room: plain. Web and worker processes have a directory each, so that a restart of one never wipes the other's.
"""

import os
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def metrics_files(var_dir: Path, slug: str, role: str) -> Path:
    """The directory of one role ("web" or "worker") of the service called `slug`."""
    return var_dir / "metrics" / slug / role


def use_metrics_files(var_dir: Path, slug: str, role: str) -> None:
    """Make this process and its children write there. Call it before prometheus_client is first imported."""
    directory = metrics_files(var_dir, slug, role)
    directory.mkdir(parents=True, exist_ok=True)
    os.environ[VARIABLE] = str(directory)


def wipe_metrics_files(var_dir: Path, slug: str, role: str) -> None:
    """Forget what earlier processes of this role left behind."""
    for file in metrics_files(var_dir, slug, role).glob("*.db"):
        file.unlink(missing_ok=True)
