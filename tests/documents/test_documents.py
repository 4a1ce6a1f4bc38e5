"""The documents are checked like code: every file and command they name exists, and links lead somewhere."""

import re
from pathlib import Path

import pytest
from django.core.management import find_commands
from dotenv import dotenv_values

from common import config

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("*/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


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


def test_decisions_are_numbered_on_without_a_gap() -> None:
    pages = sorted((ROOT / "docs/adr").glob("*.md"))

    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for number, page in enumerate(pages, start=1):
        assert page.read_text().startswith(f"# {number}. ")


def test_the_makefile_has_each_verb_the_documents_name() -> None:
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set()
    for page in PAGES:
        named |= set(re.findall(r"\bmake ([a-z]+)(?= *(?:[`&#;]|$))", page.read_text(), re.M))

    assert named >= {"run", "test", "check", "docs", "soak", "reset"}
    assert named <= verbs


def commands() -> set[str]:
    folders = [ROOT / "common", *ROOT.glob("*-service/*"), *ROOT.glob("sandbox/*")]
    ours = {name for folder in folders for name in find_commands(str(folder / "management"))}
    return ours | {"migrate", "runserver", "createsuperuser", "changepassword"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"manage\.py ([a-z_]+)", page.read_text())

    assert set(named) <= commands()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_and_document_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:common|docs|scripts|tests|contracts|apisix|bench)/[\w./-]+)`", page.read_text())
    in_a_service = re.findall(r"`((?:order|payment|notification|security)/[\w./-]+)`", page.read_text())

    assert [path for path in named if not (ROOT / path).exists()] == []
    assert [path for path in in_a_service if not any(ROOT.glob(f"*-service/{path}"))] == []


def test_the_example_environment_names_every_setting_and_nothing_else() -> None:
    example = dotenv_values(ROOT / ".env.example")

    assert list(example) == [setting.name for setting in config.SETTINGS]


def test_the_example_environment_changes_nothing_when_copied(tmp_path: Path) -> None:
    copied = config.read_environment(ROOT / ".env.example", {"CFMP_VAR_DIR": str(tmp_path)})

    assert copied == {"CFMP_VAR_DIR": str(tmp_path)}


def test_chinese_and_english_readme_have_the_same_content() -> None:
    english, chinese = ((ROOT / name).read_text() for name in ("README.md", "README.zh-CN.md"))

    def parts(text: str, pattern: str) -> list[str]:
        return sorted(set(re.findall(pattern, text, re.M)) - {"README.md", "README.zh-CN.md"})

    for pattern in (r"\]\((?!https?://|#)([^)#]+)", r"`([^`\n]+)`", r"^((?:make|curl|TOKEN).*?)(?: *#.*)?$"):
        assert parts(english, pattern) == parts(chinese, pattern)
    assert english.count("\n## ") == chinese.count("\n## ")
