"""The server's jars: fetched by Maven as pom.xml says, accepted only as jars.sha256 pins them.

The order of jars.sha256 is the order of the class path: hessian 4 has to come before hessian 3.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Beside the data of every run: a test's own var folder shares them. Maven keeps the download itself.
JARS = ROOT / "var" / "nacos-jars"
PINS = HERE / "jars.sha256"


class CannotStart(Exception):
    """Nacos cannot be had or started here; the text says why and what to do."""


def missing_tools() -> str:
    """What is needed and not here; empty when all is."""
    absent = [name for name, tool in (("Java", "java"), ("Maven", "mvn")) if not shutil.which(tool)]
    return f"{' and '.join(absent)} not found: apt-get install default-jre-headless maven" if absent else ""


def install(say: Callable[[str], None] = print) -> None:
    """Fetch the jars unless they are here already. Raises CannotStart."""
    if JARS.exists() and not problems(JARS):
        return
    if missing := missing_tools():
        raise CannotStart(missing)
    JARS.parent.mkdir(parents=True, exist_ok=True)
    say(f"Fetching the Nacos server: {len(_pins())} jars, 149 MB (the first time on this machine) …")
    with tempfile.TemporaryDirectory(dir=JARS.parent, prefix="nacos-jars-") as folder:
        _fetch(Path(folder), say)
        if found := problems(Path(folder)):
            raise CannotStart(_refusal(found))
        shutil.rmtree(JARS, ignore_errors=True)
        shutil.copytree(folder, JARS, copy_function=os.replace)
    say("Fetched; every checksum is right.")


def class_path(folder: Path = JARS) -> str:
    """The checked jars in their order. Raises CannotStart when one is missing or another file."""
    if not folder.exists():
        raise CannotStart("the server is not here yet: scripts/nacos install")
    if found := problems(folder):
        raise CannotStart(_refusal(found))
    return os.pathsep.join(str(folder / name) for name in _pins())


def problems(folder: Path) -> list[str]:
    """One sentence per jar that is missing or not the pinned one."""
    found = []
    for name, wanted in _pins().items():
        if not (folder / name).exists():
            found.append(f"{name} is missing")
        elif (given := _sha256(folder / name)) != wanted:
            found.append(f"{name} has the sha256 {given}, pinned is {wanted}")
    return found


def _pins() -> dict[str, str]:
    lines = (line.split() for line in PINS.read_text().splitlines())
    return {name: digest for digest, name in lines}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refusal(found: list[str]) -> str:
    listed = "\n".join(f"  {problem}" for problem in found[:5])
    more = f"\n  and {len(found) - 5} more" if len(found) > 5 else ""
    return (
        f"The jars are not those that {PINS.relative_to(ROOT)} pins:\n{listed}{more}\n"
        f"Nothing of them was run. Remove {JARS.relative_to(ROOT)} and, if it stays, the same jar in Maven's "
        "own cache (~/.m2), then: scripts/nacos install"
    )


def _fetch(folder: Path, say: Callable[[str], None]) -> None:
    # Without -U Maven would remember for a day that it could not reach the registry.
    command = ["mvn", "-B", "-U", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={folder}", "-DincludeScope=runtime", "-Dstyle.color=never"]
    complaints: list[str] = []
    done = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as maven:
        assert maven.stdout is not None
        for line in maven.stdout:
            if line.startswith("[ERROR]"):
                complaints.append(line.rstrip())
            if "Downloaded from" in line and ".jar " in line:
                done += 1
                _progress(done, say)
    if maven.returncode:
        raise CannotStart("Maven could not fetch the server:\n" + "\n".join(complaints[:2]))


def _progress(done: int, say: Callable[[str], None]) -> None:
    if sys.stdout.isatty():
        print(f"\r  {done} jars (with Maven's own) ", end="" if done % 10 else "\n", flush=True)
    elif done % 20 == 0:
        say(f"  {done} jars …")
