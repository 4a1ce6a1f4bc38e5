"""The sandbox's variables: keys may come as files, under names of their own."""

from pathlib import Path

import pytest

from common.faults import Misconfigured
from config.environment import load


def test_a_key_comes_from_its_file_and_a_variable_wins(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-the-file\n")
    given = {"CFMP_VAR_DIR": str(tmp_path), "SANDBOX_JWT_HS256_SECRET_FILE": str(tmp_path / "secret")}

    assert load(given).jwt_hs256_secret == "from-the-file"
    assert load({**given, "SANDBOX_JWT_HS256_SECRET": "given"}).jwt_hs256_secret == "given"


def test_a_file_that_is_not_there_is_one_clear_sentence(tmp_path: Path) -> None:
    given = {"CFMP_VAR_DIR": str(tmp_path), "SANDBOX_JWT_PRIVATE_KEY_FILE": "/run/secrets/none"}

    with pytest.raises(Misconfigured, match="A key file of the sandbox cannot be read"):
        load(given)


def test_tokens_name_the_key_they_are_told_to(tmp_path: Path) -> None:
    named = load({"CFMP_VAR_DIR": str(tmp_path), "SANDBOX_JWT_KEY": "one", "SANDBOX_JWT_HS256_KEY": "two"})
    usual = load({"CFMP_VAR_DIR": str(tmp_path)})

    assert (named.jwt_key, named.jwt_hs256_key) == ("one", "two")
    assert (usual.jwt_key, usual.jwt_hs256_key) == ("cfmp-sandbox", "cfmp-hs256")


def test_it_never_runs_in_production(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="only with CFMP_MODE=embedded"):
        load({"CFMP_VAR_DIR": str(tmp_path), "CFMP_MODE": "production"})
