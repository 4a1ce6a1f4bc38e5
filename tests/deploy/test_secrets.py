"""`make secrets`: complete, kept on the second run, out of others' sight, and no default anywhere."""

import json
import stat
from pathlib import Path

import pytest

from common.faults import Misconfigured
from scripts import make_secrets
from tests.deploy import compose


def test_each_secret_of_the_compose_file_is_made_and_no_other(secrets_folder: Path) -> None:
    declared = {name: Path(one["file"]) for name, one in compose.load()["secrets"].items()}

    assert {path.name for path in secrets_folder.iterdir()} == set(declared)
    assert all(path == Path("deploy/secrets") / name for name, path in declared.items())


def test_a_second_run_keeps_what_is_there(tmp_path: Path) -> None:
    first = make_secrets.make(tmp_path / "secrets")
    before = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    assert make_secrets.make(tmp_path / "secrets") == []
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == before
    assert set(first) == set(make_secrets.MAKERS)


def test_a_public_half_follows_its_private_one(tmp_path: Path) -> None:
    make_secrets.make(tmp_path)
    (tmp_path / "order_service_private_key").unlink()
    before = json.loads((tmp_path / "service_public_keys").read_text())

    assert make_secrets.make(tmp_path) == ["order_service_private_key"]
    after = json.loads((tmp_path / "service_public_keys").read_text())
    assert after["OrderService"] != before["OrderService"]
    assert after["PaymentService"] == before["PaymentService"]


def test_only_the_owner_enters_the_folder_and_a_container_reads_the_files(secrets_folder: Path) -> None:
    assert stat.S_IMODE(secrets_folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets_folder.iterdir()} == {0o444}


def test_two_runs_share_no_secret(secrets_folder: Path, tmp_path: Path) -> None:
    make_secrets.make(tmp_path)

    for name in make_secrets.MAKERS:
        assert (tmp_path / name).read_text() != (secrets_folder / name).read_text()


def test_git_and_the_images_never_see_the_folder() -> None:
    assert "deploy/secrets/" in (compose.ROOT / ".gitignore").read_text().splitlines()
    kept = [
        line for line in (compose.ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    ]
    assert not any(line in {"!deploy", "!deploy/secrets"} for line in kept)


def test_an_empty_file_is_none(tmp_path: Path) -> None:
    make_secrets.make(tmp_path)
    for name in ("nacos_password", "order_service_private_key"):
        (tmp_path / name).unlink()
        (tmp_path / name).touch()

    assert make_secrets.make(tmp_path) == ["nacos_password", "order_service_private_key"]
    assert not [path.name for path in tmp_path.iterdir() if not path.read_text().strip()]


def test_half_a_key_is_told_by_its_name(tmp_path: Path) -> None:
    make_secrets.make(tmp_path)
    half = (tmp_path / "alipay_private_key").read_text()[:200]
    (tmp_path / "alipay_private_key").unlink()
    (tmp_path / "alipay_private_key").write_text(half)

    with pytest.raises(Misconfigured, match="alipay_private_key is no private key"):
        make_secrets.make(tmp_path)
