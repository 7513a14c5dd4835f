"""What is measured where, of this moment and of a past one, from a project's own record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from tests.kit.clocks import FakeClock
from tests.kit.past_day import PastDay, Size, at

from lamplighter.cli import app
from lamplighter.cli.starters import Starters
from lamplighter.domain import wire
from lamplighter.domain.coverage import Rule
from lamplighter.domain.quality import Quality, QualityMark
from lamplighter.domain.suspicion import SUSPECT, Suspect
from lamplighter.runtime.coverage import CoverageAnswers, coverage_at
from lamplighter.runtime.project import create
from lamplighter.store import Store

MOMENT = at("03:42")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PastDay(tmp_path_factory.mktemp("day") / "p", Size(40, 60, 300, 300, 0, 8)).write()


@pytest.fixture
def store(day: Path) -> Iterator[Store]:
    opened = Store.open(day, write=False, clock=FakeClock())
    yield opened
    opened.close()


def totals(found: wire.Coverage) -> list[int]:
    """(live, stale, suspect) of the whole city."""
    return [int(n) for n in found.counts[:, :, 0].sum(axis=1)]


def test_a_past_moment_is_told_as_it_was_known_then(store: Store) -> None:
    then = coverage_at(store, MOMENT)
    now = coverage_at(store, MOMENT, as_known=False)
    assert totals(then) == [36, 4, 0]  # one gateway was silent and sent its values later
    assert totals(now) == [40, 0, 0]
    before = coverage_at(store, at("00:00"))
    assert totals(before) == [0, 40, 0]
    assert (before.verdict[:, 0] == 2).all()


def test_what_was_suspect_at_the_moment_does_not_count(tmp_path: Path) -> None:
    day = PastDay(tmp_path / "p", Size(40, 60, 900, 900, 0, 6)).write()
    with_mark = Store.open(day, write=True, clock=FakeClock())
    key = with_mark.datastreams()[0].key
    one = Suspect(key, "datastream", "stuck", "broken", "stands still", "still", 2.0,
                  at("03:00"), at("04:00"), standing=False)  # fmt: skip
    with_mark.writer.call(lambda a: a.put_setting(SUSPECT + key, json.dumps(_plain(one)))).result(
        60
    )
    found = [totals(coverage_at(with_mark, at(t)))[2] for t in ("02:00", "03:42", "05:00")]
    with_mark.close()
    assert found == [0, 1, 0]


def _plain(one: Suspect) -> Any:
    from msgspec import to_builtins

    return to_builtins(one)


def test_the_answer_is_worked_out_anew_only_when_other_sensors_are_live(store: Store) -> None:
    newest = store.moment(at("08:00"))
    city = SimpleNamespace(assets={a.id: a for a in store.assets()}, streams=store.datastreams())
    core = SimpleNamespace(city=city, newest=newest)
    answers = CoverageAnswers(SimpleNamespace(core=core, store=store))  # type: ignore[arg-type]
    answer = answers.table()[wire.GetCoverage]

    first = answer(wire.GetCoverage())
    assert isinstance(first, wire.Coverage) and totals(first) == [40, 0, 0]
    core.newest = replace_values(newest, value=newest.value + 1)
    assert isinstance(answer(wire.GetCoverage(seen=first.version)), wire.Ok)

    quality = newest.quality.copy()
    quality[:3] = Quality.STALE
    quality[3] |= QualityMark.WITHHELD
    core.newest = replace_values(newest, quality=quality)
    second = answer(wire.GetCoverage(seen=first.version))
    assert isinstance(second, wire.Coverage) and totals(second) == [36, 3, 1]

    core.city = SimpleNamespace(assets=city.assets, streams=city.streams[:20])
    assert totals(answer(wire.GetCoverage(seen=second.version)))[0] == 16  # type: ignore[arg-type]
    strict = answer(wire.GetCoverage(at_ms=MOMENT, rule=Rule(least_live=1000)))
    assert isinstance(strict, wire.Coverage) and not (strict.verdict == 0).any()


def replace_values(values: Any, **changed: np.ndarray) -> Any:
    from dataclasses import is_dataclass
    from dataclasses import replace as replaced

    return replaced(values, **changed) if is_dataclass(values) else replace(values, **changed)


# ---------------------------------------------------------------- the verb
def run(*words: str) -> int:
    return app.run(list(words), Starters(field=lambda _: 2, window=lambda **_: 2))


def test_the_verb_tells_districts_with_their_verdicts(
    day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("coverage", str(day), "--at", str(MOMENT), "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["origin"], body["counted"]) == ("squares", "people")
    cells = [d["measured"][0] for d in body["districts"]]
    assert sum(c["live"] for c in cells) == 36 and sum(c["stale"] for c in cells) == 4
    assert all((c["verdict"] == "not measured") == (c["live"] == 0) for c in cells)
    assert run("coverage", str(day), "--at", str(MOMENT), "--of", "no2") == 0
    told = capsys.readouterr().out
    assert "squares of 500 m" in told and "thinly measured: fewer than 2 live" in told


def test_the_verb_words_every_fault_in_one_line(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create(tmp_path / "empty")
    for code, words in (
        (2, ("coverage", str(day), "--of", "moonlight")),
        (2, ("coverage", str(day), "--at", "yesterweek")),
        (2, ("coverage", str(day), "--within", "nan")),
        (2, ("coverage", str(day), "--share", "2")),
        (3, ("coverage", str(tmp_path / "nowhere"))),
    ):
        assert run(*words) == code, words
        out, err = capsys.readouterr()
        assert not out and len(err.strip().splitlines()) == 1, (words, err)
    assert run("coverage", str(tmp_path / "empty")) == 0
    assert "Nothing with a place is in this project yet." in capsys.readouterr().out
