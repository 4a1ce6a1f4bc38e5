"""A file that others read at any moment is the old one or the new one."""

import stat
from pathlib import Path

import pytest

from common.whole_files import write_whole


@pytest.mark.parametrize("content", ["金额\n", "金额\n".encode()])
def test_text_and_bytes_are_put_with_their_mode(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "kept.json"

    write_whole(path, content, 0o600)

    assert path.read_bytes() == "金额\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_keeps_the_file_it_opened(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    write_whole(path, "old", 0o600)

    with path.open() as reader:
        write_whole(path, "new", 0o600)

        assert (reader.read(), path.read_text()) == ("old", "new")


def test_what_cannot_be_written_leaves_the_old(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    write_whole(path, "old", 0o600)

    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800", 0o600)

    assert path.read_text() == "old"
