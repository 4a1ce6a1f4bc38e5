"""The Dockerfile: linted, pinned, without root, and built from files that exist and are let in."""

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.deploy.compose import ROOT, Dockerfile

FINAL = ("order", "payment", "notification", "sandbox")


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = str(Path(sys.executable).parent / "hadolint")
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", FINAL)
def test_an_image_runs_without_root_under_a_real_init(name: str) -> None:
    image = Dockerfile()

    assert image.last(name, "USER") == "10001:10001"
    assert json.loads(image.last(name, "ENTRYPOINT"))[:2] == ["tini", "--"]
    assert image.last(name, "STOPSIGNAL") == "SIGTERM"
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", image.image(name))


@pytest.mark.parametrize("name", FINAL)
def test_an_image_says_what_it_is_and_what_is_in_it(name: str) -> None:
    image = Dockerfile()
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", image.last(name, "LABEL")))
    copied = [rest for word, rest in image.chain(name) if word == "COPY"]
    locks = set(re.findall(r"requirements/\w+\.txt", " ".join(copied)))
    (packages,) = {found for rest in copied for found in re.findall(r"--from=([\w-]+)", rest)}
    install = " ".join(rest for word, rest in image.chain(packages) if word == "RUN")
    installed = set(re.findall(r"requirements/\w+\.txt", install))

    assert labels >= {"title", "description", "licenses", "source", "version", "revision"}
    assert installed and locks == installed


def test_only_locked_packages_are_installed() -> None:
    for name in ("packages", "service-packages", "sandbox-packages"):
        (command,) = [rest for word, rest in Dockerfile().stages[name][1] if word == "RUN"]
        assert "pip install" in command and "--require-hashes" in command
        assert all((ROOT / lock).exists() for lock in re.findall(r"requirements/\w+\.txt", command))


def test_no_compiler_and_no_foreign_service_gets_into_an_image() -> None:
    for name in FINAL:
        words = str(Dockerfile().chain(name))
        assert "build-essential" not in words
        others = {other for other in FINAL if other != name}
        assert not {other for other in others if f"{other}-service/" in words}


def test_what_is_copied_exists_and_is_let_into_the_build() -> None:
    ignored = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in {"", "#"}
    ]
    assert ignored[0] == "*"
    let_in = [line[1:] for line in ignored if line.startswith("!")]
    for _, instructions in Dockerfile().stages.values():
        for word, rest in instructions:
            if word != "COPY" or rest.startswith("--from="):
                continue
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert any(source.rstrip("/") == one or source.startswith(f"{one}/") for one in let_in), (
                    source
                )
    assert all((ROOT / one).exists() for one in let_in)


def test_tests_and_private_files_stay_out() -> None:
    refused = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("**/")]

    for path in ("common/tests", "order-service/conftest.py", "order-service/.env", "sandbox/x.sqlite3"):
        assert any(fnmatch(path, pattern.replace("**/", "*/")) for pattern in refused), path
