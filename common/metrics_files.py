"""Where the processes of one service leave their metrics for `/metrics` to add up.

Room: plain. Web and worker processes have a directory each, so that a restart of one never wipes the other's.
"""

import os
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def metrics_files(run_dir: Path, slug: str, role: str) -> Path:
    """The directory of one role ("web" or "worker") of the service called `slug`, in an instance's place."""
    return run_dir / "metrics" / slug / role


def use_metrics_files(run_dir: Path, slug: str, role: str) -> None:
    """Make this process and its children write there. Call it before prometheus_client is first imported."""
    directory = metrics_files(run_dir, slug, role)
    directory.mkdir(parents=True, exist_ok=True)
    os.environ[VARIABLE] = str(directory)


def forget_dead_processes(run_dir: Path, slug: str, role: str) -> None:
    """Drop what processes left behind that no longer live; of several workers each keeps its own."""
    for file in metrics_files(run_dir, slug, role).glob("*.db"):
        pid = file.stem.rpartition("_")[2]
        if not Path("/proc", pid).exists():
            file.unlink(missing_ok=True)


def wipe_metrics_files(run_dir: Path, slug: str, role: str) -> None:
    """Forget what earlier processes of this role left behind."""
    for file in metrics_files(run_dir, slug, role).glob("*.db"):
        file.unlink(missing_ok=True)
