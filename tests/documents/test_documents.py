"""The documents are checked like code: every file and command they name exists, and links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(p for p in ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
SECTIONS = ("README.md", "apisix/README.md", "sandbox/README.md", "bench/README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())

    missing = [link for link in links if not (page.parent / link).exists()]

    assert missing == []


def recipes() -> list[tuple[str, str]]:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    parts = re.findall(r"^## (.+?)\n<!-- files -->\n(.*?)(?=^## |\Z)", text, re.S | re.M)
    return [(title, path) for title, body in parts for path in re.findall(r"`([\w.\-]+/[\w.\-/]*)`", body)]


def test_there_are_five_recipes() -> None:
    assert len({title for title, _ in recipes()}) == 5


@pytest.mark.parametrize(("title", "path"), recipes(), ids=lambda v: v)
def test_a_recipe_names_files_that_exist(title: str, path: str) -> None:
    assert (ROOT / path).exists(), f"{title} sends the reader to {path}"


def test_the_makefile_has_each_verb_the_documents_name() -> None:
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set()
    for page in PAGES:
        named |= set(re.findall(r"`make ([a-z]+)`", page.read_text()))

    assert named <= verbs


def test_chinese_and_english_readme_name_the_same_files() -> None:
    def links(name: str) -> set[str]:
        return {
            link.split("/")[0]
            for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", (ROOT / name).read_text())
        }

    assert links("README.zh-CN.md") - {"README.md"} <= links("README.md")
