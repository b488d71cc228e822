"""README and docs say what is there: commands, files, links."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from elec_assets_tests.test_cli import COMMANDS, GROUPS, LEAVES

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
_LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|<img[^>]+src=\"([^\"]+)\"")
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", _CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "") for title in titles]
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in plain}


def broken(page: Path) -> list[str]:
    """Links of a page to files of the repository, and to headings, that are not there."""
    found = []
    for match in _LINK.finditer(_CODE.sub("", page.read_text(encoding="utf-8"))):
        target = match[1] or match[2]
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        path = (page.parent / name).resolve() if name else page
        inside = path.is_relative_to(REPOSITORY)
        missing_anchor = anchor and path.suffix == ".md" and path.is_file() and anchor not in headings(path)
        if not inside or not path.exists() or missing_anchor:
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A b\n[a](nowhere.md) ![b](no.png) [c](#a-b) [d](#gone) [e](https://e.invalid)\n", encoding="utf-8"
    )
    assert broken(page) == ["nowhere.md", "no.png", "#a-b", "#gone"]  # outside the repository nothing is right


@pytest.mark.parametrize("command", LEAVES)
def test_the_readme_names_every_command(command: str) -> None:
    assert re.search(rf"`{command}\b", README.read_text(encoding="utf-8"))


def test_the_readme_names_no_command_that_is_not_there() -> None:
    named = set(
        re.findall(r"\belec ((?:(?:sandbox|candidates|release|watch) )?[a-z]+)", README.read_text(encoding="utf-8"))
    )
    assert {f"elec {name}" for name in named} <= {*LEAVES, *GROUPS}


def test_the_readme_names_no_option_that_is_not_there() -> None:
    text = README.read_text(encoding="utf-8")
    for name in LEAVES:
        options = {flag for option in COMMANDS[name].params for flag in option.opts} | {"--help"}
        for line in re.findall(rf"{name}\b[^`\n|]*", text):
            assert set(re.findall(r"--[a-z-]+", line)) <= options, line


def test_files_and_make_targets_that_the_readme_names_are_there() -> None:
    text = README.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:elec_assets|docs|bench|deploy)/[\w./-]*)`", text):
        assert (REPOSITORY / path).exists(), path
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE))
    assert named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
