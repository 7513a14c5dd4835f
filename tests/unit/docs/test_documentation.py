"""What the documentation says exists: verbs, keys, targets, files, codes and links."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.unit.docs import write_messages

from lamplighter.cli.app import build
from lamplighter.cli.starters import Starters
from lamplighter.domain.problems import CATALOGUE
from lamplighter.pipeline import read_mapping
from lamplighter.runtime.settings import DEFAULTS

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "resources" / "docs"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(DOCS / "manual").glob("*.md"), *(DOCS / "decisions").glob("*.md")]
)
OUTSIDE = {"field", "worker"}
"""verbs that read their own arguments"""


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def verbs() -> Any:
    def nothing(*_: Any, **__: Any) -> int:
        return 0

    found = typer.main.get_command(build(Starters(field=nothing, window=nothing)))
    assert hasattr(found, "commands")
    return found


def said_commands(text: str) -> Iterator[list[str]]:
    """Words after `lamplighter` in code, one list per command."""
    code = re.findall(r"```(?:\w*)\n(.*?)```", text, re.DOTALL)
    code += re.findall(r"`([^`\n]+)`", text)
    for block in code:
        for line in block.splitlines():
            words = re.sub(r'"[^"]*"', "X", line.split("#")[0]).split()
            if words[:1] == ["lamplighter"] and len(words) > 1:
                yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_verb_and_option_in_the_texts_exists(page: Path, verbs: Any) -> None:
    for words in said_commands(page.read_text(encoding="utf-8")):
        command = verbs
        rest = list(words)
        while rest and hasattr(command, "commands"):
            assert rest[0] in command.commands, f"lamplighter {' '.join(words)}"
            command = command.commands[rest.pop(0)]
        if words[0] in OUTSIDE:
            continue
        known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        said = {w for w in rest if w.startswith("--")}
        assert said <= known | {"--help"}, f"lamplighter {' '.join(words)}"


def test_the_readme_names_every_verb(verbs: Any) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("## Verbs")[1].split("## ")[0]
    missing = [name for name in verbs.commands if f"`{name}" not in table]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_make_target_in_the_texts_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    said = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
    assert said <= targets


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_resolve(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{relative(page)} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{relative(page)} links to {target}"


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in heads}


def test_the_page_of_messages_is_made_from_the_catalogue() -> None:
    text = write_messages.PAGE.read_text(encoding="utf-8")
    missing = [code for code in CATALOGUE if f"| {code} |" not in text]
    assert missing == [], "run: python -m tests.unit.docs.write_messages"
    assert text == write_messages.page(), "run: python -m tests.unit.docs.write_messages"


def test_advice_is_given_for_messages_that_exist() -> None:
    assert set(write_messages.MORE) <= set(CATALOGUE)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_codes_in_the_texts_are_in_the_catalogue(page: Path) -> None:
    said = set(re.findall(r"\[([A-Z]-\d{3})\]", page.read_text(encoding="utf-8")))
    assert said <= set(CATALOGUE)


def test_the_indexes_name_every_page() -> None:
    for folder in ("manual", "decisions"):
        index = (DOCS / folder / "README.md").read_text(encoding="utf-8")
        pages = [p.name for p in (DOCS / folder).glob("*.md") if p.name != "README.md"]
        assert [name for name in pages if f"({name})" not in index] == []


def test_decisions_are_numbered_once() -> None:
    numbers = [p.name[:4] for p in (DOCS / "decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))


def test_settings_in_the_manual_exist() -> None:
    text = (DOCS / "manual" / "administrator.md").read_text(encoding="utf-8")
    table = text.split("## Settings")[1].split("## ")[0]
    said = set(re.findall(r"^\| `([a-z_.]+)`", table, re.MULTILINE))
    assert said
    assert said <= set(DEFAULTS)


def test_the_mapping_in_the_manual_is_one() -> None:
    text = (DOCS / "manual" / "administrator.md").read_text(encoding="utf-8")
    found = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    mapping = read_mapping(found[1])
    assert mapping.topics == ("city/weather/+/state",)


def test_the_first_minute_is_the_plan_of_the_demo() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("## The first minute")[1].split("## ")[0]
    plan = tomllib.loads((ROOT / "resources" / "demo" / "district.toml").read_text())["plan"]
    assert [e for e in plan if f"{e['at_s']:.0f} s" not in table] == []


def test_keys_in_the_manual_are_those_of_the_window() -> None:
    text = (DOCS / "manual" / "operator.md").read_text(encoding="utf-8")
    table = text.split("## Keys")[1].split("In 3D")[0]
    said = set(re.findall(r"`(F\d+|Shift\+F\d+|Ctrl\+[A-Z])`", table))
    actions = (ROOT / "app" / "lamplighter" / "ui" / "actions.py").read_text(encoding="utf-8")
    assert {"F2", "Ctrl+K"} <= said
    assert [key for key in sorted(said) if f'"{key}"' not in actions] == []


def test_messages_in_the_manual_are_json() -> None:
    text = (DOCS / "manual" / "native-message.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        assert isinstance(json.loads(block), dict)


def test_pictures_are_small_and_all_of_them_are_used() -> None:
    pictures = sorted((DOCS / "pictures").glob("*.png"))
    texts = "".join(p.read_text(encoding="utf-8") for p in PAGES)
    assert all(p.stat().st_size < 400_000 for p in pictures)
    assert [p.name for p in pictures if f"pictures/{p.name}" not in texts] == []
