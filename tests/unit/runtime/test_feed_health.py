"""What is known of feeds: holes are counted as they come and go, however many were lost before."""

from __future__ import annotations

import random
from pathlib import Path

from msgspec.structs import replace
from tests.kit.recorders import running

from lamplighter.domain.observation import Gap


def test_holes_of_each_sender_are_those_that_are_not_filled(tmp_path: Path) -> None:
    luck = random.Random(4)
    standing: dict[tuple[int, int], Gap] = {}
    with running(tmp_path / "town") as recorder:
        health = recorder.health
        for _ in range(400):
            source, first = luck.randrange(3), 10 * luck.randrange(8)
            gap = Gap(source, 7, first, first + source + 1, 0, 0, 0)
            gap = replace(gap, state=luck.choice(["open", "asked", "lost", "filled"]))
            health._note_gap(gap)
            standing.pop((source, first), None)
            if gap.state != "filled":
                standing[source, first] = gap
            health._last_look = None
            assert health._look().gaps == {
                s: (len(mine), len(mine) * (s + 2))
                for s in range(3)
                if (mine := [key for key in standing if key[0] == s])
            }
