"""One folder of development secrets for the whole suite: making keys takes a second."""

from pathlib import Path

import pytest

from scripts import make_secrets


@pytest.fixture(scope="session")
def secrets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    make_secrets.make(folder)
    return folder
