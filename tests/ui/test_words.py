"""One of a thing is told as one, and a message begins like a sentence."""

from __future__ import annotations

import pytest

from lamplighter.ui.words import beginning, tr


@pytest.mark.parametrize(
    ("template", "values", "words"),
    [
        ("Import {n} files", {"n": 1}, "Import 1 file"),
        ("Import {n} files", {"n": 2}, "Import 2 files"),
        ("{n} files were not read.", {"n": "1"}, "1 file was not read."),
        ("{n} files, {r} refused, {p} parts of others", {"n": 3, "r": 1, "p": 1},
         "3 files, 1 refused, 1 part of others"),
        ("Priority {p}: {n} alarms", {"p": 1, "n": 4}, "Priority 1: 4 alarms"),
        ("{size}, {n} new work orders", {"size": "1 MB", "n": 1}, "1 MB, 1 new work order"),
        ("{n} alarms wait for you", {"n": "1"}, "1 alarm waits for you"),
        ("{n} alarms waiting", {"n": 1}, "1 alarm waiting"),
        ("{n} points", {"n": "1,000"}, "1,000 points"),
        ("{on} files", {"on": True}, "True files"),
    ],
)  # fmt: skip
def test_one_of_a_thing_is_told_as_one(
    template: str, values: dict[str, object], words: str
) -> None:
    assert tr(template, **values) == words


def test_a_message_begins_with_a_capital_and_a_name_stays_as_it_is() -> None:
    assert beginning("the mapping cannot be used.") == "The mapping cannot be used."
    for name in ("gw-1/p sends nothing.", "town.csv needs a mapping.", "P-17 is open."):
        assert beginning(name)[1:] == name[1:]
    assert beginning("town.csv needs a mapping.") == "town.csv needs a mapping."
